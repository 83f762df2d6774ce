#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/http/body.h"
#include "platform/platform.h"
#include "s3/model/model.h"
#include "s3/service/bucket_rules.h"
#include "s3/service/log.h"
#include "s3/service/upload_body.h"
#include "s3/wire/copy_source.h"
#include "s3/wire/range.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {

inline constexpr std::uint64_t kPutBytesMax = 5 * GiB;  // A single PUT, part or copy.

struct PutArguments {
  std::string bucket, key;
  std::vector<Header> headers;  // Kept with the object.
  Conditions conditions;
  ObjectAttributes attributes = {};
};

struct WriteOutcome {
  std::string etag;        // Bare.
  std::string version_id;  // Empty: unversioned.
  std::int64_t mtime_ms = 0;
  std::uint64_t size = 0;
  std::optional<Checksum> checksum;
  bool checksum_given = false;  // By the client: to be echoed.
  std::string source_version;   // Of a copy; empty: unversioned.
};

// An object as of the moment it was opened. Its bytes stay readable unless it is replaced
// meanwhile.
struct OpenedObject {
  ObjectRecord record;
  std::string replication_status;  // "", PENDING, COMPLETED, FAILED or REPLICA.
  std::string name;                // For people: object_name().
  std::string version_id;          // As told; empty: its bucket never had versions.
};

struct ListArguments {
  std::string bucket, prefix, delimiter, after;
  std::size_t count_max = 1'000;  // Keys and common prefixes together.
};
struct ListedObject {
  std::string key;
  ObjectRecord record;  // Without headers, parts and long manifests.
};
struct ListOutcome {
  std::vector<ListedObject> objects;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next;  // Pass as `after` to go on.
};

struct ListedVersion {
  std::string key;
  ObjectRecord record;  // Without headers, parts and long manifests.
  bool latest = false;
};
struct ListVersionsOutcome {
  std::vector<ListedVersion> versions;  // Newest first below each key, markers among them.
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key, next_version;  // The version is empty behind a common prefix.
};

struct DeleteArguments {
  std::string bucket, key;
  std::string version_id;  // Empty: the key. Well-formed.
  Conditions conditions;
  bool bypass_governance = false;
  std::uint64_t expected_lsn = 0;  // Else nothing happens; 0: whichever is there.
};
struct DeleteOutcome {
  bool existed = false;
  bool delete_marker = false;  // One was made, or removed.
  std::string version_id;      // Of what was made or removed; empty: unversioned.
  std::int64_t mtime_ms = 0;   // Of a marker that was made.
};

struct CopyArguments {
  std::string bucket, key;
  CopySource source;
  ReadConditions source_conditions;
  bool replace_headers = false;
  std::vector<Header> headers;
  std::optional<ChecksumAlgorithm> algorithm;  // A new checksum; none: the source's is kept.
  Conditions conditions;
  ObjectAttributes attributes = {};  // As CopyObject takes them.
  bool replace_tags = false;
};

struct UploadArguments {
  std::string bucket, key, owner;
  std::vector<Header> headers;
  ChecksumChoice checksum;
  ObjectAttributes attributes = {};
};
struct AttributeArguments {
  std::string bucket, key, version_id;  // Empty version: the current one.
  AttributeKind kind = AttributeKind::kTags;
  ObjectAttributes attributes = {};  // Only what `kind` names.
  bool bypass_governance = false;
};
struct PartArguments {
  std::string bucket, key, upload_id;
  std::uint16_t number = 0;
};
struct ListedUpload {
  std::string key;
  UploadRecord record;
};
struct ListUploadsOutcome {
  std::vector<ListedUpload> uploads;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key, next_upload_id;
};
struct ListedPart {
  std::uint16_t number = 0;
  PartRecord record;
};
struct ListPartsOutcome {
  UploadRecord upload;
  std::vector<ListedPart> parts;
  bool truncated = false;
};
struct CompleteArguments {
  std::string bucket, key, upload_id;
  std::vector<CompletePart> parts;
  Conditions conditions;
  std::optional<Checksum> checksum;  // Of the whole, if the client gave one.
  std::optional<ChecksumType> checksum_type;
  std::optional<std::uint64_t> object_size;
};
struct Quota {
  std::uint64_t bytes = 0;  // Of objects and unfinished uploads; 0: no bound.
  std::uint64_t objects = 0;
};

