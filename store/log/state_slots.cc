#include "store/log/state_slots.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/cpu/crc.h"
#include "store/index/rows.h"

namespace creel::store {
namespace {

constexpr std::string_view kMagic = "CREELSTA";
constexpr std::size_t kLostAt = 128;
constexpr std::size_t kLostBytes = 32;
constexpr std::size_t kScrubAt = 2'560;
constexpr std::size_t kScrubKeyAt = kScrubAt + 16;
static_assert(kLostAt + kLostRangesMax * kLostBytes <= kScrubAt);
static_assert(kScrubKeyAt + kRowKeyBytesMax <= kBlock - 4);

}  // namespace

Bytes encode_state_slot(const DriveState& state) {
  Bytes out(kBlock);
  std::copy(kMagic.begin(), kMagic.end(), out.begin());
  store_le<std::uint64_t>(out, 8, state.sequence);
  store_le<std::uint64_t>(out, 16, state.starts);
  store_le<std::uint32_t>(out, 24, (state.clean ? 1u : 0u) | (state.index_suspect ? 2u : 0u));
  store_le<std::uint32_t>(out, 28, state.unclean_streak);
  store_le<std::uint64_t>(out, 32, state.streak_wall_ms);
  store_le<std::uint64_t>(out, 40, state.last_lsn.value);
  store_le<std::uint64_t>(out, 48, state.last_batch);
  store_le<std::uint64_t>(out, 56, state.chain);
  store_le<std::uint64_t>(out, 64, state.log_end);
  store_le<std::uint32_t>(out, 72, state.log_segment);
  store_le<std::uint32_t>(out, 76, state.bulk.segment);
  store_le<std::uint32_t>(out, 80, state.bulk.generation);
  store_le<std::uint64_t>(out, 88, state.bulk.end);
  store_le<std::uint64_t>(out, 120, state.log_begin.value);
  const std::size_t lost = std::min(state.lost.size(), kLostRangesMax);
  store_le<std::uint32_t>(out, 96, static_cast<std::uint32_t>(lost));
  store_le<std::uint64_t>(out, 104, state.hash.low);
  store_le<std::uint64_t>(out, 112, state.hash.high);
  for (std::size_t i = 0; i < lost; ++i) {
    const std::size_t at = kLostAt + i * kLostBytes;
    store_le<std::uint64_t>(out, at, state.lost[i].first.value);
    store_le<std::uint64_t>(out, at + 8, state.lost[i].last.value);
    store_le<std::uint64_t>(out, at + 16, state.lost[i].offset);
    store_le<std::uint32_t>(out, at + 24, state.lost[i].segment);
  }
  store_le<std::uint64_t>(out, kScrubAt, static_cast<std::uint64_t>(state.scrub_completed_ms));
  const std::size_t key = std::min(state.scrub_key.size(), kRowKeyBytesMax);
  store_le<std::uint16_t>(out, kScrubAt + 8, static_cast<std::uint16_t>(key));
  out[kScrubAt + 10] = state.scrub_table;
  std::copy_n(state.scrub_key.begin(), key, out.begin() + kScrubKeyAt);
  store_le<std::uint32_t>(out, kBlock - 4, crc32c(ByteView(out).first(kBlock - 4)));
  return out;
}

std::optional<DriveState> parse_state_slot(ByteView block) {
  if (block.size() < kBlock) return std::nullopt;
  block = block.first(kBlock);
  if (as_text(block.first(8)) != kMagic ||
      load_le<std::uint32_t>(block, kBlock - 4) != crc32c(block.first(kBlock - 4)))
    return std::nullopt;
  DriveState state;
  state.sequence = load_le<std::uint64_t>(block, 8);
  state.starts = load_le<std::uint64_t>(block, 16);
  const std::uint32_t flags = load_le<std::uint32_t>(block, 24);
  state.clean = (flags & 1) != 0;
  state.index_suspect = (flags & 2) != 0;
  state.unclean_streak = load_le<std::uint32_t>(block, 28);
  state.streak_wall_ms = load_le<std::uint64_t>(block, 32);
  state.last_lsn = {load_le<std::uint64_t>(block, 40)};
  state.last_batch = load_le<std::uint64_t>(block, 48);
  state.chain = load_le<std::uint64_t>(block, 56);
  state.log_end = load_le<std::uint64_t>(block, 64);
  state.log_segment = load_le<std::uint32_t>(block, 72);
  state.bulk.segment = load_le<std::uint32_t>(block, 76);
  state.bulk.generation = load_le<std::uint32_t>(block, 80);
  state.bulk.end = load_le<std::uint64_t>(block, 88);
  state.hash = {load_le<std::uint64_t>(block, 104), load_le<std::uint64_t>(block, 112)};
  state.log_begin = {load_le<std::uint64_t>(block, 120)};
  const std::uint32_t lost = load_le<std::uint32_t>(block, 96);
  for (std::uint32_t i = 0; i < lost && i < kLostRangesMax; ++i) {
    const std::size_t at = kLostAt + i * kLostBytes;
    LostRange range;
    range.first = {load_le<std::uint64_t>(block, at)};
    range.last = {load_le<std::uint64_t>(block, at + 8)};
    range.offset = load_le<std::uint64_t>(block, at + 16);
    range.segment = load_le<std::uint32_t>(block, at + 24);
    state.lost.push_back(range);
  }
  state.scrub_completed_ms = static_cast<std::int64_t>(load_le<std::uint64_t>(block, kScrubAt));
  const std::size_t key = load_le<std::uint16_t>(block, kScrubAt + 8);
  state.scrub_table = block[kScrubAt + 10];
  if (key <= kRowKeyBytesMax) state.scrub_key = as_text(block.subspan(kScrubKeyAt, key));
  return state;
}

std::optional<DriveState> parse_state(ByteView file) {
  std::optional<DriveState> newest;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    if (file.size() < (slot + 1) * kBlock) break;
    std::optional<DriveState> state = parse_state_slot(file.subspan(slot * kBlock));
    if (state && (!newest || state->sequence > newest->sequence)) newest = std::move(state);
  }
  if (newest && file.size() >= kSuspectOffset + 8 &&
      load_le<std::uint64_t>(file, kSuspectOffset) != 0)
    newest->index_suspect = true;
  return newest;
}

}  // namespace creel::store
