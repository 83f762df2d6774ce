#pragma once
#include <string_view>

#include "filters/eval/arena.h"

namespace creel::filters {

// LOWER and UPPER, the same on every machine and in every locale: ASCII, Latin-1, Latin Extended-A,
// Greek and Cyrillic, one character to one character of the same byte length. Everything else stays
// as it is (so ß, dotted İ and other scripts). Returns `text` itself if nothing changes; null data
// if the arena is full.
std::string_view map_case(std::string_view text, bool to_upper, Arena& arena);

}  // namespace creel::filters