struct BucketUsage {
  std::string name;
  BucketRecord record;
};

struct ListedBucket {
  std::string name;
  BucketRecord record;
};

// Who waits for an object to be sent on. Implemented in app/ over replicate/.
class ReplicationStatus {
 public:
  // "", PENDING, COMPLETED or FAILED for the object that operation `lsn` wrote.
  virtual std::string status(std::string_view bucket, std::string_view key,
                             std::uint64_t lsn) const = 0;

 protected:
  ~ReplicationStatus() = default;
};

struct ServiceOptions {
  std::string region = "us-east-1";
  std::vector<std::string> extra_locations;  // LocationConstraints taken beside the region.
};

// The meaning of the S3 operations over a Log and Blobs, the same for edge and core. routes/ turns
// HTTP into these calls. Nothing is cached: every call reads the newest published rows, and rows
// are never held across co_await. Ok of a write means durable. Loop thread only.
class ObjectService {
 public:
  ObjectService(Platform& platform, Log& log, Blobs& blobs, ServiceOptions options)
      : platform_(platform), log_(log), blobs_(blobs), options_(std::move(options)) {}
  void set_replication_status(const ReplicationStatus* status) { replication_ = status; }
  const std::string& region() const { return options_.region; }
  bool has_location(std::string_view name) const;

  // `documents`: its first settings, as CreateBucket has them.
  Task<S3Result<Unit>> create_bucket(Ctx& ctx, std::string name, std::string owner,
                                     std::string region, bool object_lock = false,
                                     std::vector<std::string> documents = {});
  Task<S3Result<Unit>> delete_bucket(Ctx& ctx, std::string name);
  S3Result<BucketRecord> find_bucket(std::string_view name) const;  // 404 NoSuchBucket.
  // Names > after with the prefix, at most count_max (and one more to tell that there is more); of
  // that owner only, unless empty.
  S3Result<std::vector<ListedBucket>> list_buckets(std::string_view prefix, std::string_view after,
                                                   std::size_t count_max,
                                                   std::string_view owner = {}) const;

  Task<S3Result<WriteOutcome>> put_object(Ctx& ctx, PutArguments arguments, UploadBody& body,
                                          BodyPromise promise);
  // The current version, or the one named. Errors: NoSuchKey, NoSuchVersion, and MethodNotAllowed
  // for a delete marker by its id, with the headers that belong to them.
  S3Result<OpenedObject> open(std::string_view bucket, std::string_view key,
                              std::string_view version_id = {}) const;
  // The bytes [offset, offset + length) of an opened object.
  S3Result<std::unique_ptr<BodyReader>> read(const OpenedObject& object, std::uint64_t offset,
                                             std::uint64_t length) const;
  S3Result<std::vector<PartRef>> parts_of(const OpenedObject& object) const;
  Task<S3Result<DeleteOutcome>> delete_object(Ctx& ctx, DeleteArguments arguments);
  Task<S3Result<WriteOutcome>> copy_object(Ctx& ctx, CopyArguments arguments);
  S3Result<ListOutcome> list(const ListArguments& arguments) const;
  // `version_marker`: a version of the key `after`, behind which the page begins.
  S3Result<ListVersionsOutcome> list_versions(const ListArguments& arguments,
                                              std::string_view version_marker) const;
  Task<S3Result<Unit>> set_versioning(Ctx& ctx, std::string bucket, Versioning versioning);

