#include "s3/model/lifecycle_mark.h"

#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {
constexpr std::string_view kKey = "lifecycle";  // Table::kSys
enum Tag : std::uint16_t { kBucket = 1, kTable, kAfter, kTime };
}  // namespace

Result<LifecycleMark> load_lifecycle_mark(const store::RowReader& rows) {
  TRY(row, rows.find(store::Table::kSys, kKey));
  LifecycleMark mark;
  if (!row) return mark;
  TRY(fields, TlvReader::parse(*row));
  mark.bucket = fields.text(kBucket);
  mark.table = static_cast<std::uint8_t>(fields.number(kTable));
  mark.after = fields.text(kAfter);
  mark.time_ms = static_cast<std::int64_t>(fields.number(kTime));
  return mark;
}

void put_lifecycle_mark(store::StagedRows& rows, const LifecycleMark& mark) {
  TlvWriter row;
  row.text(kBucket, std::string_view(mark.bucket).substr(0, 63)).number(kTable, mark.table);
  row.text(kAfter, std::string_view(mark.after).substr(0, kMarkBytesMax));
  row.number(kTime, static_cast<std::uint64_t>(mark.time_ms));
  rows.put(store::Table::kSys, kKey, row.take());
}

}  // namespace creel::s3
