// Frames, records and messages: what was written reads back, what was damaged is refused.
#include "replicate/link/frame.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "replicate/link/messages.h"
#include "replicate/link/record.h"
#include "tests/support/seeds.h"

namespace creel::replicate {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

Record random_record(TestRandom& random, std::uint64_t lsn, Bytes& body) {
  Record record;
  record.kind = static_cast<std::uint8_t>(random.between(1, 3));
  record.lsn = lsn;
  record.version_lsn = random.chance(0.2) ? lsn - 1 : lsn;
  record.bucket = record.source_bucket = random.text(random.between(3, 63), "abc-9");
  record.key = record.source_key = random.binary(random.between(1, 1'024));
  if (random.chance(0.3)) record.source_key = random.binary(random.between(1, 1'024));
  record.time_ms = static_cast<std::int64_t>(random.below(1ull << 42));
  record.etag = random.text(32, "0123456789abcdef");
  if (random.chance(0.5))
    record.headers.emplace_back("x-amz-meta-a", random.binary(random.below(2'000)));
  if (random.chance(0.5)) record.checksum = {"CRC32", "FULL_OBJECT", "AAAAAA=="};
  body = random.bytes(random.skewed_below(70'000));
  if (!record.is(RecordKind::kDelete)) {
    record.body_bytes = body.size();
    record.crc64 = crc64_nvme(body);
  }
  if (record.is(RecordKind::kPut)) record.body = body;
  return record;
}

TEST(Frame, AHeaderReadsBackAndNoBitMayFlip) {
  for (Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    FrameHeader header;
    header.type = static_cast<std::uint8_t>(random.between(1, 20));
    header.stream = static_cast<std::uint16_t>(random.next());
    header.from = random.next();
    header.to = random.next();
    header.raw_bytes = header.wire_bytes = static_cast<std::uint32_t>(random.below(kTextBytesMax));
    header.payload_crc = static_cast<std::uint32_t>(random.next());
    Bytes wire;
    append_frame_header(wire, header);
    ASSERT_EQ(wire.size(), kFrameHeaderBytes);
    auto read = parse_frame_header(wire);
    ASSERT_TRUE(read.ok()) << error_text(read.error());
    EXPECT_EQ(read.value().from, header.from);
    EXPECT_EQ(read.value().to, header.to);
    EXPECT_EQ(read.value().payload_crc, header.payload_crc);
    wire[random.below(wire.size())] ^= static_cast<std::uint8_t>(1u << random.below(8));
    EXPECT_FALSE(parse_frame_header(wire).ok());
  }
}

TEST(Frame, LengthsPastTheBoundAreRefusedByTheHeaderAlone) {
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kData);
  header.raw_bytes = header.wire_bytes = kPayloadBytesMax + 1;
  Bytes wire;
  append_frame_header(wire, header);
  EXPECT_EQ(parse_frame_header(wire).error().code, ErrorCode::kTooLarge);
  header.type = static_cast<std::uint8_t>(FrameType::kHello);
  header.raw_bytes = header.wire_bytes = kTextBytesMax + 1;
  wire.clear();
  append_frame_header(wire, header);
  EXPECT_EQ(parse_frame_header(wire).error().code, ErrorCode::kTooLarge);
  header.type = static_cast<std::uint8_t>(FrameType::kData);
  header.raw_bytes = 7;
  header.wire_bytes = 8;
  wire.clear();
  append_frame_header(wire, header);
  EXPECT_EQ(parse_frame_header(wire).error().code, ErrorCode::kInvalid);
}

TEST(Frame, RecordsReadBackOneAfterTheOther) {
  for (Seed seed : seeds(100)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Bytes payload;
    std::vector<Record> written(random.between(1, 5));
    std::vector<Bytes> bodies(written.size());
    for (std::size_t i = 0; i < written.size(); ++i) {
      written[i] = random_record(random, i + 10, bodies[i]);
      ASSERT_TRUE(append_record(payload, written[i]).ok());
    }
    std::size_t at = 0;
    Digest sent, seen;
    for (const Record& record : written) {
      auto read = parse_record(payload, at);
      ASSERT_TRUE(read.ok()) << error_text(read.error());
      const Record& got = read.value();
      EXPECT_EQ(got.lsn, record.lsn);
      EXPECT_EQ(got.version_lsn, record.version_lsn);
      EXPECT_EQ(got.bucket, record.bucket);
      EXPECT_EQ(got.key, record.key);
      EXPECT_EQ(got.source_key, record.source_key);
      EXPECT_EQ(got.headers, record.headers);
      EXPECT_EQ(got.etag, record.etag);
      EXPECT_TRUE(equal(got.body, record.body));
      sent.add(record);
      seen.add(got);
    }
    EXPECT_EQ(at, payload.size());
    EXPECT_TRUE(sent == seen);
    EXPECT_TRUE(Digest::parse(sent.bytes()) == sent);
  }
}

TEST(Frame, ADamagedRecordIsRefusedAndNeverReadPastItsEnd) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Bytes payload, body;
    const Record record = random_record(random, 5, body);
    ASSERT_TRUE(append_record(payload, record).ok());
    if (random.chance(0.5)) payload.resize(random.below(payload.size()));
    else payload[random.below(payload.size())] ^= static_cast<std::uint8_t>(1u << random.below(8));
    std::size_t at = 0;
    const auto read = parse_record(payload, at);
    EXPECT_FALSE(read.ok());
  }
}

TEST(Messages, ReadBack) {
  Hello hello;
  hello.stream.site = 7;
  hello.stream.log = {1, 2, 3};
  hello.stream.epoch = 2;
  hello.stream.rule = "to \"core\"";
  hello.site_name = "shop";
  hello.connection = (5ull << 24) + 3;
  hello.log_end = 99;
  auto heard = Hello::decode(as_bytes(hello.encode()));
  ASSERT_TRUE(heard.ok()) << error_text(heard.error());
  EXPECT_TRUE(heard.value().stream == hello.stream);
  EXPECT_EQ(heard.value().connection, hello.connection);
  EXPECT_EQ(stream_id(hello.stream).size(), 60u);

  Welcome welcome;
  welcome.low = 1ull << 60;
  welcome.grant_bytes = 8 * MiB;
  welcome.transfers = {{3, 1 << 20, 0xfeedfacecafebeefull}};
  auto read = Welcome::decode(as_bytes(welcome.encode()));
  ASSERT_TRUE(read.ok()) << error_text(read.error());
  EXPECT_EQ(read.value().low, welcome.low);
  ASSERT_EQ(read.value().transfers.size(), 1u);
  EXPECT_EQ(read.value().transfers[0].crc64, 0xfeedfacecafebeefull);

  Ack ack;
  ack.low = 12;
  ack.transfer = {13, 14, 15};
  auto acked = Ack::decode(ack.encode());
  ASSERT_TRUE(acked.ok());
  EXPECT_EQ(acked.value().transfer.offset, 14u);
  EXPECT_FALSE(Ack::decode(Bytes(10)).ok());
  EXPECT_FALSE(Hello::decode(as_bytes("{\"site\":7}")).ok());
  EXPECT_FALSE(Welcome::decode(as_bytes("[]")).ok());
}

}  // namespace
}  // namespace creel::replicate
