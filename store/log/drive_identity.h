#pragma once
#include <cstdint>
#include <string>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "store/types.h"

namespace creel::store {

// DIR/creel.drive: whose folder this is (docs/formats/drive.md). Written once, at format.
struct DriveIdentity {
  Uuid store{};
  Uuid drive{};
  std::uint32_t segment_log2 = 0;
  std::uint64_t size_bytes = 0;    // What the store may use of the file system.
  std::uint32_t mirrors = 1;       // Folders that hold this log.
  std::uint32_t mirror_index = 0;
  std::uint32_t config_epoch = 1;
};
inline constexpr std::size_t kDriveIdentityBytes = 512;
Bytes encode_drive_identity(const DriveIdentity& identity);
// Errors: kInvalid (foreign or newer; says which), kCorrupt.
Result<DriveIdentity> parse_drive_identity(ByteView bytes);

std::string uuid_text(const Uuid& uuid);

}  // namespace creel::store
