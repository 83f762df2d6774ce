// The filter worker's engine over the real state machine, in memory.
#include "edge/object_filter.h"

#include <gtest/gtest.h>

#include "platform/codec/stream.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::edge::test {
namespace {

class FixedKeys final : public filters::KeyLoader {
 public:
  Result<Bytes> load(std::string_view) const override {
    if (lost) return fail(ErrorCode::kNotFound, "the key is lost");
    return Bytes(32, 0x4b);
  }
  bool lost = false;
};

constexpr std::string_view kHot = R"(
[[rule]]
name = "hot"
match = "o.key GLOB '*.csv{,.gz,.zst}'"
sql = "SELECT * FROM S3Object WHERE temp > 30"
)";
constexpr std::string_view kMasked = R"(
default = "hold"
[[rule]]
name = "masked"
columns = ["id", "email", "ip"]
key = {hmac = "env:KEY", id = "k1"}
sql = "SELECT id, HMAC(email) AS who, TRUNC_IP(ip) AS net FROM S3Object"
)";

// Every body is a blob, so that what a filter leaves behind can be counted.
struct World : s3::test::MemoryS3 {
  World() : MemoryS3({}, 0) {}
  bool make_bucket(std::string name) { return MemoryS3::make_bucket(std::move(name)).ok(); }
  bool set_filter(std::string bucket, std::string document) {
    return run([&](Ctx& ctx) { return service.set_filter(ctx, bucket, document); }).ok();
  }
  bool put(std::string bucket, std::string key, std::string body,
           std::vector<s3::Header> headers = {}) {
    return MemoryS3::put(bucket, key, std::move(body), std::move(headers)).ok();
  }
  // The whole body of an object; nullopt if there is none.
  std::optional<std::string> get(std::string_view bucket, std::string_view key) {
    auto text = MemoryS3::get(bucket, key);
    if (!text.ok()) return std::nullopt;
    return text.take();
  }
  std::vector<std::string> keys(std::string bucket) {
    s3::ListArguments arguments;
    arguments.bucket = std::move(bucket);
    std::vector<std::string> names;
    auto listed = service.list(arguments);
    if (listed.ok())
      for (const s3::ListedObject& object : listed.value().objects) names.push_back(object.key);
    return names;
  }
};

class ObjectFilterTest : public testing::Test {
 protected:
  ObjectFilterTest() { EXPECT_TRUE(world.make_bucket("field")); }

  ObjectFilter& filter() {
    if (!filter_) {
      options.site_name = "north";
      filter_.emplace(world.service, keys, options);
    }
    return *filter_;
  }
  FilterInput input(std::string key) {
    FilterInput in;
    auto opened = world.service.open("field", key);
    EXPECT_TRUE(opened.ok());
    in.bucket = "field";
    in.key = std::move(key);
    if (opened.ok()) in.record = opened.value().record;
    in.lsn = in.record.lsn;
    return in;
  }
  Result<FilterOutcome> run(FilterInput in) {
    return world.run([&](Ctx& ctx) { return filter().run(ctx, std::move(in)); });
  }
  FilterOutcome outcome(std::string key) {
    auto result = run(input(std::move(key)));
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : error_text(result.error()));
    return result.ok() ? result.take() : FilterOutcome{};
  }
  std::string bytes(const FilterOutcome& of, std::uint64_t offset = 0) {
    const auto reader = filter().body(of, offset);
    auto all = world.run([&](Ctx& ctx) { return read_all(ctx, *reader, 64 * MiB); });
    EXPECT_TRUE(all.ok());
    return all.ok() ? all.take() : "";
  }
  static std::string header(const FilterOutcome& of, std::string_view name) {
    for (const s3::Header& field : of.headers)
      if (field.first == name) return field.second;
    return "";
  }
  // No byte of `secret` may be anywhere in what would leave.
  void expect_nothing_of(const FilterOutcome& of, std::string_view secret) {
    EXPECT_EQ(bytes(of).find(secret), std::string::npos);
    EXPECT_EQ(of.detail.find(secret), std::string::npos);
    for (const s3::Header& field : of.headers)
      EXPECT_EQ(field.second.find(secret), std::string::npos);
  }

  World world;
  FixedKeys keys;
  ObjectFilterOptions options;

 private:
  std::optional<ObjectFilter> filter_;
};

