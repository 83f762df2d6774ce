#include <algorithm>

#include "platform/base/text.h"
#include "s3/model/versions.h"
#include "s3/routes/acl.h"
#include "s3/routes/authorise.h"
#include "s3/routes/body.h"
#include "s3/routes/call.h"
#include "s3/wire/etag.h"
#include "s3/wire/metadata.h"
#include "s3/wire/range.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kOverrides[][2] = {
    {"response-content-type", "Content-Type"},
    {"response-content-language", "Content-Language"},
    {"response-expires", "Expires"},
    {"response-cache-control", "Cache-Control"},
    {"response-content-disposition", "Content-Disposition"},
    {"response-content-encoding", "Content-Encoding"},
};

void add_write_outcome(HeaderList& headers, const WriteOutcome& outcome) {
  headers.add("ETag", quoted_etag(outcome.etag));
  add_new_version(headers, outcome.version_id);
  add_encryption_headers(headers, outcome.encryption);
}

// The whole object, a range of it, or one part; as asked and as far as it exists.
struct Piece {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool partial = false;
  bool whole_part = false;
  std::uint32_t part = 0;
};

S3Result<Piece> part_piece(const Call& call, const OpenedObject& object, std::string_view text) {
  TRY(number, parse_part_number(text));
  const std::uint32_t parts = std::max<std::uint32_t>(object.record.part_count, 1);
  if (number > parts) return part_number_beyond(number, parts);
  Piece piece;
  piece.part = number;
  piece.partial = piece.whole_part = true;
  piece.length = object.record.size;
  if (object.record.part_count == 0) return piece;
  TRY(list, call.service.parts_of(object));
  for (std::uint32_t i = 0; i + 1 < number && i < list.size(); ++i) piece.offset += list[i].size;
  if (number <= list.size()) piece.length = list[number - 1].size;
  return piece;
}

S3Result<Piece> wanted_piece(const Call& call, const OpenedObject& object) {
  const std::optional<std::string_view> range = call.header("range");
  if (const std::optional<std::string_view> number = call.query.find("partNumber")) {
    if (range)
      return s3_fail(S3Code::kInvalidRequest,
                     "Cannot specify both Range header and partNumber query parameter");
    return part_piece(call, object, *number);
  }
  TRY(resolved, resolve_range(parse_range(range), object.record.size, range.value_or("")));
  Piece piece;
  piece.length = object.record.size;
  if (resolved) piece = Piece{resolved->first, resolved->length(), true, false, 0};
  return piece;
}

// Its type is the object's, as AWS says it.
void add_part_checksum(HeaderList& headers, const Call& call, const OpenedObject& object,
                       std::uint32_t number) {
  const auto checksums = call.service.part_checksums_of(object);
  if (!checksums.ok() || number > checksums.value().size()) return;
  const Checksum& one = checksums.value()[number - 1];
  headers.add(algorithm_header(one.algorithm), one.text());
  headers.add("x-amz-checksum-type", object.record.checksum.type);
}

void add_object_headers(HeaderList& headers, const Call& call, const OpenedObject& object,
                        const Piece& piece) {
  const ObjectRecord& record = object.record;
  headers.add("ETag", quoted_etag(record.etag));
  headers.add("Last-Modified", http_date(WallTime::from_ms(record.mtime_ms)));
  headers.add("Accept-Ranges", "bytes");
  bool typed = false;
  for (const Header& kept : record.headers) {
    typed = typed || kept.first == "content-type";
    headers.set(kept.first, kept.second);
  }
  if (!typed) headers.set("Content-Type", kDefaultContentType);
  for (const auto& override_ : kOverrides)
    if (const std::optional<std::string_view> value = call.query.find(override_[0]))
      headers.set(override_[1], *value);
  if (!object.version_id.empty()) headers.add("x-amz-version-id", object.version_id);
  add_attribute_headers(headers, record.attributes);
  add_expiration(headers, call, record.attributes.tags, record.size, record.mtime_ms);
  if (!object.replication_status.empty())
    headers.add("x-amz-replication-status", object.replication_status);
  if (piece.partial && piece.length > 0)
    headers.add(
        "Content-Range",
        content_range(ByteRange{piece.offset, piece.offset + piece.length - 1}, record.size));
  if (piece.part != 0 && record.part_count > 0)
    headers.add("x-amz-mp-parts-count", static_cast<std::uint64_t>(record.part_count));
  const bool wants_checksum =
      equal_ignore_case(call.header("x-amz-checksum-mode").value_or(""), "ENABLED");
  const bool whole = !piece.partial || (piece.whole_part && record.part_count == 0);
  if (wants_checksum && whole) add_checksum(headers, wire_checksum(record.checksum));
  else if (wants_checksum && piece.whole_part) add_part_checksum(headers, call, object, piece.part);
}

}  // namespace

