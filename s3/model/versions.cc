#include "s3/model/versions.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kIdChars = 26;
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kTimeBytes = 6;
constexpr std::size_t kRowIdBytes = 10;

std::string inverted(RowId id) {
  return RowId{~id.lsn, static_cast<std::uint16_t>(~id.sub)}.bytes();
}

}  // namespace

std::string make_version_id(std::int64_t time_ms, RowId id) {
  const std::string raw =
      be64_key(static_cast<std::uint64_t>(time_ms)).substr(8 - kTimeBytes) + id.bytes();
  std::string out;
  std::uint32_t bits = 0;
  int held = 2;  // 130 bits in 26 characters: two zeros in front.
  for (const char c : raw) {
    bits = bits << 8 | static_cast<std::uint8_t>(c);
    for (held += 8; held >= 5; held -= 5) out.push_back(kDigits[bits >> (held - 5) & 31]);
  }
  return out;
}

std::optional<RowId> parse_version_id(std::string_view id) {
  if (id.size() != kIdChars) return std::nullopt;
  std::string raw;
  std::uint32_t bits = 0;
  int held = -2;
  for (const char c : id) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    if (raw.empty() && held == -2 && digit > 7) return std::nullopt;
    bits = bits << 5 | static_cast<std::uint32_t>(digit);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    raw.push_back(static_cast<char>(bits >> held & 255));
  }
  check(raw.size() == kIdBytes);
  return RowId::parse(std::string_view(raw).substr(kTimeBytes));
}

std::string escaped_key(std::string_view key) {
  std::string out;
  for (const char c : key) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
  return out;
}

std::string version_prefix(std::uint64_t bucket_id, std::string_view key) {
  return be64_key(bucket_id).append(escaped_key(key)).append(2, '\0');
}

std::string version_key(std::uint64_t bucket_id, std::string_view key, RowId id) {
  return version_prefix(bucket_id, key).append(inverted(id));
}

bool fits_version_key(std::string_view key) {
  return version_prefix(0, key).size() + kRowIdBytes <= store::kRowKeyBytesMax;
}

std::optional<VersionName> parse_version_key(std::string_view row_key) {
  if (row_key.size() < 8 + 2 + kRowIdBytes) return std::nullopt;
  VersionName name;
  const std::optional<RowId> id = RowId::parse(row_key.substr(row_key.size() - kRowIdBytes));
  name.id = RowId{~id->lsn, static_cast<std::uint16_t>(~id->sub)};
  const std::string_view escaped = row_key.substr(8, row_key.size() - 8 - 2 - kRowIdBytes);
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    name.key.push_back(escaped[i]);
    if (escaped[i] == '\0') ++i;
  }
  return name;
}

std::string null_version_key(std::uint64_t bucket_id, std::string_view key) {
  return cat('n', be64_key(bucket_id), key);
}

Result<std::optional<ObjectRecord>> load_version(const store::RowReader& rows,
                                                 std::uint64_t bucket_id, std::string_view key,
                                                 std::string_view version_id) {
  const std::string_view stored = version_id == "null" ? std::string_view() : version_id;
  TRY(current, load_object(rows, bucket_id, key));
  if (current && current->version_id == stored) return std::move(current);
  std::optional<RowId> id = parse_version_id(stored);
  if (stored.empty()) {
    TRY(pointer, rows.find(store::Table::kConf, null_version_key(bucket_id, key)));
    if (pointer) id = RowId::parse(*pointer);
  }
  if (!id) return std::optional<ObjectRecord>();
  TRY(row, rows.find(store::Table::kVersion, version_key(bucket_id, key, *id)));
  if (!row) return std::optional<ObjectRecord>();
  TRY(record, ObjectRecord::decode(*row));
  if (record.version_id != stored) return std::optional<ObjectRecord>();
  TRY_DO(complete_object(rows, record));
  return std::optional<ObjectRecord>(std::move(record));
}

Result<std::optional<ObjectRecord>> load_newest_older(const store::RowReader& rows,
                                                      std::uint64_t bucket_id,
                                                      std::string_view key) {
  const std::string prefix = version_prefix(bucket_id, key);
  TRY(cursor, rows.cursor(store::Table::kVersion));
  TRY(found, cursor->seek(prefix));
  if (!found || !cursor->key().starts_with(prefix)) return std::optional<ObjectRecord>();
  TRY(record, ObjectRecord::decode(cursor->value()));
  return std::optional<ObjectRecord>(std::move(record));
}

}  // namespace creel::s3
