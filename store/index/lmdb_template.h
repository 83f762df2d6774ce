#pragma once
#include <cstdint>
#include <string>

#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel::store {

inline constexpr std::uint32_t kLmdbPageBytes = 4'096;

// The two meta pages of an empty LMDB 0.9 file with pages of 4 KiB, for this build's word size.
Bytes lmdb_template(std::uint64_t map_bytes);

// Makes `path` from it if there is no such file, or an empty one. LMDB itself would take the
// kernel's page size, which with 16 or 64 KiB multiplies what each checkpoint writes; an existing
// file keeps its own. Errors: kIo, kNoSpace, kReadOnly.
Result<Unit> make_lmdb_file(const std::string& path, std::uint64_t map_bytes);

}  // namespace creel::store
