#include "platform/base/text.h"
#include "s3/routes/acl.h"
#include "s3/routes/body.h"
#include "s3/routes/call.h"
#include "s3/wire/etag.h"
#include "s3/wire/listing.h"
#include "s3/wire/metadata.h"
#include "s3/wire/range.h"
#include "s3/wire/xml_in.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

S3Result<PartArguments> part_arguments(const Call& call) {
  const std::optional<std::string_view> number = call.query.find("partNumber");
  if (!number)
    return s3_fail(S3Code::kInvalidArgument, "This operation needs the parameter partNumber");
  TRY(parsed, parse_part_number(*number));
  PartArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  arguments.upload_id = *call.query.find("uploadId");
  arguments.number = static_cast<std::uint16_t>(parsed);
  return arguments;
}

}  // namespace

Task<S3Result<Reply>> create_upload(Ctx& ctx, Call& call) {
  UploadArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  arguments.owner = call.principal.id;
  CO_TRY(attributes, written_attributes(call));
  arguments.attributes = std::move(attributes);
  CO_TRY(headers, kept_headers(call));
  arguments.headers = std::move(headers);
  CO_DO(take_tags_and_lock(call, arguments.attributes));
  CO_DO(parse_storage_class(call.headers(), {}));
  CO_TRY(choice, parse_checksum_choice(call.headers()));
  arguments.checksum = choice;
  CO_TRY(encryption, wanted_encryption(call));
  const std::optional<CustomerKey> customer = encryption.customer;
  arguments.encryption = std::move(encryption);
  CO_TRY(upload_id, co_await call.service.create_upload(ctx, std::move(arguments)));
  CO_TRY(upload, call.service.find_upload(call.bucket(), call.key(), upload_id));
  Reply reply = xml_reply(initiate_upload_xml(call.bucket(), call.key(), upload_id));
  add_encryption_headers(reply.headers, ObjectService::told(upload.attributes.encryption,
                                                            customer ? &*customer : nullptr));
  if (choice.algorithm) {
    reply.headers.add("x-amz-checksum-algorithm", algorithm_name(*choice.algorithm));
    reply.headers.add("x-amz-checksum-type", checksum_type_name(choice.type));
  }
  co_return std::move(reply);
}

Task<S3Result<Reply>> upload_part(Ctx& ctx, Call& call) {
  CO_TRY(arguments, part_arguments(call));
  CO_TRY(customer, sent_customer_key(call));
  arguments.customer = std::move(customer);
  CO_TRY(body, RequestBody::make(call));
  CO_TRY(promise, body_promise(call, *body));
  CO_TRY(outcome,
         co_await call.service.put_part(ctx, std::move(arguments), *body, std::move(promise)));
  Reply reply = empty_reply(200);
  reply.headers.add("ETag", quoted_etag(outcome.etag));
  add_encryption_headers(reply.headers, outcome.encryption);
  if (outcome.checksum_given && outcome.checksum)
    reply.headers.add(algorithm_header(outcome.checksum->algorithm), outcome.checksum->text());
  co_return std::move(reply);
}

Task<S3Result<Reply>> upload_part_copy(Ctx& ctx, Call& call) {
  CO_TRY(arguments, part_arguments(call));
  CO_TRY(source, parse_copy_source(*call.header("x-amz-copy-source")));
  CO_DO(check_source(call, source));
  if (source.version_id) CO_DO(check_version_id(*source.version_id));
  ReadConditions conditions = parse_copy_conditions(call.headers());
  std::optional<std::string> range;
  if (const std::optional<std::string_view> header = call.header("x-amz-copy-source-range"))
    range = std::string(*header);
  CO_TRY(customer, sent_customer_key(call));
  arguments.customer = std::move(customer);
  CO_TRY(source_customer, sent_customer_key(call, true));
  CO_TRY(outcome, co_await call.service.copy_part(ctx, std::move(arguments), std::move(source),
                                                  std::move(conditions), std::move(range),
                                                  std::move(source_customer)));
  std::optional<Checksum> checksum;
  if (outcome.checksum_given) checksum = outcome.checksum;
  Reply reply =
      xml_reply(copy_result_xml(true, outcome.etag, WallTime::from_ms(outcome.mtime_ms), checksum));
  add_encryption_headers(reply.headers, outcome.encryption);
  if (!outcome.source_version.empty())
    reply.headers.add("x-amz-copy-source-version-id", outcome.source_version);
  co_return std::move(reply);
}

