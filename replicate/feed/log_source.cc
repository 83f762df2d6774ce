#include "replicate/feed/log_source.h"

#include <algorithm>
#include <map>

#include "platform/async/event.h"
#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "replicate/feed/parked_row.h"
#include "replicate/feed/sealed_feed.h"
#include "s3/model/model.h"
#include "s3/model/ops.h"
#include "s3/service/object_reader.h"

namespace creel::replicate {
namespace {

// The stored bytes of one object version.
class ObjectBody final : public FeedBody {
 public:
  ObjectBody(s3::Blobs& blobs, std::vector<s3::BodyRun> runs, FeedItem item)
      : reader_(blobs, std::move(runs)), item_(std::move(item)) {}
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    return reader_.read(ctx, into);
  }
  Task<Result<FeedItem>> settled(Ctx&) override { co_return std::move(item_); }

 private:
  s3::ObjectReader reader_;
  FeedItem item_;
};

}  // namespace

const s3::KeyRing& LogSource::keys() const {
  static const s3::KeyRing kNone;
  return options_.keys != nullptr ? *options_.keys : kNone;
}

Result<std::optional<FeedItem>> LogSource::put_item(std::uint64_t lsn, std::uint64_t version_lsn,
                                                    std::int64_t time_ms, std::string bucket,
                                                    std::string key) const {
  if (options_.wants && !options_.wants(bucket, key)) return std::optional<FeedItem>();
  FeedItem item;
  item.lsn = lsn;
  item.version_lsn = version_lsn;
  item.source_bucket = item.bucket = std::move(bucket);
  item.source_key = item.key = std::move(key);
  item.time_ms = time_ms;
  TRY(owner, s3::load_bucket(log_.rows(), item.bucket));
  std::optional<s3::ObjectRecord> record;
  if (owner) {
    TRY(found, s3::load_object(log_.rows(), owner->id, item.key));
    record = std::move(found);
  }
  if (!record || record->lsn != version_lsn) {
    item.verdict = Verdict::kSuperseded;
    return std::optional<FeedItem>(std::move(item));
  }
  if (record->origin.site != 0) return std::optional<FeedItem>();
  item.record = std::move(*record);
  item.time_ms = item.record.mtime_ms;
  if (!item.record.attributes.encryption.empty()) {
    const Result<Unit> travels = can_travel(log_.rows(), item.record, keys());
    if (!travels.ok()) {
      item.verdict = Verdict::kHeld;
      item.reason = kReasonEncrypted;
      item.detail = travels.error().detail;
    }
  }
  return std::optional<FeedItem>(std::move(item));
}

// Our own ReplPark with reason Retry: the parked operation comes again at this position.
Result<std::optional<FeedItem>> LogSource::retry_item(std::uint64_t lsn,
                                                      std::string_view meta) const {
  TRY(op, s3::decode_ReplPark(meta));
  if (op.stream != options_.stream || op.remove || op.reason != kReasonRetry)
    return std::optional<FeedItem>();
  TRY(item, put_item(lsn, op.lsn, op.time_ms, op.bucket, op.key));
  if (item) item->retry = true;
  return std::move(item);
}

// A version removed for good stays where it was sent, as with AWS; without versions `null` is all.
Result<bool> LogSource::deletes_only_a_version(const s3::DeleteObject& op) const {
  if (op.version_id.empty()) return false;
  TRY(bucket, s3::load_bucket(log_.rows(), op.bucket));
  return op.version_id != "null" || !bucket || bucket->versioning != s3::Versioning::kNever;
}

Result<std::optional<FeedItem>> LogSource::item_of(const store::LoggedOp& logged) const {
  const std::string_view meta = as_text(logged.op.meta);
  const std::uint64_t lsn = logged.lsn.value;
  TRY(kind, s3::op_kind(meta));
  switch (kind) {
    case s3::OpKind::kPut: {
      TRY(op, s3::decode_PutObject(meta));
      if (op.origin.site != 0) return std::optional<FeedItem>();
      return put_item(lsn, lsn, op.time_ms, std::move(op.bucket), std::move(op.key));
    }
    case s3::OpKind::kCopy: {
      TRY(op, s3::decode_CopyObject(meta));
      return put_item(lsn, lsn, op.time_ms, std::move(op.bucket), std::move(op.key));
    }
    case s3::OpKind::kCompleteUpload: {
      TRY(op, s3::decode_CompleteUpload(meta));
      return put_item(lsn, lsn, op.time_ms, std::move(op.bucket), std::move(op.key));
    }
    case s3::OpKind::kDelete: {
      TRY(op, s3::decode_DeleteObject(meta));
      if (op.origin.site != 0) return std::optional<FeedItem>();
      // What expires here stays where it was sent: the target has rules of its own.
      if (op.expected_lsn != 0) return std::optional<FeedItem>();
      if (options_.wants && !options_.wants(op.bucket, op.key)) return std::optional<FeedItem>();
      TRY(only_version, deletes_only_a_version(op));
      if (only_version) return std::optional<FeedItem>();
      FeedItem item;
      item.lsn = item.version_lsn = lsn;
      item.kind = FeedKind::kDelete;
      item.source_bucket = item.bucket = std::move(op.bucket);
      item.source_key = item.key = std::move(op.key);
      item.time_ms = op.time_ms;
      return std::optional<FeedItem>(std::move(item));
    }
    case s3::OpKind::kReplPark: return retry_item(lsn, meta);
    default: return std::optional<FeedItem>();
  }
}

