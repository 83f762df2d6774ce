#include "s3/wire/xml_out.h"

#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "s3/wire/etag.h"

namespace creel::s3 {
namespace {

// Opens the root, closes it at the end, and knows how names are shown.
class Answer {
 public:
  explicit Answer(std::string_view root, bool encoding_url = false,
                  std::string_view name_space = kXmlNamespace)
      : xml_(out_), encoding_url_(encoding_url) {
    xml_.open(root, name_space);
  }
  std::string take() {
    xml_.close();
    check(xml_.depth() == 0);
    return std::move(out_);
  }

  template <class T>
  void leaf(std::string_view name, const T& value) {
    xml_.leaf(name, value);
  }
  void open(std::string_view name) { xml_.open(name); }
  void close() { xml_.close(); }

  // A key, prefix or marker: percent-encoded if the client asked.
  void name(std::string_view element, std::string_view value) {
    xml_.leaf(element, std::string_view(listed_name(value, encoding_url_)));
  }
  void name_if_any(std::string_view element, std::string_view value) {
    if (!value.empty()) name(element, value);
  }
  void leaf_if_any(std::string_view element, std::string_view value) {
    if (!value.empty()) xml_.leaf(element, value);
  }
  void time(std::string_view element, WallTime value) {
    xml_.leaf(element, std::string_view(iso8601_ms(value)));
  }
  void etag(std::string_view bare) { xml_.leaf("ETag", std::string_view(quoted_etag(bare))); }
  void owner(std::string_view element, const Owner& owner) {
    xml_.open(element);
    xml_.leaf("ID", std::string_view(owner.id));
    xml_.leaf("DisplayName", std::string_view(owner.display_name));
    xml_.close();
  }
  void checksum(const std::optional<Checksum>& sum) {
    if (sum) xml_.leaf(algorithm_element(sum->algorithm), std::string_view(sum->text()));
  }
  void checksum_kind(const std::optional<ChecksumAlgorithm>& algorithm, ChecksumType type) {
    if (!algorithm) return;
    xml_.leaf("ChecksumAlgorithm", algorithm_name(*algorithm));
    xml_.leaf("ChecksumType", checksum_type_name(type));
  }
  void common_prefixes(const std::vector<std::string>& prefixes) {
    for (const std::string& prefix : prefixes) {
      xml_.open("CommonPrefixes");
      name("Prefix", prefix);
      xml_.close();
    }
  }
  void encoding_type() {
    if (encoding_url_) xml_.leaf("EncodingType", "url");
  }

