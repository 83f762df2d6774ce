#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "s3/model/records.h"

namespace creel::s3 {

// Where versions lie: the current one is a row of Table::kObject; older ones, and delete markers
// even if they are the newest, are rows of Table::kVersion. So listings of objects meet no markers.
// If a key has rows in kVersion only, the newest of them is a marker.

// 26 characters of Crockford's base32: 48 bits of ms, then the id of the row's documents, by which
// the row is found. Opaque to clients.
std::string make_version_id(std::int64_t time_ms, RowId id);
// nullopt: malformed, cannot be one of ours. "null" is no such id.
std::optional<RowId> parse_version_id(std::string_view id);

// Keys of Table::kVersion: bucket id ‖ key with 00 as 00 ff ‖ 00 00 ‖ id of the documents,
// inverted: in the order of keys, and newest first below each.
std::string escaped_key(std::string_view key);
std::string version_prefix(std::uint64_t bucket_id, std::string_view key);  // All of one key.
std::string version_key(std::uint64_t bucket_id, std::string_view key, RowId id);
// The object's key and the version's id inside such a row key; nullopt: none of ours.
struct VersionName {
  std::string key;
  RowId id;
};
std::optional<VersionName> parse_version_key(std::string_view row_key);
// Whether each row of the key could have a name.
bool fits_version_key(std::string_view key);
// Table::kConf: where the null version lies, if it is not the current one. Value: its RowId.
std::string null_version_key(std::uint64_t bucket_id, std::string_view key);

// One version by its id or "null"; absence is a value. Errors: kCorrupt, kIo.
Result<std::optional<ObjectRecord>> load_version(const store::RowReader& rows,
                                                 std::uint64_t bucket_id, std::string_view key,
                                                 std::string_view version_id);
// The newest row of Table::kVersion of that key: its delete marker, if there is no object.
Result<std::optional<ObjectRecord>> load_newest_older(const store::RowReader& rows,
                                                      std::uint64_t bucket_id,
                                                      std::string_view key);

}  // namespace creel::s3