  // Settings of a bucket that are documents; an empty one is none. The caller has judged it.
  Task<S3Result<Unit>> set_bucket_document(Ctx& ctx, std::string bucket, BucketDocument kind,
                                           std::string document);
  S3Result<std::string> bucket_document(const BucketRecord& bucket, BucketDocument kind) const;
  // What the settings say of rights; null: nothing, `defaults` count. Reads rows once a change.
  S3Result<std::shared_ptr<const BucketRules>> rules(std::string_view name,
                                                     const BucketRecord& bucket,
                                                     const BucketRules& defaults);
  Task<S3Result<Unit>> set_object_lock(Ctx& ctx, std::string bucket, BucketLock lock);
  // Tags, ACL, retention or legal hold of a version that is there; its id as told. Errors: as
  // open(), AccessDenied (locked), InvalidRequest (a bucket without lock).
  Task<S3Result<std::string>> set_object_attribute(Ctx& ctx, AttributeArguments arguments);

  Task<S3Result<std::string>> create_upload(Ctx& ctx, UploadArguments arguments);
  S3Result<UploadRecord> find_upload(std::string_view bucket, std::string_view key,
                                     std::string_view upload_id) const;
  Task<S3Result<WriteOutcome>> put_part(Ctx& ctx, PartArguments arguments, UploadBody& body,
                                        BodyPromise promise);
  // A part from (a range of) another object.
  Task<S3Result<WriteOutcome>> copy_part(Ctx& ctx, PartArguments arguments, CopySource source,
                                         ReadConditions conditions,
                                         std::optional<std::string> range_header);
  S3Result<ListPartsOutcome> list_parts(std::string_view bucket, std::string_view key,
                                        std::string_view upload_id, std::uint32_t after,
                                        std::size_t count_max) const;
  S3Result<ListUploadsOutcome> list_uploads(const ListArguments& arguments,
                                            std::string_view upload_id_marker) const;
  Task<S3Result<WriteOutcome>> complete_upload(Ctx& ctx, CompleteArguments arguments);
  Task<S3Result<Unit>> abort_upload(Ctx& ctx, std::string bucket, std::string key,
                                    std::string upload_id);

  // Filter rules of a bucket, as put; empty: none. The caller has compiled them.
  Task<S3Result<Unit>> set_filter(Ctx& ctx, std::string bucket, std::string document);
  S3Result<std::string> filter(std::string_view bucket) const;

  // Judged where writes take effect; replicated writes are counted and not refused.
  Task<S3Result<Unit>> set_quota(Ctx& ctx, std::string bucket, Quota quota);
  // Buckets with their counters and quotas, by name.
  S3Result<std::vector<BucketUsage>> usage(std::size_t most) const;
  std::uint64_t quota_refusals() const { return quota_refusals_; }  // Since the start.

  Log& log() { return log_; }
  Blobs& blobs() { return blobs_; }
  Platform& platform() { return platform_; }

 private:
  // A body that surely will not fit is refused before it is read.
  S3Result<Unit> check_quota(const BucketRecord& bucket, std::string_view key,
                             std::optional<std::uint64_t> length);
  S3Result<OpenedObject> open_source(const CopySource& source) const;
  struct Subject {  // Whom an error text names.
    std::string bucket, key;
  };
  Task<S3Result<Answer>> submit(Ctx& ctx, std::string meta, Bytes payload, Subject subject);
  Task<S3Result<Answer>> submit_body(Ctx& ctx, std::string meta, ReceivedBody body,
                                     Subject subject);
  std::int64_t now_ms() const { return platform_.clock.wall().ms(); }

  Platform& platform_;
  Log& log_;
  Blobs& blobs_;
  ServiceOptions options_;
  const ReplicationStatus* replication_ = nullptr;
  std::uint64_t quota_refusals_ = 0;
  RulesCache rules_;
};

// A refusal of the state machine as S3 says it.
S3Error refusal_error(const Answer& answer, std::string_view bucket, std::string_view key);

}  // namespace creel::s3
