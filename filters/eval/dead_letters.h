#pragma once
#include <cstdint>
#include <string_view>

#include "filters/eval/value.h"
#include "platform/base/bytes.h"

namespace creel::filters {

struct DeadLetter {
  std::uint64_t offset = 0;  // Of the record in the plain stream.
  std::uint64_t length = 0;  // Of the record without its line end.
  std::uint64_t row = 0;     // From 1; the header is none.
  Fault fault = Fault::kNone;
  std::string_view column{};
  std::string_view raw{};    // The record, or its beginning.
};

inline constexpr std::size_t kDeadRawMax = 64 * 1024;
inline constexpr std::uint64_t kDeadBytesMax = 16 * 1024 * 1024;  // An object.

// Appends {"off":…,"len":…,"row":…,"reason":"…","col":"…","raw":"…","cut":…} and a line feed; raw64
// (base64) instead of raw if the bytes are not UTF-8.
void append_dead_letter(Bytes& out, const DeadLetter& letter);

}  // namespace creel::filters
