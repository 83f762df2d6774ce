#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "platform/base/units.h"

namespace creel::store {

// How full a store is, by its free room without the reserve (store.md §11).
enum class SpaceLevel : std::uint8_t {
  kPlenty,
  kLow,     // < 15 %: reclaim and expire first.
  kScarce,  // < 10 %: warned of.
  kFull,    // < 5 % or two segments: nothing that grows is taken, until 7 % are back.
};
std::string_view space_level_name(SpaceLevel level);

// How a store of that size is divided. The figures shrink with a store of few segments, as tests
// have; a store of 32 segments or more has them all.
struct SpacePlan {
  std::size_t log_segments = 2;    // Only operations that always succeed, and the cleaner.
  std::size_t clean_segments = 2;  // Only the cleaner: one for copies, one for the log to tell.
  std::size_t ahead_segments = 4;  // Preallocated beyond the reserve, ahead of need.
  std::uint64_t index_bytes = 0;   // Kept for the index.
};
SpacePlan plan_space(std::uint64_t size_bytes, std::uint64_t segment_bytes);
// Below this much free room nothing that grows is taken; `tight`: once it was refused.
std::uint64_t space_floor(std::uint64_t size_bytes, std::uint64_t segment_bytes, bool tight);

// Room promised to somebody who has not written yet; given back when it dies. May outlive the
// store.
class SpaceToken {
 public:
  SpaceToken() = default;
  SpaceToken(std::shared_ptr<std::uint64_t> promised, std::uint64_t bytes);
  SpaceToken(SpaceToken&& other) noexcept;
  SpaceToken& operator=(SpaceToken&& other) noexcept;
  ~SpaceToken() { use(bytes_); }
  std::uint64_t bytes() const { return bytes_; }
  // `bytes` of it were written, or are not needed: no longer promised. At most all of it.
  void use(std::uint64_t bytes);
  void add(SpaceToken other);

 private:
  std::shared_ptr<std::uint64_t> promised_;  // Of the store: the sum of all tokens.
  std::uint64_t bytes_ = 0;
};

// The index as the space rules see it.
struct IndexRoom {
  std::uint64_t used_bytes = 0;       // Pages in use; freed ones are not.
  std::uint64_t allocated_bytes = 0;  // Of its file, whether used or not; 0: not known.
  std::uint64_t map_bytes = 0;        // It cannot grow beyond; 0: no bound.
  bool ahead = true;                  // The file system lets room be allocated ahead.
  // What it may come to as things are.
  std::uint64_t capacity() const;
};

}  // namespace creel::store
