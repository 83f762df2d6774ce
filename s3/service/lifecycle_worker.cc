#include "s3/service/lifecycle_worker.h"

#include <algorithm>

#include "platform/async/event.h"
#include "platform/async/scope.h"
#include "s3/model/versions.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kStepRows = 256;     // Then others run, and what is due goes.
constexpr std::uint64_t kMarkRows = 65'536;  // A mark costs a flush: so many rows lie between two.
constexpr std::int64_t kPassesADay = 4;
constexpr std::int64_t kPauseMinMs = 100;
constexpr store::Table kTables[] = {store::Table::kObject, store::Table::kVersion,
                                    store::Table::kUpload};

// Tags may lie in a document.
Result<Unit> load_tags(const store::RowReader& rows, ObjectRecord& record) {
  return load_attributes(rows, record.documents, record.attribute_bytes, record.attributes);
}

}  // namespace

Task<void> LifecycleWorker::run(Ctx& ctx) {
  const std::int64_t pause_ms = std::max(kPauseMinMs, service_.lifecycle_day().ms / kPassesADay);
  while (!ctx.stopped()) {
    // A full or broken drive is said elsewhere; the next pass goes on at the mark.
    [[maybe_unused]] const Result<Unit> done = co_await pass(ctx);
    const Result<Unit> slept = co_await sleep_for(ctx, 1_ms * pause_ms);
    if (!slept.ok()) co_return;
  }
}

Task<Result<Unit>> LifecycleWorker::pass(Ctx& ctx) {
  CO_TRY(mark, load_lifecycle_mark(service_.log().rows()));
  marked_ = !mark.bucket.empty();
  now_ms_ = service_.platform().clock.wall().ms();
  mark.time_ms = now_ms_;
  unsaved_rows_ = 0;
  Bucket bucket;
  bool inclusive = marked_;
  for (;;) {
    CO_TRY(found, next_bucket(mark.bucket, inclusive, bucket));
    if (!found) break;
    if (bucket.name != mark.bucket) {
      mark.bucket = bucket.name;
      mark.table = 0;
      mark.after.clear();
    }
    inclusive = false;
    CO_DO(co_await scan(ctx, bucket, mark));
  }
  ++counts_.passes;
  if (marked_) CO_DO(co_await save(ctx, LifecycleMark()));
  marked_ = false;
  co_return Unit{};
}

// The next bucket that has rules.
Result<bool> LifecycleWorker::next_bucket(std::string_view after, bool inclusive, Bucket& bucket) {
  TRY(cursor, service_.log().rows().cursor(store::Table::kBucket));
  TRY(found, cursor->seek(after));
  for (bool more = found; more;) {
    const bool passed = cursor->key() > after || (inclusive && cursor->key() == after);
    TRY(record, BucketRecord::decode(cursor->value()));
    if (passed && (record.document_kinds & document_bit(BucketDocument::kLifecycle)) != 0) {
      bucket.name = std::string(cursor->key());
      bucket.record = std::move(record);
      bucket.rules = service_.lifecycle_rules(bucket.record);
      if (bucket.rules) return true;
    }
    TRY(next, cursor->next());
    more = next;
  }
  return false;
}

Task<Result<Unit>> LifecycleWorker::scan(Ctx& ctx, const Bucket& bucket, LifecycleMark& mark) {
  for (const store::Table table : kTables) {
    if (static_cast<std::uint8_t>(table) < mark.table) continue;
    if (static_cast<std::uint8_t>(table) != mark.table) mark.after.clear();
    mark.table = static_cast<std::uint8_t>(table);
    versions_ = KeyState();
    for (bool more = true; more;) {
      std::vector<Due> due;
      CO_TRY(left, step(bucket, mark, due));
      more = left;
      std::vector<Due> expired = std::move(due);
      CO_DO(co_await expire(ctx, bucket, std::move(expired)));
      if (unsaved_rows_ >= kMarkRows) {
        LifecycleMark saved = mark;
        // Versions of one key are judged together: go on with its first.
        if (table == store::Table::kVersion && versions_.any)
          saved.after = version_prefix(0, versions_.key).substr(8);
        CO_DO(co_await save(ctx, std::move(saved)));
      }
      co_await YieldNow(ctx);
      if (ctx.stopped()) co_return ctx.stop_error();
    }
  }
  co_return Unit{};
}

