#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/http/server.h"
#include "s3/service/access.h"
#include "s3/service/object_service.h"
#include "s3/wire/sigv4.h"
#include "s3/wire/uri.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {

// Rules of a bucket's record filter, compiled outside of s3/.
class BucketFilters {
 public:
  // kInvalid with line and column if a rule does not compile.
  virtual Result<Unit> check(std::string_view document) = 0;

 protected:
  ~BucketFilters() = default;
};

// One request on its way through: what was asked, by whom, and what the operations work on. Lives
// in the handler's frame; views point into the request head.
struct Call {
  ObjectService& service;
  HttpRequest& http;
  const Access& access;
  BucketFilters* filters = nullptr;
  std::string request_id;
  Target target;
  Query query;
  ResourceName name;
  std::vector<HeaderField> fields;  // Of the head, for wire/.
  Identity identity;
  Principal principal;
  std::optional<BucketRecord> record;  // Of the bucket, if the request names one that is there.
  const BucketRules* rules = nullptr;  // Of that bucket, else those of a new one; never null.
  std::shared_ptr<const BucketRules> rules_held;
  std::string_view action;  // Last asked for, and …
  Decision decision;        // … what was decided. Empty: nobody was asked.

  Headers headers() const { return Headers(fields); }
  std::optional<std::string_view> header(std::string_view field) const {
    return http.head.headers.find(field);
  }
  bool is_head() const { return http.head.method == "HEAD"; }
  std::string_view bucket() const { return name.bucket; }
  std::string_view key() const { return name.key; }
};

// An answer: text, or a body that is pulled while it is sent.
struct Reply {
  int status = 200;
  HeaderList headers;
  std::string text;
  std::unique_ptr<BodyReader> body;  // If set, `body_bytes` of it are sent instead of text.
  std::uint64_t body_bytes = 0;
};

Reply empty_reply(int status);
Reply xml_reply(std::string xml);

using Operation = Task<S3Result<Reply>> (*)(Ctx& ctx, Call& call);

