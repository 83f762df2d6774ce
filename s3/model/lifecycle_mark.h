#pragma once
#include <cstdint>
#include <string>

#include "platform/base/result.h"
#include "store/index/rows.h"

namespace creel::s3 {

// How far a pass of the lifecycle worker has come: it goes on there after a restart.
struct LifecycleMark {
  std::string bucket;  // Buckets below it are done; empty: the pass is over.
  std::uint8_t table = 0;  // Of that bucket: objects, versions, uploads (store::Table).
  std::string after;  // Row keys there, behind the bucket id, below this are done; ≤ 800 bytes.
  std::int64_t time_ms = 0;  // When the pass began: what it calls now.
};
inline constexpr std::size_t kMarkBytesMax = 800;

// Absent: all zero. Errors: kCorrupt, kIo.
Result<LifecycleMark> load_lifecycle_mark(const store::RowReader& rows);
void put_lifecycle_mark(store::StagedRows& rows, const LifecycleMark& mark);

}  // namespace creel::s3
