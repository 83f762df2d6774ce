// What becomes of encrypted objects on a link: nothing of them travels or lands in the clear.
#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "s3/service/object_service.h"
#include "tests/replicate/link_world.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

using s3::EncryptionKind;

s3::KeyRing ring_of(std::uint8_t master) {
  s3::KeyRing ring;
  ring.add_master_key(Bytes(32, master));
  ring.add_kms_key("one", Bytes(32, static_cast<std::uint8_t>(master + 1)));
  return ring;
}

class EncryptedLink : public testing::Test {
 protected:
  EncryptedLink() {
    link.edge_keys = &edge_ring;
    link.receiver_options.keys = &core_ring;
    customer.key = SecretKey(Bytes(32, 0x77));
  }
  static s3::ServiceOptions with(const s3::KeyRing& ring) {
    s3::ServiceOptions options;
    options.keys = &ring;
    return options;
  }
  s3::ObjectService service(Box& box, const s3::KeyRing& ring) {
    return s3::ObjectService(box.node.platform(), *box.log, *box.blobs, with(ring));
  }
  s3::EncryptionWish wish(EncryptionKind kind) const {
    s3::EncryptionWish made;
    made.kind = kind;
    if (kind == EncryptionKind::kCustomer) made.customer = customer;
    return made;
  }
  void put(std::string key, std::string text, EncryptionKind kind) {
    s3::ObjectService edge = service(link.edge, edge_ring);
    s3::test::TextBody body(std::move(text));
    s3::PutArguments arguments;
    arguments.bucket = "field";
    arguments.key = std::move(key);
    arguments.encryption = wish(kind);
    auto done = link.world.finish(
        link.edge.node,
        edge.put_object(link.edge.node.ctx(), std::move(arguments), body, s3::BodyPromise()));
    ASSERT_TRUE(done && done->ok()) << (done ? done->error().message : "crashed");
  }
  // In parts of different lengths.
  void put_in_parts(std::string key, const std::vector<std::string>& parts, EncryptionKind kind) {
    s3::ObjectService edge = service(link.edge, edge_ring);
    Ctx& ctx = link.edge.node.ctx();
    s3::UploadArguments upload{"field", key, "test", {}, {}};
    upload.encryption = wish(kind);
    auto id = link.world.finish(link.edge.node, edge.create_upload(ctx, std::move(upload)));
    ASSERT_TRUE(id && id->ok());
    s3::CompleteArguments complete;
    complete.bucket = "field";
    complete.key = key;
    complete.upload_id = id->value();
    if (kind == EncryptionKind::kCustomer) complete.customer = customer;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      s3::test::TextBody body(parts[i]);
      s3::PartArguments arguments{"field", key, id->value(), static_cast<std::uint16_t>(i + 1)};
      arguments.customer = complete.customer;
      auto part = link.world.finish(
          link.edge.node, edge.put_part(ctx, std::move(arguments), body, s3::BodyPromise()));
      ASSERT_TRUE(part && part->ok());
      complete.parts.push_back({static_cast<std::uint32_t>(i + 1), part->value().etag, {}});
    }
    auto done = link.world.finish(link.edge.node, edge.complete_upload(ctx, std::move(complete)));
    ASSERT_TRUE(done && done->ok()) << (done ? done->error().message : "crashed");
  }
  // The plain bytes at the core; the error's text if they cannot be had.
  std::string get(std::string_view key, const s3::CustomerKey* with_key, std::uint64_t offset = 0) {
    s3::ObjectService core = service(link.core, core_ring);
    auto opened = core.open("field", key);
    if (!opened.ok()) return opened.error().message;
    if (auto unlocked = core.unlock(opened.value(), with_key); !unlocked.ok())
      return unlocked.error().message;
    auto reader = core.read(opened.value(), offset, opened.value().record.size - offset);
    if (!reader.ok()) return reader.error().message;
    auto text = link.world.finish(link.core.node,
                                  read_all(link.core.node.ctx(), *reader.value(), 64 * MiB));
    if (!text) return "crashed";
    return text->ok() ? text->take() : error_text(text->error());
  }
  EncryptionKind kind_at_core(std::string_view key) {
    const auto record = link.core.find("field", key);
    if (!record) return EncryptionKind::kNone;
    return s3::ObjectService::told(record->attributes.encryption, nullptr).kind;
  }
  // As it lies in the store of the core.
  std::string stored_at_core(std::string_view key) {
    const auto record = link.core.find("field", key);
    if (!record) return "absent";
    const auto stored = s3::stored_bytes(record->attributes.encryption, record->size);
    auto runs = s3::body_runs(*link.core.store, *record, 0, stored.value());
    s3::ObjectReader reader(*link.core.blobs, runs.take());
    auto text = link.world.finish(link.core.node, read_all(link.core.node.ctx(), reader, 64 * MiB));
    return text && text->ok() ? text->take() : "unreadable";
  }
  std::string reason_parked() {
    auto parked = link.shipper->parked(0, 10);
    if (!parked.ok() || parked.value().empty()) return "nothing is parked";
    return cat(parked.value().size(), ' ', parked.value()[0].reason, ": ",
               parked.value()[0].detail);
  }
  static std::string text_of(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += cat("record ", text.size(), " of the field\n");
    text.resize(bytes);
    return text;
  }

  const s3::KeyRing edge_ring = ring_of(1);
  const s3::KeyRing core_ring = ring_of(0x50);  // Another site has other keys.
  s3::CustomerKey customer;
  LinkWorld link{5};
};

