#include "platform/base/text.h"
#include "s3/routes/call.h"
#include "s3/wire/listing.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

ListArguments arguments_of(const Call& call, const ListParams& params, std::string after) {
  ListArguments arguments;
  arguments.bucket = call.bucket();
  arguments.prefix = params.prefix;
  arguments.delimiter = params.delimiter;
  arguments.after = std::move(after);
  arguments.count_max = params.count_max;
  return arguments;
}

void fill_entry(ObjectEntry& entry, const std::string& key, const ObjectRecord& record) {
  entry.key = key;
  entry.modified = WallTime::from_ms(record.mtime_ms);
  entry.etag = record.etag;
  entry.size = record.size;
  if (const std::optional<Checksum> checksum = wire_checksum(record.checksum)) {
    entry.checksum_algorithm = checksum->algorithm;
    entry.checksum_type = checksum->type;
  }
}

}  // namespace

Task<S3Result<Reply>> list_objects(Ctx&, Call& call) {
  CO_TRY(params, parse_list_objects(call.query));
  CO_TRY(found, call.service.list(arguments_of(call, params, params.after)));
  CO_TRY(bucket, call.service.find_bucket(call.bucket()));
  const Owner owner{bucket.owner, call.access.display_name_of(bucket.owner)};
  ObjectPage page;
  for (const ListedObject& object : found.objects) {
    ObjectEntry entry;
    fill_entry(entry, object.key, object.record);
    if (!params.v2 || params.fetch_owner) entry.owner = owner;
    page.objects.push_back(std::move(entry));
  }
  page.common_prefixes = std::move(found.common_prefixes);
  page.truncated = found.truncated;
  page.next = std::move(found.next);
  co_return xml_reply(list_objects_xml(call.bucket(), params, page));
}

// Unversioned buckets answer one version an object, `null` (clients empty buckets through this).
Task<S3Result<Reply>> list_object_versions(Ctx&, Call& call) {
  CO_TRY(params, parse_list_versions(call.query));
  if (!params.version_id_marker.empty()) CO_DO(check_version_id(params.version_id_marker));
  CO_TRY(found, call.service.list_versions(arguments_of(call, params, params.key_marker),
                                           params.version_id_marker));
  CO_TRY(bucket, call.service.find_bucket(call.bucket()));
  const Owner owner{bucket.owner, call.access.display_name_of(bucket.owner)};
  VersionPage page;
  for (const ListedVersion& version : found.versions) {
    VersionEntry entry;
    fill_entry(entry, version.key, version.record);
    if (!version.record.version_id.empty()) entry.version_id = version.record.version_id;
    entry.is_latest = version.latest;
    entry.is_delete_marker = version.record.delete_marker;
    entry.owner = owner;
    page.versions.push_back(std::move(entry));
  }
  page.common_prefixes = std::move(found.common_prefixes);
  page.truncated = found.truncated;
  page.next_key_marker = std::move(found.next_key);
  page.next_version_id_marker = std::move(found.next_version);
  co_return xml_reply(list_versions_xml(call.bucket(), params, page));
}

Task<S3Result<Reply>> list_uploads(Ctx&, Call& call) {
  CO_TRY(params, parse_list_uploads(call.query));
  CO_TRY(found, call.service.list_uploads(arguments_of(call, params, params.key_marker),
                                          params.upload_id_marker));
  UploadPage page;
  for (const ListedUpload& upload : found.uploads) {
    UploadEntry entry;
    entry.key = upload.key;
    entry.upload_id = upload.record.upload_id;
    entry.initiated = WallTime::from_ms(upload.record.initiated_ms);
    entry.owner = owner_of_upload(call, upload.record);
    entry.initiator = Owner{upload.record.owner, call.access.display_name_of(upload.record.owner)};
    entry.checksum_algorithm = algorithm_of_name(upload.record.checksum.algorithm);
    if (upload.record.checksum.type == "COMPOSITE") entry.checksum_type = ChecksumType::kComposite;
    page.uploads.push_back(std::move(entry));
  }
  page.common_prefixes = std::move(found.common_prefixes);
  page.truncated = found.truncated;
  page.next_key_marker = std::move(found.next_key);
  page.next_upload_id_marker = std::move(found.next_upload_id);
  co_return xml_reply(list_uploads_xml(call.bucket(), params, page));
}

}  // namespace creel::s3