void add_checksum(HeaderList& headers, const std::optional<Checksum>& checksum) {
  if (!checksum) return;
  headers.add(algorithm_header(checksum->algorithm), checksum->text());
  headers.add("x-amz-checksum-type", checksum_type_name(checksum->type));
}

void add_new_version(HeaderList& headers, std::string_view version_id) {
  if (!version_id.empty() && version_id != "null") headers.add("x-amz-version-id", version_id);
}

S3Result<Unit> check_version_id(std::string_view id) {
  if (id == "null" || parse_version_id(id)) return Unit{};
  return invalid_argument("Invalid version id specified", "versionId", id);
}

S3Result<std::string> wanted_version(const Call& call) {
  const auto id = call.query.find("versionId");
  if (!id) return std::string();
  TRY_DO(check_version_id(*id));
  return std::string(*id);
}

// Empty values are left out: absent and empty are one thing to S3.
S3Result<std::vector<Header>> kept_headers(const Call& call) {
  TRY(object, collect_object_headers(call.headers()));
  std::vector<Header> kept;
  for (NameValue& header : object_response_headers(object))
    kept.emplace_back(to_lower(header.first), std::move(header.second));
  return kept;
}

S3Result<PutArguments> put_arguments(const Call& call) {
  PutArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  TRY(headers, kept_headers(call));
  arguments.headers = std::move(headers);
  TRY_DO(parse_storage_class(call.headers(), {}));
  TRY(conditions, parse_write_conditions(call.headers()));
  arguments.conditions = std::move(conditions);
  TRY(attributes, written_attributes(call));
  arguments.attributes = std::move(attributes);
  TRY(encryption, wanted_encryption(call));
  arguments.encryption = std::move(encryption);
  TRY_DO(take_tags_and_lock(call, arguments.attributes));
  return arguments;
}

S3Result<Unit> check_source(Call& call, const CopySource& source) {
  TRY(bucket, call.service.find_bucket(source.bucket));
  const auto expected = call.header("x-amz-source-expected-bucket-owner");
  if (expected && bucket.owner != *expected) return s3_fail(S3Code::kAccessDenied);
  Wanted wanted;
  wanted.action = source.version_id ? "s3:GetObjectVersion" : "s3:GetObject";
  wanted.bucket = source.bucket;
  wanted.key = source.key;
  wanted.version_id = source.version_id ? std::string_view(*source.version_id) : "";
  wanted.record = &bucket;
  TRY(rules, call.service.rules(source.bucket, bucket, call.access.default_rules()));
  wanted.rules = rules ? rules.get() : &call.access.default_rules();
  TRY_DO(authorise(call, wanted));
  const bool owns =
      call.decision.why == Decision::Why::kOwner || call.decision.why == Decision::Why::kRoot;
  if (owns) return Unit{};
  const S3Result<OpenedObject> opened =
      call.service.open(source.bucket, source.key, wanted.version_id);
  if (!opened.ok() && opened.error().status() == 404)
    return missing_as_told(call, wanted, opened.error());
  return Unit{};
}

Task<S3Result<Reply>> put_object(Ctx& ctx, Call& call) {
  // A part that forgot its upload must not become the object.
  if (const auto number = call.query.find("partNumber"))
    co_return invalid_argument("This operation needs the parameter uploadId", "partNumber",
                               *number);
  if (const auto id = call.query.find("versionId"))
    co_return invalid_argument("This operation does not accept a version-id.", "versionId", *id);
  CO_TRY(arguments, put_arguments(call));
  CO_TRY(body, RequestBody::make(call));
  CO_TRY(promise, body_promise(call, *body));
  if (wants_lock(arguments.attributes)) CO_DO(require_body_check(promise.checks));
  const std::string tags = arguments.attributes.tags;
  CO_TRY(outcome,
         co_await call.service.put_object(ctx, std::move(arguments), *body, std::move(promise)));
  Reply reply = empty_reply(200);
  add_write_outcome(reply.headers, outcome);
  add_checksum(reply.headers, outcome.checksum);
  add_expiration(reply.headers, call, tags, outcome.size, outcome.mtime_ms);
  co_return std::move(reply);
}

