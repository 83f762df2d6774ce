#include "s3/model/bucket_documents.h"

#include "platform/base/text.h"
#include "s3/model/records.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

constexpr char kPrefix = 'd';     // Table::kConf: 'd' ‖ u64 bucket id ‖ u8 kind
constexpr char kDocument = 'b';   // Kind of a document's pieces.
constexpr std::size_t kInRowBytes = 800;

enum Tag : std::uint16_t { kBytes = 1, kTime, kLsn, kText };

std::string row_key(std::uint64_t bucket_id, BucketDocument kind) {
  return cat(kPrefix, be64_key(bucket_id), static_cast<char>(kind));
}

}  // namespace

Result<std::string> load_bucket_document(const store::RowReader& rows, std::uint64_t bucket_id,
                                         BucketDocument kind) {
  TRY(row, rows.find(store::Table::kConf, row_key(bucket_id, kind)));
  if (!row) return std::string();
  TRY(fields, TlvReader::parse(*row));
  const auto bytes = static_cast<std::size_t>(fields.number(kBytes));
  if (bytes > kBucketDocumentBytesMax)
    return fail(ErrorCode::kCorrupt, cat("bucket document of ", bytes, " bytes"));
  if (bytes <= kInRowBytes) return fields.text(kText);
  return load_document(rows, RowId{fields.number(kLsn), 0}, kDocument, bytes);
}

void put_bucket_document(store::StagedRows& rows, std::uint64_t bucket_id, BucketDocument kind,
                         std::uint64_t lsn, std::int64_t time_ms, std::string_view document) {
  TlvWriter row;
  row.number(kBytes, document.size()).number(kTime, static_cast<std::uint64_t>(time_ms));
  row.number(kLsn, lsn);
  if (document.size() <= kInRowBytes) row.text(kText, document);
  else put_document(rows, RowId{lsn, 0}, kDocument, document);
  rows.put(store::Table::kConf, row_key(bucket_id, kind), row.take());
}

Result<Unit> erase_bucket_document(store::StagedRows& rows, std::uint64_t bucket_id,
                                   BucketDocument kind) {
  const std::string key = row_key(bucket_id, kind);
  TRY(row, rows.find(store::Table::kConf, key));
  if (!row) return Unit{};
  TRY(fields, TlvReader::parse(*row));
  const auto bytes = static_cast<std::size_t>(fields.number(kBytes));
  if (bytes > kInRowBytes) erase_document(rows, RowId{fields.number(kLsn), 0}, kDocument, bytes);
  rows.erase(store::Table::kConf, key);
  return Unit{};
}

}  // namespace creel::s3
