#include <algorithm>

#include "platform/base/text.h"
#include "s3/model/versions.h"
#include "s3/service/list_prefix.h"
#include "s3/service/object_service.h"

namespace creel::s3 {
namespace {

bool older(RowId a, RowId b) { return a.lsn != b.lsn ? a.lsn < b.lsn : a.sub < b.sub; }

// The rows of one bucket in both tables, walked side by side in the order of keys.
class VersionWalk {
 public:
  VersionWalk(const store::RowReader& rows, std::uint64_t bucket_id)
      : rows_(rows), bucket_id_(bucket_id), base_(be64_key(bucket_id)) {}

  // To the first version of a key ≥ `key`.
  Result<Unit> seek(std::string_view key) {
    TRY(objects, rows_.cursor(store::Table::kObject));
    TRY(versions, rows_.cursor(store::Table::kVersion));
    objects_ = std::move(objects);
    versions_ = std::move(versions);
    TRY(object, objects_->seek(cat(base_, key)));
    TRY(version, versions_->seek(cat(base_, escaped_key(key))));
    return read(object, version);
  }
  // Behind one version of a key, which may be gone.
  Result<Unit> seek_behind(std::string_view key, RowId id) {
    TRY_DO(seek(key));
    if (object_ && *object_ == key) {
      TRY(record, ObjectRecord::decode(objects_->value()));
      const bool shown = !older(record.documents, id);
      if (shown) TRY_DO(next_object());
    }
    TRY(version, versions_->seek(version_key(bucket_id_, key, id)));
    const bool there = version && versions_->key() == version_key(bucket_id_, key, id);
    if (!there) return read_version(version);
    TRY(behind, versions_->next());
    return read_version(behind);
  }

  bool ended() const { return !object_ && !version_; }
  bool at_object() const { return object_ && (!version_ || *object_ <= version_->key); }
  const std::string& key() const { return at_object() ? *object_ : version_->key; }
  Result<ObjectRecord> record() const {
    return ObjectRecord::decode(at_object() ? objects_->value() : versions_->value());
  }
  Result<Unit> next() {
    if (at_object()) return next_object();
    TRY(more, versions_->next());
    return read_version(more);
  }

 private:
  Result<Unit> next_object() {
    TRY(more, objects_->next());
    object_.reset();
    if (more && objects_->key().starts_with(base_))
      object_ = std::string(objects_->key().substr(base_.size()));
    return Unit{};
  }
  Result<Unit> read(bool object, bool version) {
    object_.reset();
    if (object && objects_->key().starts_with(base_))
      object_ = std::string(objects_->key().substr(base_.size()));
    return read_version(version);
  }
  Result<Unit> read_version(bool found) {
    version_.reset();
    if (!found || !versions_->key().starts_with(base_)) return Unit{};
    version_ = parse_version_key(versions_->key());
    if (version_) return Unit{};
    return fail(ErrorCode::kCorrupt, "a version row with a key of another form");
  }

  const store::RowReader& rows_;
  std::uint64_t bucket_id_;
  std::string base_;
  std::unique_ptr<store::RowCursor> objects_, versions_;
  std::optional<std::string> object_;
  std::optional<VersionName> version_;
};

// Whether this row of Table::kVersion is what the key shows: no object, and nothing newer.
Result<bool> is_newest(const store::RowReader& rows, std::uint64_t bucket_id, std::string_view key,
                       const ObjectRecord& record) {
  TRY(object, rows.find(store::Table::kObject, object_key(bucket_id, key)));
  if (object) return false;
  TRY(newest, load_newest_older(rows, bucket_id, key));
  return newest && newest->documents == record.documents;
}

// Where a page begins. The null version of a marker may be gone: then its key is shown again.
Result<bool> seek_start(VersionWalk& walk, const store::RowReader& rows, std::uint64_t bucket_id,
                        const ListArguments& arguments, std::string_view version_marker) {
  const std::string& after = arguments.after;
  if (after.empty() || after < arguments.prefix) {
    TRY_DO(walk.seek(arguments.prefix));
    return true;
  }
  const std::string hidden =
      after.starts_with(arguments.prefix) ? common_prefix(after, arguments) : std::string();
  if (!hidden.empty()) {
    const std::optional<std::string> next = after_prefix(hidden);
    if (!next) return false;
    TRY_DO(walk.seek(*next));
    return true;
  }
  if (version_marker.empty()) {
    TRY_DO(walk.seek(after + '\0'));
    return true;
  }
  std::optional<RowId> id = parse_version_id(version_marker);
  if (!id) {
    TRY(null, load_version(rows, bucket_id, after, version_marker));
    if (null) id = null->documents;
  }
  if (id) TRY_DO(walk.seek_behind(after, *id));
  else TRY_DO(walk.seek(after));
  return true;
}

}  // namespace

S3Result<ListVersionsOutcome> ObjectService::list_versions(const ListArguments& arguments,
                                                           std::string_view version_marker) const {
  TRY(bucket, find_bucket(arguments.bucket));
  ListVersionsOutcome outcome;
  if (arguments.count_max == 0) return outcome;
  const store::RowReader& rows = log_.rows();
  VersionWalk walk(rows, bucket.id);
  TRY(begun, seek_start(walk, rows, bucket.id, arguments, version_marker));
  if (!begun) return outcome;
  while (!walk.ended() && walk.key().starts_with(arguments.prefix)) {
    if (outcome.versions.size() + outcome.common_prefixes.size() == arguments.count_max) {
      outcome.truncated = true;
      break;
    }
    std::string hidden = common_prefix(walk.key(), arguments);
    if (!hidden.empty()) {
      const std::optional<std::string> skip = after_prefix(hidden);
      outcome.next_key = hidden;
      outcome.next_version.clear();
      outcome.common_prefixes.push_back(std::move(hidden));
      if (!skip) break;
      TRY_DO(walk.seek(*skip));
      continue;
    }
    ListedVersion version;
    version.key = walk.key();
    TRY(record, walk.record());
    version.latest = walk.at_object();
    if (!version.latest && record.delete_marker) {
      TRY(newest, is_newest(rows, bucket.id, version.key, record));
      version.latest = newest;
    }
    outcome.next_key = version.key;
    outcome.next_version = record.version_id.empty() ? "null" : record.version_id;
    version.record = std::move(record);
    outcome.versions.push_back(std::move(version));
    TRY_DO(walk.next());
  }
  if (!outcome.truncated) outcome.next_key = outcome.next_version = std::string();
  return outcome;
}

}  // namespace creel::s3
