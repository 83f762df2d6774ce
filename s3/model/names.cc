// What people call the objects whose bytes a row names: for reports of damage.
#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/model.h"
#include "s3/model/records.h"
#include "s3/model/versions.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kRowIdBytes = 10;

// Its name; the number if no bucket has it any more.
std::string bucket_name(const store::RowReader& rows, std::uint64_t id) {
  const auto cursor = rows.cursor(store::Table::kBucket);
  if (cursor.ok()) {
    Result<bool> more = cursor.value()->seek("");
    for (; more.ok() && more.value(); more = cursor.value()->next()) {
      const Result<BucketRecord> bucket = BucketRecord::decode(cursor.value()->value());
      if (bucket.ok() && bucket.value().id == id) return std::string(cursor.value()->key());
    }
  }
  return cat("bucket ", id);
}

std::string name_of(const store::RowReader& rows, std::string_view key, bool older,
                    const ObjectRecord& object) {
  if (key.size() < 8) return {};
  const std::string bucket = bucket_name(rows, load_be<std::uint64_t>(as_bytes(key), 0));
  if (!older) return object_name(bucket, key.substr(8), object.version_id);
  const std::optional<VersionName> version = parse_version_key(key);
  return version ? object_name(bucket, version->key, object.version_id) : std::string();
}

bool uses(const store::RowReader& rows, const ObjectRecord& object, RowId id) {
  if (object.body.blob == id || object.documents == id) return true;
  if (object.body.kind != Body::Kind::kParts) return false;
  const Result<std::vector<PartRef>> parts = load_parts(rows, object);
  return parts.ok() && std::any_of(parts.value().begin(), parts.value().end(),
                                   [id](const PartRef& part) { return part.blob == id; });
}

// Calls `visit(key, value)` for all rows of a table until it says false.
template <class Visit>
void each_row(const store::RowReader& rows, store::Table table, const Visit& visit) {
  const auto cursor = rows.cursor(table);
  if (!cursor.ok()) return;
  Result<bool> more = cursor.value()->seek("");
  for (; more.ok() && more.value(); more = cursor.value()->next())
    if (!visit(cursor.value()->key(), cursor.value()->value())) return;
}

}  // namespace

std::vector<std::string> Model::names_of(const store::RowReader& rows, store::Table table,
                                         std::string_view key, std::string_view value,
                                         std::size_t max) const {
  std::vector<std::string> names;
  const bool older = table == store::Table::kVersion;
  if (older || table == store::Table::kObject) {
    const Result<ObjectRecord> object = ObjectRecord::decode(value);
    if (object.ok()) names.push_back(name_of(rows, key, older, object.value()));
    return names;
  }
  const std::optional<RowId> id = RowId::parse(key.substr(0, kRowIdBytes));
  if (!id || (table != store::Table::kBlob && table != store::Table::kManifest)) return names;
  for (const store::Table of : {store::Table::kObject, store::Table::kVersion})
    each_row(rows, of, [&](std::string_view k, std::string_view v) {
      if (names.size() >= max) return false;
      const Result<ObjectRecord> object = ObjectRecord::decode(v);
      if (object.ok() && uses(rows, object.value(), *id))
        names.push_back(name_of(rows, k, of == store::Table::kVersion, object.value()));
      return true;
    });
  each_row(rows, store::Table::kPart, [&](std::string_view k, std::string_view v) {
    if (names.size() >= max) return false;
    const Result<PartRecord> part = PartRecord::decode(v);
    if (part.ok() && part.value().blob == *id && k.size() == 10)
      names.push_back(cat("part ", load_be<std::uint16_t>(as_bytes(k), 8), " of upload ",
                          load_be<std::uint64_t>(as_bytes(k), 0)));
    return true;
  });
  return names;
}

}  // namespace creel::s3
