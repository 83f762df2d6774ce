#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/http/body.h"
#include "platform/platform.h"
#include "s3/model/model.h"
#include "s3/service/bucket_rules.h"
#include "s3/service/key_ring.h"
#include "s3/service/log.h"
#include "s3/service/sealed_body.h"
#include "s3/service/upload_body.h"
#include "s3/wire/copy_source.h"
#include "s3/wire/cors.h"
#include "s3/wire/lifecycle.h"
#include "s3/wire/range.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {

inline constexpr std::uint64_t kPutBytesMax = 5 * GiB;  // A single PUT, part or copy.

struct PutArguments {
  std::string bucket, key;
  std::vector<Header> headers;  // Kept with the object.
  Conditions conditions;
  ObjectAttributes attributes = {};
  EncryptionWish encryption = {};
};

struct WriteOutcome {
  std::string etag;        // Bare.
  std::string version_id;  // Empty: unversioned.
  std::int64_t mtime_ms = 0;
  std::uint64_t size = 0;
  std::optional<Checksum> checksum;
  bool checksum_given = false;  // By the client: to be echoed.
  std::string source_version;   // Of a copy; empty: unversioned.
  ToldEncryption encryption = {};
};

// An object as of the moment it was opened. Its bytes stay readable unless it is replaced
// meanwhile.
struct OpenedObject {
  ObjectRecord record;
  std::string replication_status;  // "", PENDING, COMPLETED, FAILED or REPLICA.
  std::string name;                // For people: object_name().
  std::string version_id;          // As told; empty: its bucket never had versions.
  std::optional<SecretKey> data_key = {};  // Of SSE-C, once it was unlocked.
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
  EncryptionWish encryption = {};
  std::optional<CustomerKey> source_customer = {};
};

struct UploadArguments {
  std::string bucket, key, owner;
  std::vector<Header> headers;
  ChecksumChoice checksum;
  ObjectAttributes attributes = {};
  EncryptionWish encryption = {};
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
  std::optional<CustomerKey> customer = {};
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
  std::optional<CustomerKey> customer = {};
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
  const KeyRing* keys = nullptr;  // Borrowed; null: none.
  EncryptionKind default_encryption = EncryptionKind::kNone;  // Of buckets that say nothing.
  bool customer_keys_over_http = false;  // Tests only: SSE-C keys may come in the clear.
  LifecycleDay lifecycle_day;                // Other than real ones in tests only.
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
  // Before reading: whether the client's key, or none, is the object's. Errors: InvalidRequest.
  S3Result<Unit> unlock(OpenedObject& object, const CustomerKey* customer) const;
  // What answers say of `encryption`, an attribute of objects and uploads.
  static ToldEncryption told(std::string_view encryption, const CustomerKey* customer);
  // How new objects of a bucket are sealed that ask for nothing. Errors: those of the rows.
  S3Result<EncryptionWish> default_encryption(const BucketRecord& bucket) const;
  // Whether the keys are here that `wish` needs; fills in the default KMS key. Errors:
  // InvalidRequest (no master key), KMS.NotFoundException.
  S3Result<Unit> check_keys(EncryptionWish& wish) const;
  bool takes_customer_keys_over_http() const { return options_.customer_keys_over_http; }
  S3Result<std::vector<PartRef>> parts_of(const OpenedObject& object) const;
  // Of its parts, in order; empty if its upload chose no algorithm.
  S3Result<std::vector<Checksum>> part_checksums_of(const OpenedObject& object) const;
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
  // Parsed, and kept until it changes; null: the bucket has none.
  std::shared_ptr<const CorsRules> cors_rules(const BucketRecord& bucket) const;
  std::shared_ptr<const LifecycleRules> lifecycle_rules(const BucketRecord& bucket) const;
  LifecycleDay lifecycle_day() const { return options_.lifecycle_day; }
  // Whether a target still has to hear of what that operation wrote.
  bool waits_for_replication(std::string_view bucket, std::string_view key,
                             std::uint64_t lsn) const;
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
                                         std::optional<std::string> range_header,
                                         std::optional<CustomerKey> source_customer = {});
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
  // How a new body is sealed; kind kNone: not at all.
  struct Sealing {
    Encryption encryption;
    PieceSeal seal;
    bool on() const { return encryption.kind != EncryptionKind::kNone; }
    const PieceSeal* piece() const { return on() ? &seal : nullptr; }
    std::string text() const { return on() ? encryption.encode() : std::string(); }
    // Of a body with that MD5: what is not to be told is not.
    std::string etag(const Md5Digest& md5) const;
  };
  // By the wish, or by the bucket if it is none.
  S3Result<EncryptionWish> resolve(const BucketRecord& bucket, EncryptionWish wish) const;
  S3Result<Sealing> make_sealing(const EncryptionWish& resolved);
  // Of one part of an upload. Errors: InvalidRequest: a key is missing, or not the upload's.
  S3Result<Sealing> part_sealing(const UploadRecord& upload, std::uint16_t number,
                                 const CustomerKey* customer);
  S3Result<SecretKey> open_key(const Encryption& encryption, const CustomerKey* customer) const;
  const KeyRing& keys() const;
  bool shares_bytes(const ObjectRecord& source, const EncryptionWish& resolved) const;
  // A copy whose bytes are read and written anew, under another key or none.
  Task<S3Result<WriteOutcome>> copy_anew(Ctx& ctx, CopyArguments arguments, OpenedObject source,
                                         EncryptionWish resolved);
  struct Subject {  // Whom an error text names.
    std::string bucket, key;
  };
  Task<S3Result<Answer>> submit(Ctx& ctx, std::string meta, Bytes payload, Subject subject);
  Task<S3Result<Answer>> submit_body(Ctx& ctx, std::string meta, ReceivedBody body,
                                     Subject subject);
  std::int64_t now_ms() const { return platform_.clock.wall().ms(); }

  template <class T>
  struct Kept {  // What the documents of a few buckets say.
    struct One {
      std::uint64_t bucket_id, settings_lsn;
      std::shared_ptr<const T> parsed;
    };
    std::vector<One> all;
  };
  template <class T, class Parse>
  std::shared_ptr<const T> kept(Kept<T>& cache, const BucketRecord& bucket, BucketDocument kind,
                                Parse parse) const;

  Platform& platform_;
  Log& log_;
  Blobs& blobs_;
  ServiceOptions options_;
  const ReplicationStatus* replication_ = nullptr;
  std::uint64_t quota_refusals_ = 0;
  RulesCache rules_;
  mutable Kept<CorsRules> cors_;
  mutable Kept<LifecycleRules> lifecycle_;
};

// A refusal of the state machine as S3 says it.
S3Error refusal_error(const Answer& answer, std::string_view bucket, std::string_view key);

}  // namespace creel::s3
