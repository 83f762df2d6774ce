#include "core/drives/cluster.h"

#include <algorithm>
#include <bit>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::core {
namespace {
constexpr std::string_view kMagic = "CREELCOR";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kSeatsAt = 128;
constexpr std::size_t kSeatBytes = 32;

void put(Bytes& out, std::size_t at, const store::Uuid& uuid) {
  std::copy(uuid.begin(), uuid.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
}
store::Uuid get(ByteView bytes, std::size_t at) {
  store::Uuid uuid;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 16, uuid.begin());
  return uuid;
}
}  // namespace

unsigned ClusterConfig::seat_count() const {
  unsigned count = 0;
  while (count < kSlotsMax && seats[count].taken()) ++count;
  return count;
}

int ClusterConfig::seat_of(const store::Uuid& drive) const {
  for (unsigned seat = 0; seat < kSlotsMax; ++seat)
    if (seats[seat].taken() && seats[seat].drive == drive) return static_cast<int>(seat);
  return -1;
}

std::uint32_t ClusterConfig::mirror_count() const {
  return static_cast<std::uint32_t>(std::popcount(mirrors));
}

unsigned log_mirrors(unsigned drives) { return drives >= 5 ? 5 : std::min(drives, 3u); }

Bytes encode_core_identity(const CoreIdentity& identity) {
  Bytes out(kCoreIdentityBytes);
  std::copy(kMagic.begin(), kMagic.end(), out.begin());
  store_le<std::uint16_t>(out, 8, kVersion);
  const ClusterConfig& config = identity.config;
  out[10] = config.log_made ? 1 : 0;
  put(out, 16, config.cluster);
  put(out, 32, identity.drive);
  store_le<std::uint64_t>(out, 48, config.epoch);
  store_le<std::uint32_t>(out, 56, config.mirrors);
  for (unsigned seat = 0; seat < kSlotsMax; ++seat) {
    put(out, kSeatsAt + seat * kSeatBytes, config.seats[seat].drive);
    store_le<std::uint32_t>(out, kSeatsAt + seat * kSeatBytes + 16, config.seats[seat].version);
  }
  store_le<std::uint32_t>(out, kCoreIdentityBytes - 4,
                          crc32c(ByteView(out).first(kCoreIdentityBytes - 4)));
  return out;
}

Result<CoreIdentity> parse_core_identity(ByteView bytes) {
  if (bytes.size() < 16 || as_text(bytes.first(8)) != kMagic)
    return fail(ErrorCode::kInvalid, "not a drive of a Creel core");
  const auto version = load_le<std::uint16_t>(bytes, 8);
  if (version != kVersion)
    return fail(ErrorCode::kInvalid,
                cat("drive format ", version, "; this version of Creel reads ", kVersion));
  if (bytes.size() != kCoreIdentityBytes || load_le<std::uint32_t>(bytes, kCoreIdentityBytes - 4) !=
                                                crc32c(bytes.first(kCoreIdentityBytes - 4)))
    return fail(ErrorCode::kCorrupt, "drive file does not match its checksum");
  CoreIdentity identity;
  ClusterConfig& config = identity.config;
  config.log_made = bytes[10] != 0;
  config.cluster = get(bytes, 16);
  identity.drive = get(bytes, 32);
  config.epoch = load_le<std::uint64_t>(bytes, 48);
  config.mirrors = load_le<std::uint32_t>(bytes, 56);
  for (unsigned seat = 0; seat < kSlotsMax; ++seat) {
    config.seats[seat].drive = get(bytes, kSeatsAt + seat * kSeatBytes);
    config.seats[seat].version = load_le<std::uint32_t>(bytes, kSeatsAt + seat * kSeatBytes + 16);
  }
  return identity;
}

}  // namespace creel::core
