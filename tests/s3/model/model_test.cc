// Goal: the state machine answers as a plain map would, whatever the order of operations; its rows
// count references right and leave nothing behind; the same operations always give the same rows.
#include "s3/model/model.h"

#include <gtest/gtest.h>

#include <set>

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

constexpr std::uint64_t kPartMin = 8;  // Instead of 5 MiB.

struct RefObject {
  std::string etag;
  std::uint64_t size = 0;
  std::vector<Header> headers;
  bool operator==(const RefObject&) const = default;
};
struct RefPart {
  std::string etag;
  std::uint64_t size = 0;
};
struct RefUpload {
  std::string key;
  std::vector<Header> headers;
  std::map<std::uint16_t, RefPart> parts;
  std::string done_etag;  // Not empty: completed.
};
struct RefBucket {
  std::map<std::string, RefObject> objects;
  std::map<std::string, RefUpload> uploads;
};

// One log and its reference, fed with the same random operations.
class Twin {
 public:
  Twin(TestRandom& random, bool track)
      : random_(random), track_(track), log_({kPartMin, track}), keys_(make_keys()) {}

  void step() {
    switch (random_.below(14)) {
      case 0: return create_bucket();
      case 1: return delete_bucket();
      case 2:
      case 3:
      case 4: return put();
      case 5:
      case 6: return erase();
      case 7: return copy();
      case 8: return create_upload();
      case 9:
      case 10: return put_part();
      case 11:
      case 12: return complete();
      default: return abort();
    }
  }
  // Deletes every object, upload and bucket.
  void empty() {
    for (auto& [name, bucket] : reference_) {
      for (auto& [key, object] : bucket.objects)
        EXPECT_EQ(log_.apply(encode_op(DeleteObject{name, key, ++time_})).refusal, Refusal::kNone);
      EXPECT_EQ(log_.apply(encode_op(DeleteBucket{name})).refusal, Refusal::kNone);
    }
    reference_.clear();
  }
  void compare() {
    for (const std::string& name : names_) {
      const auto found = reference_.find(name);
      const auto bucket = load_bucket(log_.rows(), name).take();
      ASSERT_EQ(bucket.has_value(), found != reference_.end());
      if (!bucket) continue;
      for (const std::string& key : keys_) {
        const auto object = load_object(log_.rows(), bucket->id, key);
        ASSERT_TRUE(object.ok()) << object.error().detail;
        const auto wanted = found->second.objects.find(key);
        ASSERT_EQ(object.value().has_value(), wanted != found->second.objects.end());
        if (!object.value()) continue;
        const ObjectRecord& record = *object.value();
        EXPECT_EQ((RefObject{record.etag, record.size, record.headers}), wanted->second);
      }
    }
    Audit(log_, track_);
  }
  MemoryLog& log() { return log_; }

