#pragma once
#include <optional>
#include <string>

#include "s3/model/model.h"

namespace creel::s3 {

// One operation being decided: the helpers its kind needs. Lives for one decide() call. Members
// return the Answer that goes back to the caller; with a Refusal or an Error in it, the store drops
// every row edit the operation staged.
class Apply {
 public:
  Apply(const ModelOptions& options, store::OpView& view, store::StagedRows& rows)
      : options_(options), view_(view), rows_(rows) {}

  Result<Answer> create_bucket(const CreateBucket& op);
  Result<Answer> delete_bucket(const DeleteBucket& op);
  Result<Answer> put_object(const PutObject& op);
  Result<Answer> delete_object(const DeleteObject& op);
  Result<Answer> copy_object(const CopyObject& op);
  Result<Answer> create_upload(const CreateUpload& op);
  Result<Answer> put_part(const PutPart& op);
  Result<Answer> complete_upload(const CompleteUpload& op);
  Result<Answer> abort_upload(const AbortUpload& op);
  Result<Answer> set_filter(const SetFilter& op);
  Result<Answer> repl_in(const ReplIn& op);
  Result<Answer> repl_part(const ReplPart& op);
  Result<Answer> repl_cursor(const ReplCursor& op);
  Result<Answer> repl_park(const ReplPark& op);
  Result<Answer> healed(const Healed& op);
  Result<Answer> reaped(const Reaped& op);
  Result<Answer> set_quota(const SetQuota& op);
  Result<Answer> set_versioning(const SetVersioning& op);
  Result<Answer> set_identity(const SetIdentity& op);
  Result<Answer> set_bucket_document(const SetBucketDocument& op);
  Result<Answer> set_object_attribute(const SetObjectAttribute& op);
  Result<Answer> set_object_lock(const SetObjectLock& op);
  Result<Answer> lifecycle_mark(const SetLifecycleMark& op);

 private:
  static Answer refuse(Refusal why, std::string detail = {});
  RowId own_id(std::uint16_t sub) const { return {view_.lsn.value, sub}; }
  // max(wanted, newest time of this log + 1): times never fall within a log.
  Result<std::int64_t> advance_time(std::int64_t wanted_ms);

  // max(wanted, newest time of this log).
  Result<std::int64_t> log_time(std::int64_t wanted_ms);

  // What an operation changes of its bucket's counters.
  struct Change {
    std::uint64_t bytes_before = 0, bytes_after = 0;
    std::uint64_t objects_before = 0, objects_after = 0;
    std::uint64_t upload_bytes_before = 0, upload_bytes_after = 0;
  };
  static Change replaces(const std::optional<ObjectRecord>& old, std::uint64_t size);

  // A key before a new version of it: the current one, and which goes when the new one comes.
  struct Slot {
    std::optional<ObjectRecord> current;
    std::optional<ObjectRecord> gone;
  };
  Result<Slot> look(const BucketRecord& bucket, std::string_view key);
  static Change adds(const Slot& slot, std::uint64_t size);
  // Removes what goes, and moves the current version to the older ones if it stays.
  Result<Unit> make_room(const BucketRecord& bucket, std::string_view key, const Slot& slot);
  void put_older(std::uint64_t bucket_id, std::string_view key, const ObjectRecord& record);
  void erase_older(std::uint64_t bucket_id, std::string_view key, const ObjectRecord& record);
  // Empty: the version is null.
  std::string new_version_id(const BucketRecord& bucket, std::int64_t time_ms,
                             std::uint16_t sub) const;
  // As a client is told; empty if the bucket never had versions.
  static std::string told_version(const BucketRecord& bucket, const ObjectRecord& record);
  static std::optional<Answer> check_version_key(const BucketRecord& bucket, std::string_view key);
  Result<ObjectRecord> put_marker(const BucketRecord& bucket, std::string_view key,
                                  const Slot& slot, std::int64_t time_ms, Origin origin,
                                  std::uint16_t sub);
  Result<bool> is_current(std::uint64_t bucket_id, std::string_view key,
                          const ObjectRecord& record);
  Result<Unit> promote(std::uint64_t bucket_id, std::string_view key);
  Result<std::optional<ObjectRecord>> source_of(const CopyObject& op, std::uint64_t bucket_id);
  Result<Unit> rewrite(std::uint64_t bucket_id, std::string_view key, const ObjectRecord& record);
  Result<Answer> delete_version(const DeleteObject& op, const BucketRecord& bucket);
  // Writes the bucket's row with its new counters. An answer if its quota forbids that.
  std::optional<Answer> charge(std::string_view name, BucketRecord bucket, const Change& change);
  // For what must not be refused any more: frees room, or was accepted elsewhere.
  void count(std::string_view name, BucketRecord bucket, const Change& change);