Result<bool> LifecycleWorker::step(const Bucket& bucket, LifecycleMark& mark,
                                   std::vector<Due>& due) {
  const auto table = static_cast<store::Table>(mark.table);
  const std::string prefix = be64_key(bucket.record.id);
  const std::string from = prefix + mark.after;
  TRY(cursor, service_.log().rows().cursor(table));
  TRY(found, cursor->seek(from));
  bool more = found && cursor->key().starts_with(prefix);
  for (std::size_t i = 0; more && i < kStepRows; ++i) {
    const std::string row_key(cursor->key());
    const std::string value(cursor->value());
    TRY(next, cursor->next());
    more = next && cursor->key().starts_with(prefix);
    mark.after = row_key.substr(8) + '\0';
    ++counts_.rows;
    ++unsaved_rows_;
    if (table == store::Table::kObject) {
      TRY_DO(look_at_object(bucket, std::string_view(row_key).substr(8), value, due));
    } else if (table == store::Table::kUpload) {
      TRY_DO(look_at_upload(bucket, row_key, value, due));
    } else {
      const std::string_view key_prefix =
          std::string_view(row_key).substr(0, row_key.size() - RowId{}.bytes().size());
      const bool last = !more || !cursor->key().starts_with(key_prefix);
      TRY_DO(look_at_version(bucket, row_key, value, last, due));
    }
  }
  return more;
}

bool LifecycleWorker::is_due(std::int64_t from_ms, std::uint32_t days) const {
  return due_ms(from_ms, days, service_.lifecycle_day()) <= now_ms_;
}

Result<Unit> LifecycleWorker::look_at_object(const Bucket& bucket, std::string_view key,
                                             std::string_view value, std::vector<Due>& due) {
  TRY(record, ObjectRecord::decode(value));
  TRY_DO(load_tags(service_.log().rows(), record));
  const LifecycleSubject subject{key, record.attributes.tags, record.size};
  const auto expiration =
      expiration_of(*bucket.rules, subject, record.mtime_ms, service_.lifecycle_day());
  if (!expiration || expiration->at_ms > now_ms_) return Unit{};
  const bool stays = bucket.record.versioning == Versioning::kEnabled;  // Behind a marker.
  if ((!stays && record.attributes.locked(now_ms_, false)) ||
      service_.waits_for_replication(bucket.name, key, record.lsn)) {
    ++counts_.waiting;
    return Unit{};
  }
  due.push_back({Due::Kind::kObject, std::string(key), {}, record.lsn});
  return Unit{};
}

Result<Unit> LifecycleWorker::look_at_version(const Bucket& bucket, std::string_view row_key,
                                              std::string_view value, bool last_of_key,
                                              std::vector<Due>& due) {
  const std::optional<VersionName> name = parse_version_key(row_key);
  if (!name) return fail(ErrorCode::kCorrupt, "the key of a version is malformed");
  TRY(record, ObjectRecord::decode(value));
  TRY_DO(load_tags(service_.log().rows(), record));
  bool latest = false;
  if (!versions_.any || versions_.key != name->key) {
    versions_ = KeyState();
    versions_.key = name->key;
    versions_.any = true;
    TRY(current, load_object(service_.log().rows(), bucket.record.id, name->key));
    latest = !current;
    if (current) versions_.newer_ms = current->mtime_ms;
  }
  const std::int64_t since = versions_.newer_ms;
  const std::uint32_t newer = versions_.newer_noncurrent;
  versions_.newer_ms = record.mtime_ms;
  if (!latest) ++versions_.newer_noncurrent;
  const LifecycleSubject subject{name->key, record.attributes.tags, record.size};
  const bool goes =
      std::any_of(bucket.rules->begin(), bucket.rules->end(), [&](const LifecycleRule& rule) {
        if (!applies(rule, subject)) return false;
        if (latest)  // A marker with nothing behind it.
          return record.delete_marker && last_of_key &&
                 (rule.expired_marker ||
                  (rule.expire_days && is_due(record.mtime_ms, *rule.expire_days)));
        return rule.noncurrent_days && is_due(since, *rule.noncurrent_days) &&
               newer >= rule.newer_kept;
      });
  if (!goes) return Unit{};
  if (record.attributes.locked(now_ms_, false) ||
      service_.waits_for_replication(bucket.name, name->key, record.lsn)) {
    ++counts_.waiting;
    return Unit{};
  }
  due.push_back({record.delete_marker ? Due::Kind::kMarker : Due::Kind::kVersion, name->key,
                 record.version_id.empty() ? "null" : record.version_id, record.lsn});
  return Unit{};
}

