#include <gtest/gtest.h>

#include <algorithm>

#include "s3/wire/etag.h"
#include "tests/support/memory_s3.h"

namespace creel::s3 {
namespace {

using creel::test::seeds;
using creel::test::TestRandom;
using test::MemoryS3;

KeyRing some_keys() {
  KeyRing keys;
  keys.add_master_key(Bytes(32, 1));
  keys.add_kms_key("one", Bytes(32, 2));
  keys.add_kms_key("two", Bytes(32, 3));
  return keys;
}

class EncryptionTest : public testing::Test {
 protected:
  static ServiceOptions options_of(const KeyRing& keys) {
    ServiceOptions options;
    options.keys = &keys;
    return options;
  }
  void SetUp() override {
    ASSERT_TRUE(s3.make_bucket("bucket").ok());
    customer.key = SecretKey(Bytes(32, 7));
  }
  EncryptionWish wish(EncryptionKind kind) const {
    EncryptionWish made;
    made.kind = kind;
    if (kind == EncryptionKind::kCustomer) made.customer = customer;
    return made;
  }
  S3Result<WriteOutcome> put(std::string key, std::string text, EncryptionWish encryption) {
    test::TextBody body(std::move(text), 100'000);
    PutArguments arguments;
    arguments.bucket = "bucket";
    arguments.key = std::move(key);
    arguments.encryption = std::move(encryption);
    return s3.run([&](Ctx& ctx) {
      return s3.service.put_object(ctx, std::move(arguments), body, BodyPromise());
    });
  }
  S3Result<std::string> get(std::string_view key, const CustomerKey* with, std::uint64_t offset = 0,
                            std::optional<std::uint64_t> length = {}) {
    TRY(opened, s3.service.open("bucket", key));
    TRY_DO(s3.service.unlock(opened, with));
    TRY(reader, s3.service.read(opened, offset, length.value_or(opened.record.size - offset)));
    Result<std::string> text = s3.run([&](Ctx& ctx) { return read_all(ctx, *reader, 64 * MiB); });
    if (!text.ok()) return text.error();
    return text.take();
  }
  S3Result<WriteOutcome> copy(std::string from, std::string to, EncryptionWish encryption,
                              bool with_key) {
    CopyArguments arguments;
    arguments.bucket = "bucket";
    arguments.key = std::move(to);
    arguments.source.bucket = "bucket";
    arguments.source.key = std::move(from);
    arguments.encryption = std::move(encryption);
    if (with_key) arguments.source_customer = customer;
    return s3.run([&](Ctx& ctx) { return s3.service.copy_object(ctx, std::move(arguments)); });
  }
  // Whether `text` lies anywhere in what is stored: rows, payloads and blobs.
  bool is_stored(std::string_view text) const {
    for (const auto& [name, value] : test::rows_of(s3.log.image()))
      if (value.find(text) != std::string::npos) return true;
    for (const auto& [manifest, bytes] : s3.blobs.blobs)
      if (as_text(bytes).find(text) != std::string_view::npos) return true;
    for (const auto& [at, bytes] : s3.log.payloads())
      if (as_text(bytes).find(text) != std::string_view::npos) return true;
    for (const auto& accepted : s3.log.accepted())
      if (accepted.meta.find(text) != std::string::npos) return true;
    return false;
  }

  const KeyRing keys = some_keys();
  MemoryS3 s3{{}, 1024, options_of(keys)};
  CustomerKey customer;
};

constexpr EncryptionKind kKinds[] = {EncryptionKind::kNone, EncryptionKind::kCustomer,
                                     EncryptionKind::kServer, EncryptionKind::kKms};

std::string long_text(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += cat("line ", text.size(), " of a secret\n");
  text.resize(bytes);
  return text;
}

TEST_F(EncryptionTest, NothingOfABodyIsStoredInTheClear) {
  for (const EncryptionKind kind : kKinds) {
    if (kind == EncryptionKind::kNone) continue;
    for (const std::size_t bytes : {20u, 300'000u}) {
      const std::string text = long_text(bytes);
      ASSERT_TRUE(put("a", text, wish(kind)).ok());
      EXPECT_FALSE(is_stored(text.substr(0, 16)));
      EXPECT_FALSE(is_stored(text.substr(text.size() - 16)));
      const CustomerKey* with = kind == EncryptionKind::kCustomer ? &customer : nullptr;
      EXPECT_EQ(get("a", with).value(), text);
    }
  }
  EXPECT_FALSE(is_stored(std::string(8, '\x07')));  // The client's key.
  ASSERT_TRUE(put("a", long_text(300'000), wish(EncryptionKind::kNone)).ok());
  EXPECT_TRUE(is_stored(long_text(16)));  // The search can find.
}

TEST_F(EncryptionTest, TheETagTellsTheMd5OfSseS3Only) {
  const std::string md5 = simple_etag(Md5::of(as_bytes(std::string_view("text"))));
  EXPECT_EQ(put("a", "text", wish(EncryptionKind::kServer)).value().etag, md5);
  for (const EncryptionKind kind : {EncryptionKind::kCustomer, EncryptionKind::kKms}) {
    const std::string etag = put("a", "text", wish(kind)).value().etag;
    EXPECT_NE(etag, md5);
    EXPECT_EQ(etag.size(), 32u);
    EXPECT_NE(put("a", "text", wish(kind)).value().etag, etag);
  }
}

TEST_F(EncryptionTest, CopiesBetweenAllKindsOpenToTheSameBytes) {
  for (const std::size_t bytes : {0u, 100u, 200'000u}) {
    const std::string text = long_text(bytes);
    for (const EncryptionKind from : kKinds) {
      ASSERT_TRUE(put("from", text, wish(from)).ok());
      for (const EncryptionKind to : kKinds) {
        const bool of_customer = from == EncryptionKind::kCustomer;
        const std::size_t blobs = s3.blobs.blobs.size();
        const S3Result<WriteOutcome> copied = copy("from", "to", wish(to), of_customer);
        ASSERT_TRUE(copied.ok()) << copied.error().message;
        EXPECT_EQ(copied.value().encryption.kind, to);
        const bool shares = from == to && !of_customer;
        if (bytes > 1'024) {
          EXPECT_EQ(s3.blobs.blobs.size() == blobs, shares);
        }
        const CustomerKey* with = to == EncryptionKind::kCustomer ? &customer : nullptr;
        EXPECT_EQ(get("to", with).value(), text);
        EXPECT_FALSE(copy("from", "to", wish(to), !of_customer).ok());
      }
    }
  }
}

TEST_F(EncryptionTest, PartsOfAnyLengthGiveAnyRange) {
  for (const creel::test::Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemoryS3 small{{.part_bytes_min = 1}, 1024, options_of(keys)};
    ASSERT_TRUE(small.make_bucket("bucket").ok());
    UploadArguments upload{"bucket", "a", "owner", {}, {}};
    upload.encryption = wish(random.below(2) == 0 ? EncryptionKind::kServer : EncryptionKind::kKms);
    const auto id =
        small.run([&](Ctx& ctx) { return small.service.create_upload(ctx, std::move(upload)); });
    ASSERT_TRUE(id.ok());
    CompleteArguments complete{"bucket", "a", id.value(), {}, {}, {}, {}, {}};
    std::string whole;
    for (std::uint16_t number = 1; number < 5; ++number) {
      const std::uint16_t as = static_cast<std::uint16_t>(number * 2);
      ASSERT_TRUE(small.part("bucket", "a", id.value(), as, "sent before, replaced").ok());
      const std::string text = long_text(1 + random.below(150'000));
      const auto part = small.part("bucket", "a", id.value(), as, text);
      ASSERT_TRUE(part.ok()) << part.error().message;
      complete.parts.push_back({as, part.value().etag, {}});
      whole += text;
    }
    ASSERT_TRUE(small.complete(std::move(complete)).ok());
    // A copy shares the parts and their keys.
    EncryptionWish same = wish(EncryptionKind::kNone);
    ASSERT_TRUE(small.copy("a", "b").ok());
    for (const std::string_view key : {"a", "b"}) {
      EXPECT_EQ(small.get("bucket", key).value(), whole);
      for (int i = 0; i < 10; ++i) {
        const std::size_t offset = random.below(whole.size());
        const std::size_t length = 1 + random.below(whole.size() - offset);
        EXPECT_EQ(small.get("bucket", key, offset, length).value(), whole.substr(offset, length));
      }
    }
  }
}

TEST_F(EncryptionTest, ASmallRangeReadsItsFramesOnly) {
  ASSERT_TRUE(put("a", long_text(10 * MiB), wish(EncryptionKind::kServer)).ok());
  s3.blobs.largest_read = 0;
  s3.blobs.reads = 0;
  EXPECT_EQ(get("a", nullptr, 5 * MiB, 10).value(), long_text(10 * MiB).substr(5 * MiB, 10));
  EXPECT_LE(s3.blobs.reads, 2u);  // Salt and frame.
  EXPECT_LE(s3.blobs.largest_read, kFrameBytes);
}

TEST_F(EncryptionTest, ChangedBytesEndTheBodyAndAreReported) {
  ASSERT_TRUE(put("a", long_text(200'000), wish(EncryptionKind::kServer)).ok());
  s3.blobs.blobs.begin()->second[70'000] ^= 1;
  EXPECT_EQ(get("a", nullptr, 0, 100).value(), long_text(100));
  EXPECT_FALSE(get("a", nullptr, 65'500, 100).ok());
}

TEST_F(EncryptionTest, WithoutKeysNothingIsStoredInstead) {
  MemoryS3 bare;
  ASSERT_TRUE(bare.make_bucket("bucket").ok());
  for (const EncryptionKind kind : {EncryptionKind::kServer, EncryptionKind::kKms}) {
    test::TextBody body("text");
    PutArguments arguments;
    arguments.bucket = "bucket";
    arguments.key = "a";
    arguments.encryption.kind = kind;
    const auto put = bare.run([&](Ctx& ctx) {
      return bare.service.put_object(ctx, std::move(arguments), body, BodyPromise());
    });
    ASSERT_FALSE(put.ok());
    EXPECT_EQ(put.error().status(), 400);
    EXPECT_NE(put.error().message.find("[s3]"), std::string::npos);
  }
  EXPECT_FALSE(bare.service.open("bucket", "a").ok());
}

TEST_F(EncryptionTest, TheDefaultOfTheServerSealsWhatAsksForNothing) {
  ServiceOptions options = options_of(keys);
  options.default_encryption = EncryptionKind::kServer;
  MemoryS3 sealed{{}, 1024, options};
  ASSERT_TRUE(sealed.make_bucket("bucket").ok());
  EXPECT_EQ(sealed.put("bucket", "a", "text").value().encryption.kind, EncryptionKind::kServer);
  EXPECT_EQ(sealed.get("bucket", "a").value(), "text");
}

TEST_F(EncryptionTest, ACopyOntoItselfBringsAnObjectUnderTheNewMasterKey) {
  ASSERT_TRUE(put("a", "text", wish(EncryptionKind::kServer)).ok());
  const std::string before = s3.service.open("bucket", "a").value().record.attributes.encryption;
  ASSERT_TRUE(copy("a", "a", wish(EncryptionKind::kServer), false).ok());
  const std::string after = s3.service.open("bucket", "a").value().record.attributes.encryption;
  EXPECT_EQ(before, after);  // The same master key: nothing to do.
  EXPECT_FALSE(copy("a", "a", wish(EncryptionKind::kNone), false).ok());
  EXPECT_EQ(get("a", nullptr).value(), "text");
}

}  // namespace
}  // namespace creel::s3