TEST_F(ObjectFilterTest, AnObjectOfABucketWithoutRulesGoesOutRaw) {
  ASSERT_TRUE(world.put("field", "a.csv", "temp\n1\n",
                        {{"content-type", "text/csv"}, {"x-amz-meta-unit", "c"}}));
  const FilterOutcome out = outcome("a.csv");
  EXPECT_EQ(out.verdict, FilterVerdict::kSendRaw);
  EXPECT_EQ(out.key, "a.csv");
  EXPECT_EQ(header(out, "x-amz-meta-unit"), "c");
}

TEST_F(ObjectFilterTest, TooManyBadRecordsHoldTheObject) {
  ASSERT_TRUE(world.set_filter("field", std::string(kHot)));
  ASSERT_TRUE(world.put("field", "a.csv", "at,temp\n1,20\n2,31\n3,x\n4,40\n5,\n"));
  const FilterOutcome out = outcome("a.csv");
  ASSERT_EQ(out.verdict, FilterVerdict::kHeld) << "one bad record of five is above max_errors";
  EXPECT_EQ(out.reason, "max_errors");
  EXPECT_EQ(filter().metrics().all().rows_in, 0u);
}

TEST_F(ObjectFilterTest, CountersObeyConservationAndBadRecordsAreKept) {
  ASSERT_TRUE(world.set_filter("field", cat(kHot, "max_errors = 10\n")));
  const std::string body = "at,temp\n1,20\n2,31\n3,x\n4,40\n5,\n";
  ASSERT_TRUE(world.put("field", "a.csv", body,
                        {{"content-type", "text/csv"}, {"x-amz-meta-fz-src", "forged"}}));
  const FilterOutcome out = outcome("a.csv");
  ASSERT_EQ(out.verdict, FilterVerdict::kFiltered) << out.detail;
  EXPECT_EQ(bytes(out), "at,temp\n2,31\n4,40\n");
  const filters::Counters& c = out.counters;
  EXPECT_EQ(c.rows, 5u);
  EXPECT_EQ(c.kept, 2u);
  EXPECT_EQ(c.rows, c.kept + c.dropped + c.dead);
  EXPECT_GE(c.dead, 1u);
  const FilterTotals totals = filter().metrics().totals("field", "hot");
  EXPECT_EQ(totals.rows_in, totals.kept + totals.dropped + totals.dead);
  EXPECT_EQ(totals.objects[static_cast<int>(FilterVerdict::kFiltered)], 1u);

  EXPECT_EQ(header(out, "content-type"), "text/csv");
  EXPECT_EQ(header(out, "x-amz-meta-fz-src"), "field/a.csv");
  EXPECT_EQ(header(out, "x-amz-meta-fz-in"), cat("5/", body.size()));
  EXPECT_EQ(header(out, "x-amz-meta-fz-out"), cat("2/", bytes(out).size()));
  EXPECT_EQ(header(out, "x-amz-meta-fz-dlq"), std::to_string(c.dead));
  EXPECT_EQ(header(out, "x-amz-meta-fz-site"), "north");
  EXPECT_EQ(header(out, "x-amz-meta-fz-filter"), cat("hot@", out.identity.substr(0, 12)));

  const std::vector<std::string> letters = world.keys("field.dlq");
  ASSERT_EQ(letters.size(), 1u) << "dead letters are durable with the outcome";
  EXPECT_EQ(letters[0], cat("a.csv/lsn-", input("a.csv").record.lsn, "/hot@",
                            out.identity.substr(0, 12), ".ndjson"));
  const std::string text = world.get("field.dlq", letters[0]).value_or("");
  EXPECT_NE(text.find("\"raw\":\"3,x\""), std::string::npos) << text;
}

TEST_F(ObjectFilterTest, TwoRunsGiveTheSameBytesAndWriteDeadLettersOnce) {
  ASSERT_TRUE(world.set_filter("field", cat(kHot, "max_errors = 10\n")));
  ASSERT_TRUE(world.put("field", "a.csv", "at,temp\n2,31\n3,x\n"));
  const FilterOutcome first = outcome("a.csv");
  const std::uint64_t position = world.log.last();
  const FilterOutcome second = outcome("a.csv");
  EXPECT_EQ(bytes(first), bytes(second));
  EXPECT_EQ(first.headers, second.headers);
  EXPECT_EQ(first.body.crc64, second.body.crc64);
  EXPECT_EQ(world.log.last(), position) << "the same dead letters are not written twice";
}