 private:
  // Few keys, so that operations meet; odd bytes, long ones, and some that begin like others.
  std::vector<std::string> make_keys() {
    std::vector<std::string> keys = {"a", std::string("a\0", 2), "a/b", "a\xff",
                                     std::string(1024, 'k')};
    keys.push_back(random_.binary(1 + random_.below(20)));
    return keys;
  }
  std::string bucket_name() { return random_.pick(names_); }
  std::string some_key() { return random_.pick(keys_); }
  std::string new_etag() { return random_.text(32, "0123456789abcdef"); }
  std::vector<Header> some_headers() {
    std::vector<Header> headers;
    if (random_.chance(0.5)) headers.emplace_back("content-type", "text/plain");
    if (random_.chance(0.2)) headers.emplace_back("x-amz-meta-long", random_.binary(2'000));
    return headers;
  }
  // A body that lies in the operation, in the log, or in a blob of shards, short or long manifest.
  BodySource some_body(std::uint64_t size, Bytes& payload) {
    BodySource body;
    if (size == 0) return body;
    if (random_.chance(0.5)) {
      body.kind = BodySource::Kind::kPayload;
      payload = random_.bytes(static_cast<std::size_t>(size));
      return body;
    }
    body.kind = BodySource::Kind::kBlob;
    if (random_.chance(0.3)) {
      std::vector<store::Extent> extents(random_.between<std::size_t>(1, 30));
      for (store::Extent& extent : extents) extent.length = 1 + random_.below(100);
      body.manifest = log_manifest(extents);
    } else {
      body.manifest = std::string("E") + static_cast<char>(random_.below(2)) +
                      random_.binary(random_.chance(0.2) ? 850 : 30);
    }
    return body;
  }
  // Conditions that may or may not hold, and what the reference says of them.
  Conditions some_conditions(const std::string& current) {
    Conditions conditions;
    if (random_.chance(0.7)) return conditions;
    if (random_.chance(0.5))
      conditions.if_none_match = random_.chance(0.7) ? "*" : '"' + current + '"';
    else
      conditions.if_match =
          random_.chance(0.3) ? "*" : '"' + (random_.chance(0.7) ? current : "zz") + '"';
    return conditions;
  }
  Refusal judge(const Conditions& conditions, const RefObject* current, bool deleting) const {
    const auto matches = [&](const std::string& text) {
      return current != nullptr && (text == "*" || text == '"' + current->etag + '"');
    };
    if (!conditions.if_match.empty()) {
      if (current == nullptr) return deleting ? Refusal::kPreconditionFailed : Refusal::kNoSuchKey;
      if (!matches(conditions.if_match)) return Refusal::kPreconditionFailed;
    }
    if (!deleting && !conditions.if_none_match.empty() && matches(conditions.if_none_match))
      return Refusal::kPreconditionFailed;
    return Refusal::kNone;
  }
  RefBucket* find(const std::string& name) {
    const auto found = reference_.find(name);
    return found == reference_.end() ? nullptr : &found->second;
  }
  static RefObject* find(RefBucket& bucket, const std::string& key) {
    const auto found = bucket.objects.find(key);
    return found == bucket.objects.end() ? nullptr : &found->second;
  }
  // Refused ones must leave the rows as they were.
  Answer apply(std::string meta, Refusal expected, Bytes payload = {}) {
    const auto before = rows_of(log_.image());
    const Answer answer = log_.apply(std::move(meta), std::move(payload));
    EXPECT_EQ(static_cast<int>(answer.refusal), static_cast<int>(expected)) << answer.detail;
    if (answer.refusal != Refusal::kNone) {
      EXPECT_EQ(rows_of(log_.image()), before);
    }
    return answer;
  }

  void create_bucket() {
    const std::string name = bucket_name();
    apply(encode_op(CreateBucket{name, "owner", "r", ++time_}),
          find(name) ? Refusal::kBucketExists : Refusal::kNone);
    reference_.try_emplace(name);
  }
  void delete_bucket() {
    const std::string name = bucket_name();
    RefBucket* bucket = find(name);
    const Refusal expected = bucket == nullptr          ? Refusal::kNoSuchBucket
                             : !bucket->objects.empty() ? Refusal::kBucketNotEmpty
                                                        : Refusal::kNone;
    apply(encode_op(DeleteBucket{name}), expected);
    if (expected == Refusal::kNone) reference_.erase(name);
  }
  void put() {
    PutObject op;
    op.bucket = bucket_name();
    op.key = some_key();
    op.time_ms = ++time_;
    op.size = random_.skewed_below(200);
    op.etag = new_etag();
    op.headers = some_headers();
    Bytes payload;
    op.body = some_body(op.size, payload);
    RefBucket* bucket = find(op.bucket);
    RefObject* old = bucket ? find(*bucket, op.key) : nullptr;
    op.conditions = some_conditions(old ? old->etag : "none");
    const Refusal expected = bucket ? judge(op.conditions, old, false) : Refusal::kNoSuchBucket;
    const Answer answer = apply(encode_op(op), expected, std::move(payload));
    if (expected != Refusal::kNone) return;
    EXPECT_EQ(answer.etag, op.etag);
    EXPECT_GT(answer.mtime_ms, newest_ms_);
    newest_ms_ = answer.mtime_ms;
    bucket->objects[op.key] = {op.etag, op.size, op.headers};
  }
  void erase() {
    DeleteObject op;
    op.bucket = bucket_name();
    op.key = some_key();
    op.time_ms = ++time_;
    RefBucket* bucket = find(op.bucket);
    RefObject* old = bucket ? find(*bucket, op.key) : nullptr;
    op.conditions = some_conditions(old ? old->etag : "none");
    Refusal expected = bucket ? judge(op.conditions, old, true) : Refusal::kNoSuchBucket;
    if (expected == Refusal::kNone && old == nullptr) expected = Refusal::kNothingToDo;
    const Answer answer = apply(encode_op(op), expected);
    if (expected != Refusal::kNone) return;
    EXPECT_TRUE(answer.existed);
    newest_ms_ = answer.mtime_ms;
    bucket->objects.erase(op.key);
  }
  void copy() {
    CopyObject op;
    op.source_bucket = bucket_name();
    op.source_key = some_key();
    op.bucket = bucket_name();
    op.key = random_.chance(0.2) ? op.source_key : some_key();
    op.time_ms = ++time_;
    op.etag = new_etag();
    op.replace_headers = random_.chance(0.5);
    if (op.replace_headers) op.headers = some_headers();
    RefBucket* from = find(op.source_bucket);
    RefBucket* to = find(op.bucket);
    RefObject* source = from ? find(*from, op.source_key) : nullptr;
    op.source_etag = source && random_.chance(0.9) ? source->etag : "other";
    RefObject* old = to ? find(*to, op.key) : nullptr;
    op.conditions = some_conditions(old ? old->etag : "none");
    const Refusal expected = !from || !to                     ? Refusal::kNoSuchBucket
                             : !source                        ? Refusal::kNoSuchKey
                             : op.source_etag != source->etag ? Refusal::kPreconditionFailed
                                                              : judge(op.conditions, old, false);
    const Answer answer = apply(encode_op(op), expected);
    if (expected != Refusal::kNone) return;
    newest_ms_ = answer.mtime_ms;
    RefObject made{op.etag, source->size, op.replace_headers ? op.headers : source->headers};
    to->objects[op.key] = std::move(made);
  }
  void create_upload() {
    CreateUpload op;
    op.bucket = bucket_name();
    op.key = some_key();
    op.owner = "owner";
    op.time_ms = ++time_;
    op.random = random_.next();
    op.headers = some_headers();
    RefBucket* bucket = find(op.bucket);
    const Answer answer = apply(encode_op(op), bucket ? Refusal::kNone : Refusal::kNoSuchBucket);
    if (!bucket) return;
    EXPECT_FALSE(bucket->uploads.contains(answer.upload_id));
    bucket->uploads[answer.upload_id] = {op.key, op.headers, {}, {}};
    ids_.push_back(answer.upload_id);
  }
  std::string some_upload_id() {
    if (ids_.empty() || random_.chance(0.05))
      return random_.chance(0.5) ? "x" : std::string(32, '0');
    return random_.pick(ids_);
  }
  // The upload if (bucket, key, id) name one; the key is mostly the right one.
  RefUpload* find_upload(std::string& bucket_name, std::string& key, const std::string& id) {
    for (auto& [name, bucket] : reference_) {
      const auto found = bucket.uploads.find(id);
      if (found == bucket.uploads.end()) continue;
      if (random_.chance(0.05)) key = some_key();
      else key = found->second.key;
      bucket_name = name;
      return key == found->second.key ? &found->second : nullptr;
    }
    bucket_name = this->bucket_name();
    key = some_key();
    return nullptr;
  }
  void put_part() {
    PutPart op;
    op.upload_id = some_upload_id();
    RefUpload* upload = find_upload(op.bucket, op.key, op.upload_id);
    op.number = random_.between<std::uint16_t>(1, 4);
    op.time_ms = ++time_;
    op.size = random_.chance(0.1) ? 0 : kPartMin - (random_.chance(0.1) ? 1 : 0) + random_.below(9);
    op.etag = new_etag();
    Bytes payload;
    op.body = some_body(op.size, payload);
    const Refusal expected = !find(op.bucket)                        ? Refusal::kNoSuchBucket
                             : !upload || !upload->done_etag.empty() ? Refusal::kNoSuchUpload
                                                                     : Refusal::kNone;
    const Answer answer = apply(encode_op(op), expected, std::move(payload));
    if (expected != Refusal::kNone) return;
    newest_ms_ = answer.mtime_ms;
    upload->parts[op.number] = {op.etag, op.size};
  }
  void complete() {
    CompleteUpload op;
    op.upload_id = some_upload_id();
    RefUpload* upload = find_upload(op.bucket, op.key, op.upload_id);
    op.time_ms = ++time_;
    op.etag = upload && !upload->done_etag.empty() ? upload->done_etag : new_etag() + "-2";
    RefBucket* bucket = find(op.bucket);
    RefObject* old = bucket ? find(*bucket, op.key) : nullptr;
    std::uint64_t size = 0;
    Refusal expected = list_parts(op, upload, size);
    if (random_.chance(0.2)) op.object_size = size + (random_.chance(0.3) ? 1 : 0);
    op.conditions = some_conditions(old ? old->etag : "none");
    const bool done = upload && !upload->done_etag.empty();
    const Refusal judged = judge(op.conditions, old, false);
    if (!bucket) expected = Refusal::kNoSuchBucket;
    else if (!upload) expected = Refusal::kNoSuchUpload;
    else if (done) expected = Refusal::kNothingToDo;
    else if (judged != Refusal::kNone) expected = judged;
    else if (expected == Refusal::kNone && op.object_size && *op.object_size != size)
      expected = Refusal::kBadRequest;
    const Answer answer = apply(encode_op(op), expected);
    if (expected == Refusal::kNothingToDo) {  // The same answer again, and no other object.
      EXPECT_EQ(answer.etag, upload->done_etag);
    }
    if (expected != Refusal::kNone) return;
    EXPECT_EQ(answer.etag, op.etag);
    newest_ms_ = answer.mtime_ms;
    upload->done_etag = op.etag;
    bucket->objects[op.key] = {op.etag, size, upload->headers};
  }
  // Names some of the upload's parts; what the model must say of that list.
  Refusal list_parts(CompleteUpload& op, RefUpload* upload, std::uint64_t& size) {
    if (!upload) return Refusal::kNone;
    std::vector<std::uint64_t> sizes;
    for (const auto& [number, part] : upload->parts) {
      if (random_.chance(0.15)) continue;
      op.parts.push_back({number, part.etag, {}});
      sizes.push_back(part.size);
      size += part.size;
    }
    if (op.parts.empty()) return Refusal::kBadRequest;
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i)
      if (sizes[i] < kPartMin) return Refusal::kPartTooSmall;
    if (random_.chance(0.1)) {
      op.parts.back().etag = "other";
      return Refusal::kInvalidPart;
    }
    if (op.parts.size() > 1 && random_.chance(0.1)) {
      op.parts.back() = op.parts.front();
      return Refusal::kInvalidPartOrder;
    }
    return Refusal::kNone;
  }
  void abort() {
    AbortUpload op;
    op.upload_id = some_upload_id();
    RefUpload* upload = find_upload(op.bucket, op.key, op.upload_id);
    const Refusal expected = !find(op.bucket)                        ? Refusal::kNoSuchBucket
                             : !upload || !upload->done_etag.empty() ? Refusal::kNoSuchUpload
                                                                     : Refusal::kNone;
    apply(encode_op(op), expected);
    if (expected == Refusal::kNone) reference_[op.bucket].uploads.erase(op.upload_id);
  }

  TestRandom& random_;
  bool track_;
  MemoryLog log_;
  std::vector<std::string> names_ = {"one", "two"};
  std::vector<std::string> keys_;
  std::map<std::string, RefBucket> reference_;
  std::vector<std::string> ids_;
  std::int64_t time_ = 1'000'000;
  std::int64_t newest_ms_ = 0;
};

TEST(Model, AnswersAsAMapWouldAndCountsReferencesRight) {
  for (const Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Twin twin(random, random.chance(0.5));
    for (int i = 0; i < 250 && !testing::Test::HasFailure(); ++i) {
      twin.step();
      if (i % 10 == 0) twin.compare();
    }
    twin.compare();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Model, NothingIsLeftAfterEverythingIsDeleted) {
  for (const Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Twin twin(random, false);
    for (int i = 0; i < 200; ++i) twin.step();
    twin.empty();
    for (const store::Table table :
         {store::Table::kBucket, store::Table::kObject, store::Table::kUpload, store::Table::kPart,
          store::Table::kBlob, store::Table::kManifest, store::Table::kHeal})
      EXPECT_EQ(twin.log().rows_in(table), 0u) << "table " << static_cast<unsigned>(table);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Model, ReplayingTheAcceptedOperationsGivesEqualRows) {
  for (const Seed seed : seeds(40)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const bool track = random.chance(0.5);
    Twin twin(random, track);
    for (int i = 0; i < 200; ++i) twin.step();
    MemoryLog again({kPartMin, track});
    ASSERT_TRUE(again.replay(twin.log().accepted()));
    EXPECT_EQ(rows_of(again.image()), rows_of(twin.log().image()));
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace creel::s3
