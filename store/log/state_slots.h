#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/bytes.h"
#include "store/index/rows.h"
#include "store/log/format.h"
#include "store/types.h"

namespace creel::store {

inline constexpr std::size_t kLostRangesMax = 64;  // Kept over restarts.

// DIR/state: two 4 KiB slots written in turn, in place, so that a full drive can still start; and a
// third block for the one word a signal handler may set (docs/formats/state.md).
struct DriveState {
  std::uint64_t sequence = 0;
  std::uint64_t starts = 0;
  bool clean = false;  // The fields below it are true, nothing was written since.
  bool index_suspect = false;
  std::uint32_t unclean_streak = 0;  // Unclean starts in a row, the first at:
  std::uint64_t streak_wall_ms = 0;
  // Only if clean: where the log ended.
  Lsn last_lsn;
  std::uint64_t last_batch = 0;
  std::uint64_t chain = 0;
  std::uint32_t log_segment = 0;
  std::uint64_t log_end = 0;
  BulkEnd bulk;
  StateHash hash;  // Of all rows; 0: not known.
  Lsn log_begin;  // The log holds every operation from there on; 0: all.
  std::vector<LostRange> lost;  // At most kLostRangesMax.
  // Where the scrub is: behind this row; table 1: at the start.
  std::int64_t scrub_completed_ms = 0;
  std::uint8_t scrub_table = 1;
  std::string scrub_key;  // At most kRowKeyBytesMax.
};
inline constexpr std::uint64_t kStateBytes = 3 * kBlock;
inline constexpr std::uint64_t kSuspectOffset = 2 * kBlock;  // Non-zero u64: the index is suspect.

Bytes encode_state_slot(const DriveState& state);  // kBlock bytes; slot sequence % 2.
std::optional<DriveState> parse_state_slot(ByteView block);
// The newer of both slots, with the suspect word folded in; nullopt if neither is whole.
std::optional<DriveState> parse_state(ByteView file);

}  // namespace creel::store