Task<S3Result<Reply>> copy_object(Ctx& ctx, Call& call) {
  CopyArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  CO_TRY(source, parse_copy_source(*call.header("x-amz-copy-source")));
  CO_DO(check_source(call, source));
  if (source.version_id) CO_DO(check_version_id(*source.version_id));
  arguments.source = std::move(source);
  arguments.source_conditions = parse_copy_conditions(call.headers());
  CO_TRY(replace, parse_directive(call.header("x-amz-metadata-directive"),
                                  "x-amz-metadata-directive", "Unknown metadata directive."));
  arguments.replace_headers = replace;
  CO_TRY(attributes, written_attributes(call));
  arguments.attributes = std::move(attributes);
  CO_TRY(headers, kept_headers(call));
  arguments.headers = std::move(headers);
  CO_DO(take_tags_and_lock(call, arguments.attributes));
  CO_TRY(replace_tags, parse_directive(call.header("x-amz-tagging-directive"),
                                       "x-amz-tagging-directive", "Unknown tagging directive."));
  arguments.replace_tags = replace_tags;
  CO_TRY(choice, parse_checksum_choice(call.headers()));
  arguments.algorithm = choice.algorithm;
  CO_TRY(conditions, parse_write_conditions(call.headers()));
  arguments.conditions = std::move(conditions);
  CO_TRY(encryption, wanted_encryption(call));
  arguments.encryption = std::move(encryption);
  CO_TRY(source_customer, sent_customer_key(call, true));
  arguments.source_customer = std::move(source_customer);
  CO_TRY(outcome, co_await call.service.copy_object(ctx, std::move(arguments)));
  Reply reply = xml_reply(
      copy_result_xml(false, outcome.etag, WallTime::from_ms(outcome.mtime_ms), outcome.checksum));
  add_new_version(reply.headers, outcome.version_id);
  add_encryption_headers(reply.headers, outcome.encryption);
  if (!outcome.source_version.empty())
    reply.headers.add("x-amz-copy-source-version-id", outcome.source_version);
  co_return std::move(reply);
}

Task<S3Result<Reply>> get_object(Ctx&, Call& call) {
  // Else a link could make somebody's browser take an object for what it is not.
  for (const auto& override_ : kOverrides)
    if (call.principal.anonymous && call.query.has(override_[0]))
      co_return s3_fail(S3Code::kInvalidRequest,
                        "Request specific response headers cannot be used for anonymous GET "
                        "requests.");
  CO_TRY(version_id, wanted_version(call));
  CO_DO(check_no_encryption(call.headers()));
  CO_TRY(customer, sent_customer_key(call));
  S3Result<OpenedObject> opened = call.service.open(call.bucket(), call.key(), version_id);
  if (!opened.ok()) co_return missing_as_told(call, own_object(call), opened.error());
  OpenedObject object = opened.take();
  const CustomerKey* customer_key = customer ? &*customer : nullptr;
  CO_DO(call.service.unlock(object, customer_key));
  const ObjectState state{object.record.etag, WallTime::from_ms(object.record.mtime_ms)};
  CO_DO(check_read(parse_read_conditions(call.headers()), state,
                   call.service.platform().clock.wall()));
  CO_TRY(piece, wanted_piece(call, object));
  Reply reply;
  reply.status = piece.partial && piece.length > 0 ? 206 : 200;
  add_object_headers(reply.headers, call, object, piece);
  add_encryption_headers(reply.headers,
                         ObjectService::told(object.record.attributes.encryption, customer_key));
  reply.body_bytes = piece.length;
  CO_TRY(reader, call.service.read(object, piece.offset, call.is_head() ? 0 : piece.length));
  reply.body = std::move(reader);
  co_return std::move(reply);
}

Task<S3Result<Reply>> delete_object(Ctx& ctx, Call& call) {
  DeleteArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  CO_TRY(version_id, wanted_version(call));
  arguments.version_id = std::move(version_id);
  CO_TRY(conditions, parse_write_conditions(call.headers()));
  arguments.conditions = std::move(conditions);
  CO_TRY(bypass, may_bypass_governance(call, own_object(call)));
  arguments.bypass_governance = bypass;
  CO_TRY(outcome, co_await call.service.delete_object(ctx, std::move(arguments)));
  Reply reply = empty_reply(204);
  if (!outcome.version_id.empty()) reply.headers.add("x-amz-version-id", outcome.version_id);
  if (outcome.delete_marker) reply.headers.add("x-amz-delete-marker", "true");
  co_return std::move(reply);
}

}  // namespace creel::s3