TEST_F(EncryptedLink, EveryKindArrivesUnderAKeyOfTheCore) {
  ASSERT_TRUE(link.start());
  link.bucket("field");
  for (const std::size_t bytes : {0u, 50u, 100'000u, 3'000'000u})
    for (const EncryptionKind kind :
         {EncryptionKind::kCustomer, EncryptionKind::kServer, EncryptionKind::kKms}) {
      const std::string key = cat(static_cast<int>(kind), '-', bytes);
      put(key, text_of(bytes), kind);
      ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
      ASSERT_EQ(kind_at_core(key), kind) << key << ' ' << reason_parked();
      EXPECT_EQ(get(key, kind == EncryptionKind::kCustomer ? &customer : nullptr), text_of(bytes));
      if (bytes > 0) {
        EXPECT_EQ(stored_at_core(key).find("of the field"), std::string::npos);
      }
      if (kind == EncryptionKind::kCustomer) {
        EXPECT_NE(get(key, nullptr), text_of(bytes));
      }
    }
  EXPECT_EQ(link.shipper->status().parked, 0u);
}

TEST_F(EncryptedLink, PartsArriveAndAnyRangeOfThemOpens) {
  ASSERT_TRUE(link.start());
  link.bucket("field");
  const std::vector<std::string> parts{text_of(5 * MiB), text_of(5 * MiB), text_of(5 * MiB + 7),
                                       text_of(9)};
  std::string whole;
  for (const std::string& part : parts) whole += part;
  for (const EncryptionKind kind : {EncryptionKind::kCustomer, EncryptionKind::kServer}) {
    const std::string key = cat(static_cast<int>(kind));
    put_in_parts(key, parts, kind);
    ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
    const s3::CustomerKey* with_key = kind == EncryptionKind::kCustomer ? &customer : nullptr;
    EXPECT_EQ(get(key, with_key) == whole, true) << reason_parked();
    EXPECT_EQ(get(key, with_key, 10 * MiB - 3) == whole.substr(10 * MiB - 3), true);
  }
}

TEST_F(EncryptedLink, ASenderThatWasCutGoesOnWithTheSameBytes) {
  ASSERT_TRUE(link.start());
  link.bucket("field");
  put("large", text_of(20'000'000), EncryptionKind::kServer);
  ASSERT_TRUE(link.world.run_until([&] { return link.receiver->status().parts > 0; }, 600_s));
  ASSERT_TRUE(link.crash_edge(SimCrash::kPowerLoss));
  ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
  EXPECT_EQ(get("large", nullptr) == text_of(20'000'000), true)
      << get("large", nullptr).substr(0, 200);
}

TEST_F(EncryptedLink, ACoreWithoutAMasterKeyRefusesAndTheObjectIsParked) {
  link.receiver_options.keys = nullptr;
  ASSERT_TRUE(link.start());
  link.bucket("field");
  put("a", text_of(100), EncryptionKind::kServer);
  put("b", text_of(2'000'000), EncryptionKind::kServer);
  put("c", text_of(100), EncryptionKind::kNone);
  ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
  EXPECT_FALSE(link.core.find("field", "a"));
  EXPECT_FALSE(link.core.find("field", "b"));
  EXPECT_EQ(get("c", nullptr), text_of(100));  // Nothing waits behind them.
  EXPECT_NE(reason_parked().find("2 Encrypted"), std::string::npos) << reason_parked();
  EXPECT_NE(reason_parked().find("master key"), std::string::npos);
}

TEST_F(EncryptedLink, AnEdgeThatLostItsKeyParksTheObject) {
  ASSERT_TRUE(link.start());
  link.bucket("field");
  link.stop_edge();
  link.edge.node.restart();
  const s3::KeyRing other = ring_of(9);
  link.edge_keys = &other;
  ASSERT_TRUE(link.start_edge());
  put("a", text_of(100), EncryptionKind::kServer);
  ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
  EXPECT_FALSE(link.core.find("field", "a"));
  EXPECT_NE(reason_parked().find("1 Encrypted"), std::string::npos) << reason_parked();
}

}  // namespace
}  // namespace creel::test
