#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "core/erasure/layout.h"
#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "store/types.h"

namespace creel::core {

// A place for a drive. Manifests name seats; who sits there may change.
struct Seat {
  store::Uuid drive{};        // Zero: the seat was never taken.
  std::uint32_t version = 0;  // Rises when another drive takes it.
  bool taken() const { return drive != store::Uuid{}; }
};

// What all drives of a core agree on. A change is made with epoch + 1 and holds once more drives
// have it than may be missing at a start; so a start always sees the newest.
struct ClusterConfig {
  store::Uuid cluster{};
  std::uint64_t epoch = 0;    // 0: being formed, nothing was ever stored.
  bool log_made = false;  // The operation log exists: blank folders no longer mean a first start.
  std::uint32_t mirrors = 0;  // A bit a seat: whose drives hold the operation log.
  std::array<Seat, kSlotsMax> seats{};

  unsigned seat_count() const;  // Taken ones; they are the first.
  int seat_of(const store::Uuid& drive) const;  // -1: it has none (a stale drive).
  std::uint32_t mirror_count() const;
};

// D/creel.drive: who this drive is and the configuration it knows (docs/formats/shard.md).
struct CoreIdentity {
  store::Uuid drive{};
  ClusterConfig config;
};
inline constexpr std::size_t kCoreIdentityBytes = 1'024;
Bytes encode_core_identity(const CoreIdentity& identity);
// Errors: kInvalid (foreign or newer; says which), kCorrupt.
Result<CoreIdentity> parse_core_identity(ByteView bytes);

// How many drives hold the operation log: any two may die where there are five, one where there are
// three. Odd, but for a machine of two.
unsigned log_mirrors(unsigned drives);

}  // namespace creel::core