Task<S3Result<Reply>> list_parts(Ctx&, Call& call) {
  CO_TRY(params, parse_list_parts(call.query));
  CO_TRY(found, call.service.list_parts(call.bucket(), call.key(), params.upload_id,
                                        params.part_number_marker, params.count_max));
  PartPage page;
  page.truncated = found.truncated;
  page.owner = owner_of_upload(call, found.upload);
  page.initiator = Owner{found.upload.owner, call.access.display_name_of(found.upload.owner)};
  page.checksum_algorithm = algorithm_of_name(found.upload.checksum.algorithm);
  if (found.upload.checksum.type == "COMPOSITE") page.checksum_type = ChecksumType::kComposite;
  for (const ListedPart& part : found.parts) {
    PartEntry entry;
    entry.number = part.number;
    entry.modified = WallTime::from_ms(part.record.mtime_ms);
    entry.etag = part.record.etag;
    entry.size = part.record.size;
    if (page.checksum_algorithm) entry.checksum = wire_checksum(part.record.checksum);
    page.parts.push_back(std::move(entry));
  }
  co_return xml_reply(list_parts_xml(call.bucket(), call.key(), params, page));
}

Task<S3Result<Reply>> complete_upload(Ctx& ctx, Call& call) {
  CompleteArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  arguments.upload_id = *call.query.find("uploadId");
  CO_TRY(conditions, parse_write_conditions(call.headers()));
  arguments.conditions = std::move(conditions);
  // Checksum headers here speak of the finished object, not of this document.
  CO_TRY(whole, parse_body_checks(call.headers()));
  arguments.checksum = whole.expected;
  if (const std::optional<std::string_view> type = call.header("x-amz-checksum-type")) {
    if (*type != "COMPOSITE" && *type != "FULL_OBJECT")
      co_return s3_fail(S3Code::kInvalidRequest,
                        "Value for x-amz-checksum-type header is invalid.");
    arguments.checksum_type =
        *type == "COMPOSITE" ? ChecksumType::kComposite : ChecksumType::kFullObject;
  }
  if (const std::optional<std::string_view> size = call.header("x-amz-mp-object-size")) {
    arguments.object_size = parse_u64(*size);
    if (!arguments.object_size)
      co_return invalid_argument("The object size is not a number", "x-amz-mp-object-size", *size);
  }
  CO_TRY(customer, sent_customer_key(call));
  arguments.customer = std::move(customer);
  CO_TRY(document, co_await read_plain_document(ctx, call, kXmlListBodyBytesMax));
  if (document.empty()) co_return s3_fail(S3Code::kMalformedXml);
  CO_TRY(parts, parse_complete_upload(as_bytes(document)));
  arguments.parts = std::move(parts);
  CO_TRY(outcome, co_await call.service.complete_upload(ctx, std::move(arguments)));
  const std::string location =
      cat("http://", call.header("host").value_or("localhost"), call.target.raw_path);
  Reply reply = xml_reply(
      complete_upload_xml(location, call.bucket(), call.key(), outcome.etag, outcome.checksum));
  add_new_version(reply.headers, outcome.version_id);
  add_encryption_headers(reply.headers, outcome.encryption);
  co_return std::move(reply);
}

Task<S3Result<Reply>> abort_upload(Ctx& ctx, Call& call) {
  std::string bucket(call.bucket());
  std::string key(call.key());
  std::string upload_id(*call.query.find("uploadId"));
  CO_DO(co_await call.service.abort_upload(ctx, std::move(bucket), std::move(key),
                                           std::move(upload_id)));
  co_return empty_reply(204);
}

}  // namespace creel::s3