Result<Unit> LifecycleWorker::look_at_upload(const Bucket& bucket, std::string_view row_key,
                                             std::string_view value, std::vector<Due>& due) {
  if (row_key.size() < 16) return fail(ErrorCode::kCorrupt, "the key of an upload is malformed");
  TRY(record, UploadRecord::decode(value));
  const std::string_view key = row_key.substr(8, row_key.size() - 16);
  const bool goes =
      !record.completed &&
      std::any_of(bucket.rules->begin(), bucket.rules->end(), [&](const LifecycleRule& rule) {
        return rule.abort_days && applies(rule, {key, {}, 0}) &&
               is_due(record.initiated_ms, *rule.abort_days);
      });
  if (goes) due.push_back({Due::Kind::kUpload, std::string(key), record.upload_id, 0});
  return Unit{};
}

Task<void> LifecycleWorker::expire_one(Ctx& ctx, LifecycleWorker& worker, const Bucket& bucket,
                                       const Due& due, Result<Unit>& outcome) {
  std::optional<S3Error> error;
  if (due.kind == Due::Kind::kUpload) {
    S3Result<Unit> done = co_await worker.service_.abort_upload(ctx, bucket.name, due.key, due.id);
    if (!done.ok()) error = done.error();
  } else {
    DeleteArguments arguments;
    arguments.bucket = bucket.name;
    arguments.key = due.key;
    arguments.version_id = due.id;
    arguments.expected_lsn = due.lsn;
    S3Result<DeleteOutcome> done =
        co_await worker.service_.delete_object(ctx, std::move(arguments));
    if (!done.ok()) error = done.error();
  }
  // Locked or gone meanwhile is no failure.
  if (error && error->status() >= 500) {
    outcome = fail(ErrorCode::kUnavailable, error->message);
    co_return;
  }
  LifecycleCounts& counts = worker.counts_;
  if (error) ++counts.waiting;
  else if (due.kind == Due::Kind::kObject) ++counts.objects;
  else if (due.kind == Due::Kind::kVersion) ++counts.versions;
  else if (due.kind == Due::Kind::kMarker) ++counts.markers;
  else ++counts.uploads;
}

// Side by side: they share batches and so flushes.
Task<Result<Unit>> LifecycleWorker::expire(Ctx& ctx, const Bucket& bucket, std::vector<Due> due) {
  if (due.empty()) co_return Unit{};
  Result<Unit> outcome = Unit{};
  Scope scope(ctx);
  for (const Due& one : due) scope.spawn(expire_one(scope.ctx(), *this, bucket, one, outcome));
  co_await scope.join();
  co_return std::move(outcome);
}

Task<Result<Unit>> LifecycleWorker::save(Ctx& ctx, LifecycleMark mark) {
  SetLifecycleMark op;
  op.mark = std::move(mark);
  store::Op logged;
  logged.meta = to_bytes(std::string_view(encode_op(op)));
  CO_DO(co_await service_.log().submit(ctx, std::move(logged)));
  unsaved_rows_ = 0;
  marked_ = true;
  co_return Unit{};
}

}  // namespace creel::s3