  // Bodies and their reference counts.
  // `size` and `crc64` as stored; a CRC of 0 is not known.
  Result<Body> take_body(const BodySource& source, std::uint64_t size, std::uint64_t crc64,
                         std::uint16_t sub);
  // Errors: kInvalid if the rows could not hold it.
  static Result<Unit> check_manifest(std::string_view manifest);
  void make_blob(RowId id, std::string manifest, std::uint64_t size, std::uint64_t crc64,
                 std::uint32_t references);
  Result<Unit> reference(RowId id);
  Result<Unit> unreference(RowId id);
  Result<Unit> release(const ObjectRecord& old);  // Its body and documents; not its row.
  void free_manifest(RowId id, std::string_view manifest);
  void want_heal(RowId id, std::string_view manifest);

  // Splits off what does not fit and writes the row.
  void write_object(std::uint64_t bucket_id, std::string_view key, ObjectRecord record,
                    std::uint16_t sub, const std::vector<PartRef>& parts);
  // The row with its attributes in it, or in document 'a' if it has no room for them.
  std::string fit_attributes(ObjectRecord& record);
  // Other attributes for a version, wherever it lies.
  Result<Unit> put_attributes(std::uint64_t bucket_id, std::string_view key, ObjectRecord& record,
                              ObjectAttributes wanted);
  // With the bucket's default retention if they name none.
  static ObjectAttributes stamped(const BucketRecord& bucket, ObjectAttributes attributes,
                                  std::int64_t time_ms);
  // An answer if a lock keeps what is to go.
  Result<std::optional<Answer>> check_unlocked(const std::optional<ObjectRecord>& gone,
                                               std::int64_t time_ms, bool bypass);
  static std::optional<Answer> judge_retention(const SetObjectAttribute& op,
                                               const ObjectAttributes& current, std::int64_t now);
  Result<Unit> drop_bucket_documents(const BucketRecord& bucket);
  void drop_upload_documents(const UploadRecord& upload);
  // The bytes that went with it, or them.
  Result<std::uint64_t> drop_part(std::uint64_t upload_lsn, std::uint16_t number);
  Result<std::uint64_t> drop_all_parts(std::uint64_t upload_lsn);
  Result<Unit> forget_old_uploads(std::int64_t now_ms);
  Result<Unit> drop_transfer(std::string_view stream, std::uint64_t lsn);
  Result<Unit> drop_passed_transfers(const std::string& stream, std::uint64_t low);
  Result<Answer> apply_effect(const std::string& effect, const ReplIn& op, std::uint16_t sub,
                              std::uint32_t& pack_users);

  const ModelOptions& options_;
  store::OpView& view_;
  store::StagedRows& rows_;
  std::uint32_t freed_ = 0;  // Numbers the heal rows of this operation.
};

// nullopt: the conditions hold. `current` is the object's ETag, nullopt if there is none.
std::optional<Answer> judge_conditions(const Conditions& conditions,
                                       const std::optional<std::string>& current, bool deleting);

}  // namespace creel::s3
