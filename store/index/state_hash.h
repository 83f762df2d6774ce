#pragma once
#include <cstdint>
#include <string_view>

#include "store/index/rows.h"

namespace creel::store {

// What one row adds to the hash of the state: the first 16 bytes of SHA-256 over table u8, key
// length u32, key and value; 0 for the store's own tables, which are no part of the state.
StateHash row_hash(Table table, std::string_view key, std::string_view value);

// Rows that are a fold of the log: all but the accounts of segments, which depend on checkpoints.
constexpr bool is_state(Table table) { return table != Table::kSegment; }

}  // namespace creel::store
