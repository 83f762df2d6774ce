#pragma once
#include "filters/language/rule.h"

namespace creel::filters {

// Raised whenever the same rule could give other bytes: the encoders, zstd's version or its
// parameters change.
inline constexpr unsigned kEngineAbi = 1;

// Fills canonical_json (defaults left out, keys sorted, SQL printed from its tree; itself a valid
// rule) and identity = SHA-256(canonical_json, key check value, engine ABI).
void seal(Rule& rule);

}  // namespace creel::filters