// Operations that no copy of the log holds any more are parked, never skipped silently.
Result<FeedBatch> LogSource::past_damage(std::uint64_t after, Error why) const {
  for (const store::LostRange& lost : store_.lost()) {
    if (lost.first.value > after + 1 || lost.last.value <= after) continue;
    FeedItem item;
    item.lsn = item.version_lsn = lost.last.value;
    item.kind = FeedKind::kLost;
    item.verdict = Verdict::kHeld;
    item.reason = "LogDamaged";
    item.detail = cat("operations ", after + 1, " to ", lost.last.value, " are lost: ", why.detail);
    FeedBatch batch;
    batch.through = lost.last.value;
    batch.items.push_back(std::move(item));
    return batch;
  }
  return why;
}

Task<Result<FeedBatch>> LogSource::existing(Ctx& ctx, std::uint64_t after, std::uint64_t end,
                                            std::size_t count_max) const {
  constexpr int kRows = 256;  // Then let others run.
  std::map<std::uint64_t, std::string> buckets;
  CO_TRY(names, log_.rows().cursor(store::Table::kBucket));
  CO_TRY(any, names->seek(""));
  for (bool more = any; more;) {
    CO_TRY(bucket, s3::BucketRecord::decode(names->value()));
    buckets.emplace(bucket.id, names->key());
    CO_TRY(next, names->next());
    more = next;
  }
  names.reset();
  std::map<std::uint64_t, std::string> found;  // The oldest: LSN → key of the row.
  std::string from;
  for (bool more = true; more;) {
    CO_TRY(cursor, log_.rows().cursor(store::Table::kObject));
    CO_TRY(there, cursor->seek(from));
    more = there;
    for (int i = 0; more && i < kRows; ++i) {
      CO_TRY(record, s3::ObjectRecord::decode(cursor->value()));
      if (record.lsn > after && record.lsn <= end && record.origin.site == 0)
        found.emplace(record.lsn, cursor->key());
      if (found.size() > count_max) found.erase(std::prev(found.end()));
      CO_TRY(next, cursor->next());
      more = next;
    }
    if (more) from = std::string(cursor->key());
    cursor.reset();
    co_await YieldNow(ctx);
    if (ctx.stopped()) co_return ctx.stop_error();
  }
  FeedBatch batch;
  batch.through = found.size() < count_max ? end : std::prev(found.end())->first;
  for (const auto& [lsn, key] : found) {
    const auto bucket = buckets.find(load_be<std::uint64_t>(as_bytes(key), 0));
    if (bucket == buckets.end()) continue;
    CO_TRY(item, put_item(lsn, lsn, 0, bucket->second, key.substr(8)));
    if (item && item->verdict != Verdict::kSuperseded) batch.items.push_back(std::move(*item));
  }
  co_return std::move(batch);
}

Task<Result<FeedBatch>> LogSource::read(Ctx& ctx, std::uint64_t after, FeedBounds bounds) {
  const std::uint64_t begin = store_.log_begin().value;
  if (after + 1 < begin) co_return co_await existing(ctx, after, begin - 1, bounds.count_max);
  auto logged = co_await store_.read_log(ctx, store::Lsn{after}, bounds.log_bytes_max, false);
  if (!logged.ok()) {
    if (logged.error().code == ErrorCode::kCorrupt) co_return past_damage(after, logged.error());
    co_return logged.error();
  }
  FeedBatch batch;
  batch.through = after;
  for (const store::LoggedOp& op : logged.value()) {
    if (batch.items.size() == bounds.count_max) break;
    CO_TRY(item, item_of(op));
    if (item) batch.items.push_back(std::move(*item));
    batch.through = op.lsn.value;
  }
  co_return std::move(batch);
}

Task<Result<std::unique_ptr<FeedBody>>> LogSource::open(Ctx&, FeedItem item) {
  CO_TRY(owner, s3::load_bucket(log_.rows(), item.source_bucket));
  std::optional<s3::ObjectRecord> record;
  if (owner) {
    CO_TRY(found, s3::load_object(log_.rows(), owner->id, item.source_key));
    record = std::move(found);
  }
  if (!record || record->lsn != item.version_lsn)
    co_return fail(ErrorCode::kNotFound, "superseded meanwhile");
  if (!record->attributes.encryption.empty()) {
    co_return sealed_feed(log_.rows(), blobs_, keys(), *record, std::move(item));
  }
  CO_TRY(runs, s3::body_runs(log_.rows(), *record, 0, record->size));
  co_return std::unique_ptr<FeedBody>(
      std::make_unique<ObjectBody>(blobs_, std::move(runs), std::move(item)));
}

Task<Result<Unit>> LogSource::wait_beyond(Ctx& ctx, std::uint64_t after) {
  return store_.wait_beyond(ctx, store::Lsn{after});
}

std::uint64_t LogSource::end() const { return store_.last().value; }

}  // namespace creel::replicate
