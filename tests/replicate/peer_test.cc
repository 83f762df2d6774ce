// Peers that break the rules of the link: refused with a reason, in bounded memory, without effect.
#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "platform/http/client.h"
#include "replicate/link/frame_stream.h"
#include "tests/replicate/link_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

// Says HELLO as `site`, then whatever bytes, and returns what the receiver answered last.
Task<Result<std::string>> misbehave(SimNode& node, std::uint32_t site, Bytes after_hello) {
  Address server{"core", 9100};
  std::optional<TlsSettings> tls = TlsSettings{};
  HttpClient client(node.platform().network, std::move(server), std::move(tls));
  HttpClientRequest request;
  request.target = std::string(kReplicatePath);
  request.headers.add("Upgrade", kReplicateProtocol);
  request.headers.add("Creel-Repl", "1-1");
  CO_TRY(stream, co_await client.upgrade(node.ctx(), std::move(request)));
  FrameWriter writer(*stream);
  FrameReader reader(*stream);
  Hello hello;
  hello.stream.site = site;
  hello.stream.rule = "all";
  hello.connection = 1;
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kHello);
  const std::string text = hello.encode();
  CO_DO(co_await writer.write(node.ctx(), header, as_bytes(text), false));
  CO_TRY(welcome, co_await reader.next(node.ctx()));
  if (!welcome) co_return std::string("closed");
  if (!welcome->header.is(FrameType::kWelcome)) co_return to_string(welcome->payload);
  const ByteView parts[] = {after_hello};
  CO_DO(co_await stream->write(node.ctx(), parts));
  std::string last = "welcome";
  while (true) {
    auto frame = co_await reader.next(node.ctx());
    if (!frame.ok() || !frame.value()) co_return std::move(last);
    last = frame.value()->header.is(FrameType::kAck) ? "ack" : to_string(frame.value()->payload);
  }
}

class Peer : public ::testing::Test {
 protected:
  Peer() : link(1) { EXPECT_TRUE(link.start_core()); }
  std::string answer_to(Bytes bytes, std::uint32_t site = 7) {
    auto said =
        link.world.finish(link.edge.node, misbehave(link.edge.node, site, std::move(bytes)), 300_s);
    if (!said) return "no answer";
    return said->ok() ? said->take() : error_text(said->error());
  }
  static Bytes data(std::uint64_t from, std::uint64_t to, const std::vector<Record>& records) {
    Bytes payload;
    for (const Record& record : records) check(append_record(payload, record).ok());
    FrameHeader header;
    header.type = static_cast<std::uint8_t>(FrameType::kData);
    header.from = from;
    header.to = to;
    header.raw_bytes = header.wire_bytes = static_cast<std::uint32_t>(payload.size());
    header.payload_crc = crc32c(payload);
    Bytes wire;
    append_frame_header(wire, header);
    append(wire, payload);
    return wire;
  }
  static Record erase_record(std::uint64_t lsn) {
    Record record;
    record.kind = static_cast<std::uint8_t>(RecordKind::kDelete);
    record.lsn = record.version_lsn = lsn;
    record.bucket = record.source_bucket = "bucket";
    record.key = record.source_key = "key";
    return record;
  }
  LinkWorld link;
};

TEST_F(Peer, ANameThatIsNotItsOwnIsRefused) {
  EXPECT_NE(answer_to({}, 8).find("may not connect"), std::string::npos);
}

TEST_F(Peer, GarbageEndsTheLink) {
  TestRandom random(1);
  EXPECT_NE(answer_to(random.bytes(5'000)).find("CRF1"), std::string::npos);
  EXPECT_EQ(link.receiver->status().bad_frames, 1u);
}

TEST_F(Peer, AHugeFrameIsRefusedByItsHeader) {
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kData);
  header.raw_bytes = header.wire_bytes = 0x7fffffff;
  Bytes wire;
  append_frame_header(wire, header);
  EXPECT_NE(answer_to(wire).find("the bound is"), std::string::npos);
}

TEST_F(Peer, AGapOrAWrongOrderHasNoEffect) {
  EXPECT_NE(answer_to(data(5, 6, {erase_record(6)})).find("gap"), std::string::npos);
  EXPECT_NE(answer_to(data(0, 3, {erase_record(2), erase_record(2)})).find("out of order"),
            std::string::npos);
  EXPECT_NE(answer_to(data(0, 1, {erase_record(2)})).find("out of order"), std::string::npos);
  EXPECT_EQ(link.receiver->status().operations, 0u);
}

TEST_F(Peer, AnUnknownRecordIsRefusedAndNothingOfItsFrameApplied) {
  Record later = erase_record(2);
  later.kind = 77;
  const std::string said = answer_to(data(0, 2, {erase_record(1), later}));
  EXPECT_NE(said.find("without what was refused"), std::string::npos) << said;
  EXPECT_EQ(link.receiver->status().refused_operations, 1u);
  EXPECT_EQ(link.receiver->status().operations, 0u);
}

TEST_F(Peer, ALinkThatSaysNothingIsEnded) {
  EXPECT_EQ(answer_to({}), "welcome");
  EXPECT_EQ(link.receiver->status().sessions, 0u);
}

}  // namespace
}  // namespace creel::test