TEST_F(ObjectFilterTest, DeadLettersThatCannotBeWrittenStopTheOutcome) {
  ASSERT_TRUE(world.set_filter("field", cat(kHot, "max_errors = 10\n")));
  ASSERT_TRUE(world.put("field", "a.csv", "at,temp\n2,31\n3,x\n"));
  world.blobs.room = 0;
  const auto result = run(input("a.csv"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNoSpace);
  world.blobs.room = UINT64_MAX;
  EXPECT_EQ(outcome("a.csv").verdict, FilterVerdict::kFiltered);
}

TEST_F(ObjectFilterTest, RulesAreThoseInForceAtTheLogPosition) {
  ASSERT_TRUE(world.put("field", "a.csv", "at,temp\n1,20\n2,31\n"));
  const FilterInput before = input("a.csv");
  ASSERT_TRUE(world.set_filter("field", std::string(kHot)));
  ASSERT_TRUE(world.put("field", "b.csv", "at,temp\n1,20\n2,31\n"));
  const FilterInput between = input("b.csv");
  ASSERT_TRUE(world.set_filter("field", "default = \"drop\"\n"));
  ASSERT_TRUE(world.put("field", "c.csv", "at,temp\n1,20\n2,31\n"));
  auto raw = run(before), filtered = run(between);
  ASSERT_TRUE(raw.ok() && filtered.ok());
  EXPECT_EQ(raw.value().verdict, FilterVerdict::kSendRaw);
  EXPECT_EQ(filtered.value().verdict, FilterVerdict::kFiltered);
  EXPECT_EQ(bytes(filtered.value()), "at,temp\n2,31\n");
  EXPECT_EQ(outcome("c.csv").verdict, FilterVerdict::kDrop);
}

TEST_F(ObjectFilterTest, AnObjectOlderThanItsBucketIsNotJudgedByItsRules) {
  ASSERT_TRUE(world.set_filter("field", std::string(kMasked)));
  ASSERT_TRUE(world.put("field", "a.csv", "id,email,ip\n1,a@b.c,10.0.0.1\n"));
  const FilterInput old = input("a.csv");
  ASSERT_TRUE(world
                  .run([&](Ctx& ctx) {
                    return world.service.delete_object(ctx, {"field", "a.csv", {}, {}});
                  })
                  .ok());
  ASSERT_TRUE(world.run([&](Ctx& ctx) { return world.service.delete_bucket(ctx, "field"); }).ok());
  ASSERT_TRUE(world.make_bucket("field"));
  const auto result = run(old);
  ASSERT_FALSE(result.ok()) << "its raw bytes would go out by the default";
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST_F(ObjectFilterTest, RedactsAndLeavesMetadataBehind) {
  ASSERT_TRUE(world.set_filter("field", std::string(kMasked)));
  ASSERT_TRUE(world.put("field", "a.csv", "id,email,ip\n1,anna@example.org,10.1.2.3\n",
                        {{"content-type", "text/csv"},
                         {"x-amz-meta-owner", "anna@example.org"},
                         {"content-disposition", "attachment; filename=anna@example.org"}}));
  const FilterOutcome out = outcome("a.csv");
  ASSERT_EQ(out.verdict, FilterVerdict::kFiltered) << out.detail;
  EXPECT_NE(bytes(out).find("10.1.2.0"), std::string::npos) << bytes(out);
  expect_nothing_of(out, "anna@example.org");
  EXPECT_EQ(header(out, "x-amz-meta-fz-etag"), "") << "an MD5 confirms guesses";
}

TEST_F(ObjectFilterTest, ARedactionThatFailsHoldsTheObjectWithNoByteOfIt) {
  ASSERT_TRUE(world.set_filter("field", std::string(kMasked)));
  std::string body = "id,email,ip\n";
  for (int i = 0; i < 20'000; ++i) body += cat(i, ",anna@example.org,10.1.2.3\n");
  body += "20000,anna@example.org,not an address\n";
  ASSERT_TRUE(world.put("field", "a.csv", body));
  options.output_memory_max = 64 * KiB;  // Most of the output is in a blob by then.
  const FilterOutcome out = outcome("a.csv");
  EXPECT_EQ(out.verdict, FilterVerdict::kHeld);
  EXPECT_EQ(out.reason, "redaction");
  EXPECT_FALSE(out.retry_later);
  EXPECT_EQ(out.body.size, 0u);
  EXPECT_TRUE(out.headers.empty());
  expect_nothing_of(out, "anna");
  EXPECT_EQ(world.blobs.blobs.size(), 1u) << "only the object itself is in the store";
  EXPECT_TRUE(world.keys("field.dlq").empty());
}

TEST_F(ObjectFilterTest, ALostKeyHoldsUntilItIsBack) {
  ASSERT_TRUE(world.set_filter("field", std::string(kMasked)));
  ASSERT_TRUE(world.put("field", "a.csv", "id,email,ip\n1,a@b.c,10.0.0.1\n"));
  keys.lost = true;
  const FilterOutcome out = outcome("a.csv");
  EXPECT_EQ(out.verdict, FilterVerdict::kHeld);
  EXPECT_EQ(out.reason, "key");
  EXPECT_TRUE(out.retry_later);
  keys.lost = false;
  EXPECT_EQ(outcome("a.csv").verdict, FilterVerdict::kFiltered);
}

TEST_F(ObjectFilterTest, AStoredDocumentThatDoesNotCompileHolds) {
  ASSERT_TRUE(world.set_filter("field", "[[rule]]\nname = \"x\"\nsql = \"SELEKT\"\n"));
  ASSERT_TRUE(world.put("field", "a.csv", "secret\n"));
  const FilterOutcome out = outcome("a.csv");
  EXPECT_EQ(out.verdict, FilterVerdict::kHeld);
  EXPECT_EQ(out.reason, "compile");
  expect_nothing_of(out, "secret");
}

TEST_F(ObjectFilterTest, GzipCutAnywhereIsHeldAndWholeZstdComesBackAsZstd) {
  ASSERT_TRUE(world.set_filter("field", std::string(kHot)));
  std::string plain = "at,temp\n";
  for (int i = 0; i < 400; ++i) plain += cat(i, ',', i % 50, '\n');
  const Bytes packed = zstd_compress(as_bytes(plain)).take();
  ASSERT_TRUE(world.put("field", "a.csv.zst", to_string(packed)));
  const FilterOutcome out = outcome("a.csv.zst");
  ASSERT_EQ(out.verdict, FilterVerdict::kFiltered) << out.detail;
  EXPECT_EQ(header(out, "content-encoding"), "zstd");
  const std::string packed_out = bytes(out);
  const Bytes unpacked = zstd_decompress(as_bytes(packed_out), 1 * MiB).take();
  EXPECT_TRUE(as_text(unpacked).starts_with("at,temp\n31,31\n"));
  EXPECT_EQ(out.counters.kept, 400u / 50 * 19);
  for (const std::size_t length : {packed.size() - 1, packed.size() / 2, std::size_t{5}}) {
    ASSERT_TRUE(world.put("field", "cut.csv.zst", to_string(ByteView(packed).first(length))));
    const FilterOutcome cut = outcome("cut.csv.zst");
    EXPECT_EQ(cut.verdict, FilterVerdict::kHeld) << length;
    EXPECT_EQ(cut.reason, "truncated") << length;
  }
}

// One stored gzip member, so that no compressor is needed here: a deflate block of kind "stored".
std::string stored_gzip(std::string_view plain) {
  std::string out("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
  check(plain.size() < 65'536);
  const auto size = static_cast<std::uint16_t>(plain.size());
  const auto le = [&out](std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  };
  out.push_back('\x01');
  le(size, 2);
  le(static_cast<std::uint16_t>(~size), 2);
  out += plain;
  le(crc32(as_bytes(plain)), 4);
  le(plain.size(), 4);
  return out;
}

TEST_F(ObjectFilterTest, GzipOfSeveralMembersIsOneObject) {
  ASSERT_TRUE(world.set_filter("field", std::string(kHot)));
  const std::string packed = stored_gzip("at,temp\n1,20\n2,3") + stored_gzip("1\n3,40\n");
  ASSERT_TRUE(world.put("field", "a.csv.gz", packed));
  const FilterOutcome out = outcome("a.csv.gz");
  ASSERT_EQ(out.verdict, FilterVerdict::kFiltered) << out.detail;
  const std::string wire = bytes(out);
  EXPECT_EQ(as_text(zstd_decompress(as_bytes(wire), 1 * MiB).take()), "at,temp\n2,31\n3,40\n");
  ASSERT_TRUE(world.put("field", "b.csv.gz", packed.substr(0, packed.size() - 3)));
  EXPECT_EQ(outcome("b.csv.gz").reason, "truncated");
}

TEST_F(ObjectFilterTest, LongOutputIsABlobAndIsFreedAgain) {
  ASSERT_TRUE(world.set_filter("field", std::string(kHot)));
  std::string body = "at,temp\n", expected = body;
  for (int i = 0; body.size() < 3 * MiB; ++i) {
    const std::string line = cat(i, ',', i % 100, '\n');
    body += line;
    if (i % 100 > 30) expected += line;
  }
  ASSERT_TRUE(world.put("field", "a.csv", body));
  options.output_memory_max = 256 * KiB;
  FilterOutcome out = outcome("a.csv");
  ASSERT_EQ(out.verdict, FilterVerdict::kFiltered) << out.detail;
  ASSERT_TRUE(out.body.blob.has_value());
  EXPECT_TRUE(out.body.memory.empty());
  EXPECT_EQ(out.body.size, expected.size());
  EXPECT_EQ(out.body.crc64, crc64_nvme(as_bytes(expected)));
  EXPECT_EQ(out.body.md5_hex, hex_encode(Md5::of(as_bytes(expected))));
  EXPECT_TRUE(bytes(out) == expected);
  EXPECT_TRUE(bytes(out, 1'000'000) == expected.substr(1'000'000)) << "a transfer resumes inside";
  EXPECT_EQ(world.blobs.blobs.size(), 2u);
  const auto release = [](Ctx& c, ObjectFilter& f, FilterOutcome o) -> Task<Result<Unit>> {
    co_await f.release(c, std::move(o));
    co_return Unit{};
  };
  ASSERT_TRUE(world.run([&](Ctx& ctx) { return release(ctx, filter(), std::move(out)); }).ok());
  EXPECT_EQ(world.blobs.blobs.size(), 1u);
}

TEST_F(ObjectFilterTest, NothingKeptIsSkippedUnlessAMarkerIsWanted) {
  ASSERT_TRUE(world.set_filter("field", std::string(kHot)));
  ASSERT_TRUE(world.put("field", "a.csv", "at,temp\n1,20\n"));
  const FilterOutcome skipped = outcome("a.csv");
  EXPECT_EQ(skipped.verdict, FilterVerdict::kDrop);
  EXPECT_EQ(skipped.reason, "empty");
  EXPECT_EQ(filter().metrics().all().dropped, 1u);
  ASSERT_TRUE(world.set_filter("field", cat(kHot, "empty = \"marker\"\n")));
  ASSERT_TRUE(world.put("field", "a.csv", "at,temp\n1,20\n"));
  const FilterOutcome marker = outcome("a.csv");
  EXPECT_EQ(marker.verdict, FilterVerdict::kFiltered);
  EXPECT_EQ(header(marker, "x-amz-meta-fz-drop"), "1");
}

TEST_F(ObjectFilterTest, ObjectRulesNeedNoBody) {
  ASSERT_TRUE(world.set_filter(
      "field",
      "default = \"hold\"\n[[rule]]\nname = \"small\"\nmatch = \"o.size < 10\"\n"
      "[[rule]]\nname = \"noise\"\nmatch = \"o.key GLOB 'tmp/**'\"\naction = \"drop\"\n"
      "deletes = \"ignore\"\n"));
  ASSERT_TRUE(world.put("field", "s", "123"));
  ASSERT_TRUE(world.put("field", "tmp/x", "0123456789"));
  ASSERT_TRUE(world.put("field", "big", "0123456789"));
  const unsigned reads = world.blobs.reads;
  EXPECT_EQ(outcome("s").verdict, FilterVerdict::kSendRaw);
  EXPECT_EQ(outcome("tmp/x").verdict, FilterVerdict::kDrop);
  const FilterOutcome big = outcome("big");
  EXPECT_EQ(big.verdict, FilterVerdict::kHeld);
  EXPECT_EQ(big.reason, "hold");
  EXPECT_EQ(world.blobs.reads, reads);
}

TEST_F(ObjectFilterTest, DeadLettersNeverGoIntoTheBucketTheyCameFrom) {
  ASSERT_TRUE(world.set_filter("field", cat(kHot, "dead_letter = \"field\"\n")));
  ASSERT_TRUE(world.put("field", "a.csv", "at,temp\n1,x\n"));
  const FilterOutcome out = outcome("a.csv");
  EXPECT_EQ(out.verdict, FilterVerdict::kHeld);
  EXPECT_EQ(out.reason, "compile");
}

TEST_F(ObjectFilterTest, LongKeysStillHaveDeadLettersAndShortProvenance) {
  ASSERT_TRUE(world.set_filter("field", cat(kHot, "max_errors = 10\n")));
  const std::string key = cat(std::string(1'000, 'k'), ".csv");
  ASSERT_TRUE(world.put("field", key, "at,temp\n2,31\n3,x\n"));
  const FilterOutcome out = outcome(key);
  ASSERT_EQ(out.verdict, FilterVerdict::kFiltered) << out.detail;
  EXPECT_EQ(world.keys("field.dlq").size(), 1u);
  std::size_t provenance = 0;
  for (const s3::Header& field : out.headers)
    provenance += field.first.size() - 11 + field.second.size();
  EXPECT_LE(provenance, 600u);
}

// Any mixture of good, bad and unwanted records: nothing is lost and nothing counted twice, and the
// output equals what a plain loop keeps.
TEST_F(ObjectFilterTest, RandomTablesAreConserved) {
  ASSERT_TRUE(world.set_filter("field", cat(kHot, "max_errors = 1000000\n")));
  for (const creel::test::Seed seed : creel::test::seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    creel::test::TestRandom random(seed);
    std::string body = "at,temp\n", expected = body;
    const auto rows = random.skewed_below(3'000);
    std::uint64_t bad = 0, kept = 0;
    for (std::uint64_t i = 0; i < rows; ++i) {
      const std::uint64_t kind = random.below(10);
      const std::uint64_t temp = random.below(60);
      const std::string line = kind == 0 ? cat(i, ",bad\n") : cat(i, ',', temp, '\n');
      body += line;
      if (kind == 0) ++bad;
      else if (temp > 30) expected += line, ++kept;
    }
    ASSERT_TRUE(world.put("field", "r.csv", body));
    const FilterOutcome out = outcome("r.csv");
    EXPECT_EQ(out.counters.rows, rows);
    EXPECT_EQ(out.counters.kept, kept);
    EXPECT_EQ(out.counters.dead, bad);
    EXPECT_EQ(out.counters.dropped, rows - kept - bad);
    if (kept > 0) {
      EXPECT_TRUE(bytes(out) == expected);
    } else {
      EXPECT_EQ(out.verdict, FilterVerdict::kDrop);
    }
  }
}

// Encrypted objects are opened for rules; what comes of them lies nowhere in the clear.
class EncryptedFilterTest : public testing::Test {
 protected:
  EncryptedFilterTest() {
    ring.add_master_key(Bytes(32, 1));
    s3::ServiceOptions service_options;
    service_options.keys = &ring;
    world.emplace(s3::ModelOptions{}, 0, service_options);
    EXPECT_TRUE(world->make_bucket("field").ok());
    customer.key = SecretKey(Bytes(32, 7));
  }
  void put(std::string key, std::string text, s3::EncryptionKind kind) {
    s3::test::TextBody body(std::move(text));
    s3::PutArguments arguments;
    arguments.bucket = "field";
    arguments.key = std::move(key);
    arguments.encryption.kind = kind;
    if (kind == s3::EncryptionKind::kCustomer) arguments.encryption.customer = customer;
    ASSERT_TRUE(world
                    ->run([&](Ctx& ctx) {
                      return world->service.put_object(ctx, std::move(arguments), body,
                                                       s3::BodyPromise());
                    })
                    .ok());
  }
  FilterOutcome outcome(std::string key) {
    FilterInput in;
    in.bucket = "field";
    in.record = world->service.open("field", key).value().record;
    in.key = std::move(key);
    in.lsn = in.record.lsn;
    auto result = world->run([&](Ctx& ctx) { return filter->run(ctx, std::move(in)); });
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : error_text(result.error()));
    return result.ok() ? result.take() : FilterOutcome{};
  }
  void make_filter(std::string_view document, std::size_t memory_max) {
    if (!document.empty()) {
      const auto set = world->run(
          [&](Ctx& ctx) { return world->service.set_filter(ctx, "field", std::string(document)); });
      ASSERT_TRUE(set.ok());
    }
    ObjectFilterOptions options;
    options.output_memory_max = options.letters_memory_max = memory_max;
    filter.emplace(world->service, keys, options);
  }
  bool is_stored(std::string_view text) const {
    for (const auto& [manifest, bytes] : world->blobs.blobs)
      if (as_text(bytes).find(text) != std::string_view::npos) return true;
    return false;
  }

  s3::KeyRing ring;
  FixedKeys keys;
  s3::CustomerKey customer;
  std::optional<s3::test::MemoryS3> world;
  std::optional<ObjectFilter> filter;
};

TEST_F(EncryptedFilterTest, OutputAndDeadLettersOfAnEncryptedObjectAreSealed) {
  make_filter(kHot, 100);
  std::string text = "id,temp\n";
  for (int i = 0; i < 8'000; ++i)
    text += cat("secret", i, i % 4000 == 7 ? ",no number\n" : ",31\n");
  put("a.csv", text, s3::EncryptionKind::kServer);
  const FilterOutcome got = outcome("a.csv");
  ASSERT_EQ(got.verdict, FilterVerdict::kFiltered) << got.reason << ' ' << got.detail;
  ASSERT_TRUE(got.body.blob.has_value());
  EXPECT_FALSE(is_stored("secret"));
  for (const std::uint64_t offset : {std::uint64_t{0}, got.body.size / 2}) {
    const auto reader = filter->body(got, offset);
    auto all = world->run([&](Ctx& ctx) { return read_all(ctx, *reader, 64 * MiB); });
    ASSERT_TRUE(all.ok());
    EXPECT_EQ(all.value().size(), got.body.size - offset);
    EXPECT_NE(all.value().find("secret7999"), std::string::npos);
  }
  s3::ListArguments arguments;
  arguments.bucket = "field.dlq";
  const auto letters = world->service.list(arguments);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters.value().objects.size(), 1u);
  const auto letter = world->get("field.dlq", letters.value().objects[0].key);
  EXPECT_NE(letter.value().find("no number"), std::string::npos);
}

TEST_F(EncryptedFilterTest, AnObjectUnderAClientsKeyIsHeldWhereThereAreRules) {
  make_filter("", 100);
  put("a.csv", "id,temp\nx,31\n", s3::EncryptionKind::kCustomer);
  EXPECT_EQ(outcome("a.csv").verdict, FilterVerdict::kSendRaw);  // As it is stored.
  make_filter(kHot, 100);
  put("b.csv", "id,temp\nx,31\n", s3::EncryptionKind::kCustomer);
  put("b.txt", "whole objects are not looked into", s3::EncryptionKind::kCustomer);
  for (const char* key : {"b.csv", "b.txt"}) {
    const FilterOutcome got = outcome(key);
    EXPECT_EQ(got.verdict, FilterVerdict::kHeld) << key;
    EXPECT_EQ(got.reason, "Encrypted");
    EXPECT_TRUE(got.headers.empty());
  }
}

TEST(FilterCheck, RefusesWithRuleLineAndColumn) {
  FixedKeys keys;
  FilterCheck judge(keys);
  EXPECT_TRUE(judge.check(kHot).ok());
  const auto refused =
      judge.check("[[rule]]\nname = \"bad\"\nsql = \"SELECT * FROM S3Object WHERE temp >\"\n");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().detail.find("bad"), std::string::npos) << refused.error().detail;
  EXPECT_NE(refused.error().detail.find("line 3"), std::string::npos) << refused.error().detail;
  EXPECT_FALSE(judge.check("  \n").ok()) << "an empty document would take the filter away";
  keys.lost = true;
  EXPECT_FALSE(judge.check(kMasked).ok())
      << "a key that cannot be read is told when the rule is put";
}

TEST(FilterMetrics, TextNamesBucketRuleAndOutcome) {
  FilterMetrics metrics;
  filters::Counters counters;
  counters.rows = 5;
  counters.kept = 2;
  counters.dropped = 3;
  metrics.add("field", "hot", FilterVerdict::kFiltered, counters);
  metrics.add_held("key");
  const std::string text = metrics.text();
  EXPECT_NE(
      text.find("creel_filter_rows_total{bucket=\"field\",rule=\"hot\",outcome=\"kept\"} 2\n"),
      std::string::npos);
  EXPECT_NE(text.find("creel_filter_held_total{reason=\"key\"} 1\n"), std::string::npos);
}

}  // namespace
}  // namespace creel::edge::test
