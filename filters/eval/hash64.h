#pragma once
#include <cstdint>
#include <string_view>

namespace creel::filters {

// XXH64 with seed 0. Source: the xxHash specification, doc/xxhash_spec.md 0.1.1.
std::uint64_t xxh64(std::string_view text);

}  // namespace creel::filters
