#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/records.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

enum UploadTag : std::uint16_t {
  kUploadId = 1,
  kInitiated,
  kUploadOwner,
  kUploadAlgorithm,
  kUploadType,
  kUploadHeaderBytes,
  kUploadDocuments,
  kUploadHeaders,
  kUploadCompleted,
  kUploadEtag,
  kUploadVersion,
  kUploadAttributes,
  kUploadAttributeBytes,
};

}  // namespace

std::string UploadRecord::encode() const {
  TlvWriter out;
  out.text(kUploadId, upload_id).number(kInitiated, static_cast<std::uint64_t>(initiated_ms));
  out.text(kUploadOwner, owner).text(kUploadAlgorithm, checksum.algorithm);
  out.text(kUploadType, checksum.type).number(kUploadHeaderBytes, header_bytes);
  out.text(kUploadDocuments, documents == RowId{} ? std::string() : documents.bytes());
  if (header_bytes == 0) out.text(kUploadHeaders, encode_headers(headers));
  out.number(kUploadCompleted, completed ? 1 : 0).text(kUploadEtag, etag);
  out.text(kUploadVersion, version_id);
  if (attribute_bytes == 0) out.text(kUploadAttributes, attributes.encode());
  return out.number(kUploadAttributeBytes, attribute_bytes).take();
}

Result<UploadRecord> UploadRecord::decode(std::string_view value) {
  TRY(fields, TlvReader::parse(value));
  UploadRecord record;
  record.upload_id = fields.text(kUploadId);
  record.initiated_ms = static_cast<std::int64_t>(fields.number(kInitiated));
  record.owner = fields.text(kUploadOwner);
  record.checksum = {fields.text(kUploadAlgorithm), fields.text(kUploadType), {}};
  record.header_bytes = static_cast<std::uint32_t>(fields.number(kUploadHeaderBytes));
  if (fields.has(kUploadDocuments)) {
    const std::optional<RowId> documents = RowId::parse(fields.text(kUploadDocuments));
    if (!documents) return fail(ErrorCode::kCorrupt, "upload row: its documents are no id");
    record.documents = *documents;
  }
  TRY(headers, decode_headers(fields.text(kUploadHeaders)));
  record.headers = std::move(headers);
  record.completed = fields.number(kUploadCompleted) != 0;
  record.etag = fields.text(kUploadEtag);
  record.version_id = fields.text(kUploadVersion);
  TRY(attributes, ObjectAttributes::decode(fields.text(kUploadAttributes)));
  record.attributes = std::move(attributes);
  record.attribute_bytes = static_cast<std::uint32_t>(fields.number(kUploadAttributeBytes));
  return record;
}

std::string upload_key(std::uint64_t bucket_id, std::string_view key, std::uint64_t upload_lsn) {
  return object_key(bucket_id, key) + be64_key(upload_lsn);
}

std::string make_upload_id(std::uint64_t lsn, std::uint64_t random) {
  Bytes raw;
  append_be<std::uint64_t>(raw, lsn);
  append_be<std::uint64_t>(raw, random);
  return hex_encode(raw);
}

std::optional<std::uint64_t> upload_lsn(std::string_view upload_id) {
  if (upload_id.size() != 32) return std::nullopt;
  const std::optional<Bytes> raw = hex_decode(upload_id);
  if (!raw) return std::nullopt;
  return load_be<std::uint64_t>(*raw, 0);
}

Result<std::optional<UploadRecord>> load_upload(const store::RowReader& rows,
                                                std::uint64_t bucket_id, std::string_view key,
                                                std::string_view upload_id) {
  const std::optional<std::uint64_t> lsn = upload_lsn(upload_id);
  if (!lsn) return std::optional<UploadRecord>();
  TRY(row, rows.find(store::Table::kUpload, upload_key(bucket_id, key, *lsn)));
  if (!row) return std::optional<UploadRecord>();
  TRY(record, UploadRecord::decode(*row));
  if (record.upload_id != upload_id) return std::optional<UploadRecord>();
  if (record.header_bytes > 0) {
    TRY(document, load_document(rows, record.documents, 'h', record.header_bytes));
    TRY(headers, decode_headers(document));
    record.headers = std::move(headers);
  }
  TRY_DO(load_attributes(rows, record.documents, record.attribute_bytes, record.attributes));
  return std::optional<UploadRecord>(std::move(record));
}

}  // namespace creel::s3