// One file an operation, or one a noun; each named after its operation.
Task<S3Result<Reply>> list_buckets(Ctx& ctx, Call& call);
Task<S3Result<Reply>> create_bucket(Ctx& ctx, Call& call);
Task<S3Result<Reply>> head_bucket(Ctx& ctx, Call& call);
Task<S3Result<Reply>> delete_bucket(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_bucket_location(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_bucket_versioning(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_bucket_versioning(Ctx& ctx, Call& call);
Task<S3Result<Reply>> list_objects(Ctx& ctx, Call& call);
Task<S3Result<Reply>> list_object_versions(Ctx& ctx, Call& call);
Task<S3Result<Reply>> list_uploads(Ctx& ctx, Call& call);
Task<S3Result<Reply>> delete_objects(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_object(Ctx& ctx, Call& call);
Task<S3Result<Reply>> post_object(Ctx& ctx, Call& call);  // Signed inside of its body.
Task<S3Result<Reply>> copy_object(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_object(Ctx& ctx, Call& call);  // HEAD too.
Task<S3Result<Reply>> delete_object(Ctx& ctx, Call& call);
Task<S3Result<Reply>> create_upload(Ctx& ctx, Call& call);
Task<S3Result<Reply>> upload_part(Ctx& ctx, Call& call);
Task<S3Result<Reply>> upload_part_copy(Ctx& ctx, Call& call);
Task<S3Result<Reply>> list_parts(Ctx& ctx, Call& call);
Task<S3Result<Reply>> complete_upload(Ctx& ctx, Call& call);
Task<S3Result<Reply>> abort_upload(Ctx& ctx, Call& call);
// Policy, its status, public access block, ownership controls.
Task<S3Result<Reply>> get_bucket_rule(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_bucket_rule(Ctx& ctx, Call& call);
Task<S3Result<Reply>> delete_bucket_rule(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_acl(Ctx& ctx, Call& call);  // Of a bucket or an object.
Task<S3Result<Reply>> put_acl(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_object_attributes(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_object_tagging(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_object_tagging(Ctx& ctx, Call& call);
Task<S3Result<Reply>> delete_object_tagging(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_bucket_tagging(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_bucket_tagging(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_object_lock(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_object_lock(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_object_retention(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_object_retention(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_object_legal_hold(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_object_legal_hold(Ctx& ctx, Call& call);
// CORS and lifecycle; deleting tags too.
Task<S3Result<Reply>> put_bucket_setting(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_bucket_setting(Ctx& ctx, Call& call);
Task<S3Result<Reply>> delete_bucket_setting(Ctx& ctx, Call& call);
Task<S3Result<Reply>> put_bucket_filter(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_bucket_filter(Ctx& ctx, Call& call);
Task<S3Result<Reply>> delete_bucket_filter(Ctx& ctx, Call& call);

Task<S3Result<Reply>> put_bucket_encryption(Ctx& ctx, Call& call);
Task<S3Result<Reply>> get_bucket_encryption(Ctx& ctx, Call& call);
Task<S3Result<Reply>> delete_bucket_encryption(Ctx& ctx, Call& call);

// Shared by operations.
// What the headers say of encryption, if they may come over this connection. Errors:
// InvalidArgument, InvalidRequest (a client's key without TLS).
S3Result<EncryptionWish> wanted_encryption(const Call& call);
S3Result<std::optional<CustomerKey>> sent_customer_key(const Call& call, bool of_source = false);
// The body of a small XML or text request. Errors: MaxMessageLengthExceeded, IncompleteBody, and
// digests that do not match.
Task<S3Result<std::string>> read_document(Ctx& ctx, Call& call, std::uint64_t bytes_max,
                                          bool digest_required);
// The same, but checksum headers speak of something else than this document.
Task<S3Result<std::string>> read_plain_document(Ctx& ctx, Call& call, std::uint64_t bytes_max);
// The object's kept headers as model headers, and back.
S3Result<std::vector<Header>> kept_headers(const Call& call);
// What the call's headers say of the object to be put. Errors: those of each header.
S3Result<PutArguments> put_arguments(const Call& call);
void add_checksum(HeaderList& headers, const std::optional<Checksum>& checksum);
// The id of a new version; a null one of a suspended bucket is not told, as with AWS.
void add_new_version(HeaderList& headers, std::string_view version_id);
// Who will own what an upload becomes.
Owner owner_of_upload(const Call& call, const UploadRecord& upload);
// Whether the caller may read a copy's source, and x-amz-source-expected-bucket-owner. Errors:
// AccessDenied, NoSuchBucket.
S3Result<Unit> check_source(Call& call, const CopySource& source);
// Errors: InvalidArgument if it is neither null nor shaped like a version's id.
S3Result<Unit> check_version_id(std::string_view id);
// The parameter versionId, checked; empty if it is not there.
S3Result<std::string> wanted_version(const Call& call);

// What headers of a write say of tags and locks. Errors: InvalidTag, BadRequest, InvalidArgument,
// InvalidRequest (a bucket without lock).
S3Result<Unit> take_tags_and_lock(const Call& call, ObjectAttributes& attributes);
bool wants_lock(const ObjectAttributes& attributes);
RetentionMode retention_mode(std::string_view name);  // kNone: neither.
std::string_view retention_name(RetentionMode mode);
S3Result<Unit> check_retain_until(const Call& call, WallTime until);
// Whether the call asks to overrule GOVERNANCE. Errors: AccessDenied, if it may not.
struct Wanted;
S3Result<bool> may_bypass_governance(Call& call, const Wanted& object);
void add_attribute_headers(HeaderList& headers, const ObjectAttributes& attributes);
// x-amz-expiration, if a rule will expire the call's object.
void add_expiration(HeaderList& headers, const Call& call, std::string_view tags,
                    std::uint64_t size, std::int64_t mtime_ms);

// The answer of OPTIONS, which nobody signs. Errors: BadRequest, AccessForbidden, NoSuchBucket.
S3Result<Reply> answer_preflight(const Call& call);
// Access-Control-*, if the call has an Origin that a rule lets pass: on every answer.
void add_cors_headers(const Call& call, HeaderList& headers);

}  // namespace creel::s3
