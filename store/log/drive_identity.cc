#include "store/log/drive_identity.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::store {
namespace {
constexpr std::string_view kMagic = "CREELDRV";
}  // namespace

Bytes encode_drive_identity(const DriveIdentity& identity) {
  Bytes out(kDriveIdentityBytes);
  std::copy(kMagic.begin(), kMagic.end(), out.begin());
  store_le<std::uint16_t>(out, 8, 1);
  store_le<std::uint32_t>(out, 12, identity.segment_log2);
  std::copy(identity.store.begin(), identity.store.end(), out.begin() + 16);
  std::copy(identity.drive.begin(), identity.drive.end(), out.begin() + 32);
  store_le<std::uint64_t>(out, 64, identity.size_bytes);
  store_le<std::uint32_t>(out, 72, identity.mirrors);
  store_le<std::uint32_t>(out, 76, identity.mirror_index);
  store_le<std::uint32_t>(out, 80, identity.config_epoch);
  store_le<std::uint32_t>(out, 508, crc32c(ByteView(out).first(508)));
  return out;
}

Result<DriveIdentity> parse_drive_identity(ByteView bytes) {
  if (bytes.size() < 12 || as_text(bytes.first(8)) != kMagic)
    return fail(ErrorCode::kInvalid, "not a Creel drive file");
  if (load_le<std::uint16_t>(bytes, 8) != 1)
    return fail(ErrorCode::kInvalid, cat("drive format ", load_le<std::uint16_t>(bytes, 8),
                                         "; this version of Creel reads format 1"));
  if (bytes.size() != kDriveIdentityBytes ||
      load_le<std::uint32_t>(bytes, 508) != crc32c(bytes.first(508)))
    return fail(ErrorCode::kCorrupt, "drive file does not match its checksum");
  if (load_le<std::uint64_t>(bytes, 48) != 0)
    return fail(ErrorCode::kInvalid, "drive uses features of a newer version of Creel");
  DriveIdentity identity;
  identity.segment_log2 = load_le<std::uint32_t>(bytes, 12);
  std::copy_n(bytes.begin() + 16, 16, identity.store.begin());
  std::copy_n(bytes.begin() + 32, 16, identity.drive.begin());
  identity.size_bytes = load_le<std::uint64_t>(bytes, 64);
  identity.mirrors = load_le<std::uint32_t>(bytes, 72);
  identity.mirror_index = load_le<std::uint32_t>(bytes, 76);
  identity.config_epoch = load_le<std::uint32_t>(bytes, 80);
  if (identity.segment_log2 < 14 || identity.segment_log2 > 32 || identity.mirrors == 0 ||
      identity.mirror_index >= identity.mirrors)
    return fail(ErrorCode::kCorrupt, "drive file with impossible fields");
  return identity;
}

std::string uuid_text(const Uuid& uuid) {
  const std::string hex = hex_encode(uuid);
  return cat(hex.substr(0, 8), '-', hex.substr(8, 4), '-', hex.substr(12, 4), '-',
             hex.substr(16, 4), '-', hex.substr(20));
}

}  // namespace creel::store
