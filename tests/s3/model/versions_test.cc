// Goal: whatever is put, deleted, copied and switched on and off, the versions of a key are those
// of a plain list; nothing is lost and nothing left behind.
#include "s3/model/versions.h"

#include <gtest/gtest.h>

#include "tests/s3/model/audit.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;
using test::Audit;
using test::MemoryLog;
using test::rows_of;

TEST(VersionId, IsReadBackAndOthersAreNot) {
  const RowId id{0x0123456789abcdef, 0xfedc};
  const std::string text = make_version_id(1'767'323'045'000, id);
  EXPECT_EQ(text.size(), 26u);
  EXPECT_EQ(parse_version_id(text), id);
  EXPECT_EQ(parse_version_id(make_version_id((std::int64_t{1} << 48) - 1, {~0ull, 0xffff})),
            (RowId{~0ull, 0xffff}));
  for (const std::string& other : {std::string("null"), std::string(), std::string(26, 'U'),
                                   "8" + text.substr(1), text + "0", text.substr(1)})
    EXPECT_FALSE(parse_version_id(other)) << other;
}

TEST(VersionKey, SortsAsTheKeysDoAndNewestFirst) {
  for (const Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const auto some = [&random] {
      return random.text(random.below(6), std::string("a\0\x01\xff", 4));
    };
    const std::string a = some(), b = some();
    const RowId older{random.below(1'000), 7};
    const RowId newer{older.lsn, 8};
    EXPECT_EQ(a < b, version_key(5, a, older) < version_key(5, b, newer)) << (a == b);
    EXPECT_LT(version_key(5, a, newer), version_key(5, a, older));
    const auto read = parse_version_key(version_key(5, a, newer));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->key, a);
    EXPECT_EQ(read->id, newer);
    EXPECT_EQ(version_key(5, a, older).starts_with(version_prefix(5, b)), a == b);
  }
  EXPECT_TRUE(fits_version_key(std::string(1'024, 'x')));
  EXPECT_FALSE(fits_version_key(std::string(1'024, '\0')));
}

struct Version {
  std::string id;  // "null" or an id.
  std::string etag;
  bool marker = false;
  bool operator==(const Version&) const = default;
};

// A log and plain lists, newest last, fed with the same operations.
class Twin {
 public:
  explicit Twin(TestRandom& random) : random_(random), log_({8, false}) {
    EXPECT_EQ(log_.apply(encode_op(CreateBucket{"b", "o", "", 1})).refusal, Refusal::kNone);
  }
  void step() {
    const std::string key = random_.pick(keys_);
    std::vector<Version>& list = lists_[key];
    switch (random_.below(8)) {
      case 0: return set();
      case 1:
      case 2:
      case 3: return put(key, list);
      case 4: return copy(key, list);
      case 5: return erase(key, list);
      default: return erase_version(key, list);
    }
  }
  void compare() {
    const std::uint64_t bucket = load_bucket(log_.rows(), "b").take()->id;
    for (auto& [key, list] : lists_) {
      const auto current = load_object(log_.rows(), bucket, key).take();
      const bool shown = !list.empty() && !list.back().marker;
      ASSERT_EQ(current.has_value(), shown);
      if (shown) {
        EXPECT_EQ(current->etag, list.back().etag);
      }
      for (const Version& version : list) {
        const auto found = load_version(log_.rows(), bucket, key, version.id).take();
        ASSERT_TRUE(found.has_value()) << version.id;
        EXPECT_EQ(found->etag, version.etag);
        EXPECT_EQ(found->delete_marker, version.marker);
      }
    }
    Audit(log_, false);
  }
  void empty() {
    for (auto& [key, list] : lists_)
      while (!list.empty()) erase_version(key, list);
    EXPECT_EQ(log_.apply(encode_op(DeleteBucket{"b"})).refusal, Refusal::kNone);
    for (const store::Table table :
         {store::Table::kObject, store::Table::kVersion, store::Table::kConf, store::Table::kBlob,
          store::Table::kManifest})
      EXPECT_EQ(log_.rows_in(table), 0u) << "table " << static_cast<unsigned>(table);
  }
  MemoryLog& log() { return log_; }
  bool nothing_left() const {
    for (const auto& [key, list] : lists_)
      if (!list.empty()) return false;
    return true;
  }

 private:
  void set() {
    SetVersioning op{"b", ++time_,
                     random_.chance(0.6) ? Versioning::kEnabled : Versioning::kSuspended};
    log_.apply(encode_op(op));
    state_ = op.versioning;
  }
  void add(std::vector<Version>& list, Version version, const std::string& told) {
    const bool fresh = state_ == Versioning::kEnabled;
    version.id = fresh ? told : "null";
    EXPECT_EQ(told, state_ == Versioning::kNever ? "" : version.id);
    if (!fresh) std::erase_if(list, [](const Version& one) { return one.id == "null"; });
    list.push_back(version);
  }
  void put(const std::string& key, std::vector<Version>& list) {
    PutObject op;
    op.bucket = "b";
    op.key = key;
    op.etag = random_.text(32, "0123456789abcdef");
    op.time_ms = ++time_;
    if (random_.chance(0.3)) op.headers.emplace_back("x-amz-meta-l", std::string(900, 'l'));
    op.size = random_.below(3);
    Bytes payload = random_.bytes(static_cast<std::size_t>(op.size));
    if (op.size > 0) op.body.kind = BodySource::Kind::kPayload;
    const Answer answer = log_.apply(encode_op(op), std::move(payload));
    ASSERT_EQ(answer.refusal, Refusal::kNone);
    add(list, {{}, op.etag, false}, answer.version_id);
  }
  void copy(const std::string& key, std::vector<Version>& list) {
    const std::string source_key = random_.pick(keys_);
    const std::vector<Version>& from = lists_[source_key];
    if (from.empty()) return;
    const Version source = random_.pick(from);
    CopyObject op;
    op.bucket = op.source_bucket = "b";
    op.key = key;
    op.source_key = source_key;
    op.source_version = source.id;
    op.source_etag = op.etag = source.etag;
    op.time_ms = ++time_;
    const Answer answer = log_.apply(encode_op(op));
    ASSERT_EQ(answer.refusal, source.marker ? Refusal::kIsDeleteMarker : Refusal::kNone);
    if (!source.marker) add(list, {{}, op.etag, false}, answer.version_id);
  }
  void erase(const std::string& key, std::vector<Version>& list) {
    const Answer answer = log_.apply(encode_op(DeleteObject{"b", key, ++time_}));
    if (state_ == Versioning::kNever) return list.clear();
    EXPECT_TRUE(answer.delete_marker);
    add(list, {{}, {}, true}, answer.version_id);
  }
  void erase_version(const std::string& key, std::vector<Version>& list) {
    if (list.empty()) return;
    const Version version = random_.pick(list);
    DeleteObject op{"b", key, ++time_};
    op.version_id = version.id;
    const Answer answer = log_.apply(encode_op(op));
    EXPECT_EQ(answer.delete_marker, version.marker);
    std::erase(list, version);
    EXPECT_EQ(log_.apply(encode_op(op)).refusal, Refusal::kNothingToDo) << "gone is gone";
  }

  TestRandom& random_;
  MemoryLog log_;
  std::vector<std::string> keys_ = {"a", std::string("a\0", 2), "a/b", "a\xff"};
  std::map<std::string, std::vector<Version>> lists_;
  Versioning state_ = Versioning::kNever;
  std::int64_t time_ = 1;
};

TEST(Versions, AreThoseOfAPlainList) {
  for (const Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Twin twin(random);
    for (int i = 0; i < 150; ++i) {
      twin.step();
      if (i % 30 == 0) twin.compare();
      if (testing::Test::HasFailure()) return;
    }
    twin.compare();
    if (!twin.nothing_left()) {
      EXPECT_EQ(twin.log().apply(encode_op(DeleteBucket{"b"})).refusal, Refusal::kBucketNotEmpty);
    }
    MemoryLog again({8, false});
    ASSERT_TRUE(again.replay(twin.log().accepted()));
    EXPECT_EQ(rows_of(again.image()), rows_of(twin.log().image()));
    twin.empty();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace creel::s3