 private:
  std::string out_;
  XmlWriter xml_;
  bool encoding_url_;
};

void object_entry(Answer& answer, const ObjectEntry& object) {
  answer.open("Contents");
  answer.name("Key", object.key);
  answer.time("LastModified", object.modified);
  answer.etag(object.etag);
  answer.checksum_kind(object.checksum_algorithm, object.checksum_type);
  answer.leaf("Size", object.size);
  if (object.owner) answer.owner("Owner", *object.owner);
  answer.leaf("StorageClass", std::string_view(object.storage_class));
  answer.close();
}

void v1_fields(Answer& answer, const ListObjectsParams& params, const ObjectPage& page) {
  answer.name("Marker", params.marker);
  if (page.truncated && !params.delimiter.empty()) answer.name_if_any("NextMarker", page.next);
}

void v2_fields(Answer& answer, const ListObjectsParams& params, const ObjectPage& page) {
  const std::uint64_t count = page.objects.size() + page.common_prefixes.size();
  answer.leaf("KeyCount", count);
  if (params.continuation_token)
    answer.leaf("ContinuationToken", std::string_view(*params.continuation_token));
  if (page.truncated)
    answer.leaf("NextContinuationToken", std::string_view(encode_list_token(page.next)));
  if (params.start_after) answer.name("StartAfter", *params.start_after);
}

void version_entry(Answer& answer, const VersionEntry& version) {
  answer.open(version.is_delete_marker ? "DeleteMarker" : "Version");
  answer.name("Key", version.key);
  answer.leaf("VersionId", std::string_view(version.version_id));
  answer.leaf("IsLatest", version.is_latest);
  answer.time("LastModified", version.modified);
  if (!version.is_delete_marker) {
    answer.etag(version.etag);
    answer.checksum_kind(version.checksum_algorithm, version.checksum_type);
    answer.leaf("Size", version.size);
  }
  if (version.owner) answer.owner("Owner", *version.owner);
  if (!version.is_delete_marker)
    answer.leaf("StorageClass", std::string_view(version.storage_class));
  answer.close();
}

void upload_entry(Answer& answer, const UploadEntry& upload) {
  answer.open("Upload");
  answer.name("Key", upload.key);
  answer.leaf("UploadId", std::string_view(upload.upload_id));
  answer.owner("Initiator", upload.initiator);
  answer.owner("Owner", upload.owner);
  answer.leaf("StorageClass", std::string_view(upload.storage_class));
  answer.time("Initiated", upload.initiated);
  answer.checksum_kind(upload.checksum_algorithm, upload.checksum_type);
  answer.close();
}

void part_entry(Answer& answer, const PartEntry& part) {
  answer.open("Part");
  answer.leaf("PartNumber", part.number);
  answer.time("LastModified", part.modified);
  answer.etag(part.etag);
  answer.leaf("Size", part.size);
  answer.checksum(part.checksum);
  answer.close();
}

}  // namespace

std::string list_buckets_xml(const Owner& owner, const std::vector<BucketEntry>& buckets,
                             std::string_view prefix, std::string_view next_token) {
  Answer answer("ListAllMyBucketsResult");
  answer.owner("Owner", owner);
  answer.open("Buckets");
  for (const BucketEntry& bucket : buckets) {
    answer.open("Bucket");
    answer.leaf("Name", std::string_view(bucket.name));
    answer.time("CreationDate", bucket.created);
    answer.leaf_if_any("BucketRegion", bucket.region);
    answer.close();
  }
  answer.close();
  answer.leaf_if_any("Prefix", prefix);
  answer.leaf_if_any("ContinuationToken", next_token);
  return answer.take();
}

std::string location_xml(std::string_view region) {
  std::string out;
  XmlWriter xml(out);
  xml.open("LocationConstraint", kXmlNamespace);
  if (region != "us-east-1") append_xml_text(out, region);
  xml.close();
  return out;
}

std::string list_objects_xml(std::string_view bucket, const ListObjectsParams& params,
                             const ObjectPage& page) {
  Answer answer("ListBucketResult", params.encoding_url);
  answer.leaf("Name", bucket);
  answer.name("Prefix", params.prefix);
  if (params.v2) v2_fields(answer, params, page);
  else v1_fields(answer, params, page);
  answer.leaf("MaxKeys", params.count_max);
  answer.name_if_any("Delimiter", params.delimiter);
  answer.leaf("IsTruncated", page.truncated);
  answer.encoding_type();
  for (const ObjectEntry& object : page.objects) object_entry(answer, object);
  answer.common_prefixes(page.common_prefixes);
  return answer.take();
}

std::string list_versions_xml(std::string_view bucket, const ListVersionsParams& params,
                              const VersionPage& page) {
  Answer answer("ListVersionsResult", params.encoding_url);
  answer.leaf("Name", bucket);
  answer.name("Prefix", params.prefix);
  answer.name("KeyMarker", params.key_marker);
  answer.leaf("VersionIdMarker", std::string_view(params.version_id_marker));
  if (page.truncated) {
    answer.name("NextKeyMarker", page.next_key_marker);
    answer.leaf_if_any("NextVersionIdMarker", page.next_version_id_marker);
  }
  answer.leaf("MaxKeys", params.count_max);
  answer.name_if_any("Delimiter", params.delimiter);
  answer.leaf("IsTruncated", page.truncated);
  answer.encoding_type();
  for (const VersionEntry& version : page.versions) version_entry(answer, version);
  answer.common_prefixes(page.common_prefixes);
  return answer.take();
}

std::string list_uploads_xml(std::string_view bucket, const ListUploadsParams& params,
                             const UploadPage& page) {
  Answer answer("ListMultipartUploadsResult", params.encoding_url);
  answer.leaf("Bucket", bucket);
  answer.name("KeyMarker", params.key_marker);
  answer.leaf("UploadIdMarker", std::string_view(params.upload_id_marker));
  if (page.truncated) {
    answer.name("NextKeyMarker", page.next_key_marker);
    answer.leaf("NextUploadIdMarker", std::string_view(page.next_upload_id_marker));
  }
  answer.name("Prefix", params.prefix);
  answer.name_if_any("Delimiter", params.delimiter);
  answer.leaf("MaxUploads", params.count_max);
  answer.leaf("IsTruncated", page.truncated);
  answer.encoding_type();
  for (const UploadEntry& upload : page.uploads) upload_entry(answer, upload);
  answer.common_prefixes(page.common_prefixes);
  return answer.take();
}

std::string list_parts_xml(std::string_view bucket, std::string_view key,
                           const ListPartsParams& params, const PartPage& page) {
  Answer answer("ListPartsResult", params.encoding_url);
  answer.leaf("Bucket", bucket);
  answer.name("Key", key);
  answer.leaf("UploadId", std::string_view(params.upload_id));
  answer.owner("Initiator", page.initiator);
  answer.owner("Owner", page.owner);
  answer.leaf("StorageClass", std::string_view(page.storage_class));
  answer.leaf("PartNumberMarker", params.part_number_marker);
  const std::uint32_t last =
      page.parts.empty() ? params.part_number_marker : page.parts.back().number;
  answer.leaf("NextPartNumberMarker", last);
  answer.leaf("MaxParts", params.count_max);
  answer.leaf("IsTruncated", page.truncated);
  answer.encoding_type();
  answer.checksum_kind(page.checksum_algorithm, page.checksum_type);
  for (const PartEntry& part : page.parts) part_entry(answer, part);
  return answer.take();
}

std::string initiate_upload_xml(std::string_view bucket, std::string_view key,
                                std::string_view upload_id) {
  Answer answer("InitiateMultipartUploadResult");
  answer.leaf("Bucket", bucket);
  answer.leaf("Key", key);
  answer.leaf("UploadId", upload_id);
  return answer.take();
}

std::string complete_upload_xml(std::string_view location, std::string_view bucket,
                                std::string_view key, std::string_view etag,
                                const std::optional<Checksum>& checksum) {
  Answer answer("CompleteMultipartUploadResult");
  answer.leaf("Location", location);
  answer.leaf("Bucket", bucket);
  answer.leaf("Key", key);
  answer.etag(etag);
  answer.checksum(checksum);
  if (checksum) answer.leaf("ChecksumType", checksum_type_name(checksum->type));
  return answer.take();
}

std::string post_response_xml(std::string_view location, std::string_view bucket,
                              std::string_view key, std::string_view etag) {
  Answer answer("PostResponse", false, {});  // AWS's has no namespace.
  answer.leaf("Location", location);
  answer.leaf("Bucket", bucket);
  answer.leaf("Key", key);
  answer.etag(etag);
  return answer.take();
}

std::string copy_result_xml(bool is_part, std::string_view etag, WallTime modified,
                            const std::optional<Checksum>& checksum) {
  Answer answer(is_part ? "CopyPartResult" : "CopyObjectResult");
  answer.time("LastModified", modified);
  answer.etag(etag);
  answer.checksum(checksum);
  if (checksum && !is_part) answer.leaf("ChecksumType", checksum_type_name(checksum->type));
  return answer.take();
}

std::string delete_result_xml(const std::vector<DeletedEntry>& deleted,
                              const std::vector<DeleteFault>& faults, bool quiet) {
  Answer answer("DeleteResult");
  if (!quiet) {
    for (const DeletedEntry& entry : deleted) {
      answer.open("Deleted");
      answer.leaf("Key", std::string_view(entry.key));
      answer.leaf_if_any("VersionId", entry.version_id);
      if (entry.delete_marker) {
        answer.leaf("DeleteMarker", true);
        answer.leaf_if_any("DeleteMarkerVersionId", entry.delete_marker_version_id);
      }
      answer.close();
    }
  }
  for (const DeleteFault& fault : faults) {
    answer.open("Error");
    answer.leaf("Key", std::string_view(fault.key));
    answer.leaf_if_any("VersionId", fault.version_id);
    answer.leaf("Code", name_of(fault.error.code));
    answer.leaf("Message", std::string_view(fault.error.message));
    answer.close();
  }
  return answer.take();
}

std::string object_attributes_xml(const AttributesAnswer& attributes) {
  Answer answer("GetObjectAttributesResponse");
  answer.leaf_if_any("ETag", attributes.etag);
  if (attributes.checksum) {
    answer.open("Checksum");
    answer.checksum(attributes.checksum);
    answer.leaf("ChecksumType", checksum_type_name(attributes.checksum->type));
    answer.close();
  }
  if (attributes.parts) {
    answer.open("ObjectParts");
    answer.leaf("PartsCount", attributes.parts_count);
    answer.leaf("PartNumberMarker", attributes.marker);
    answer.leaf("NextPartNumberMarker", attributes.next_marker);
    answer.leaf("MaxParts", attributes.max_parts);
    answer.leaf("IsTruncated", attributes.truncated);
    for (const PartEntry& part : attributes.page) {
      answer.open("Part");
      answer.leaf("PartNumber", part.number);
      answer.leaf("Size", part.size);
      answer.checksum(part.checksum);
      answer.close();
    }
    answer.close();
  }
  answer.leaf_if_any("StorageClass", attributes.storage_class);
  if (attributes.size) answer.leaf("ObjectSize", *attributes.size);
  return answer.take();
}

std::string versioning_xml(std::string_view status) {
  Answer answer("VersioningConfiguration");
  answer.leaf_if_any("Status", status);
  return answer.take();
}

}  // namespace creel::s3
