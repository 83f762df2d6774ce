#include "store/store.h"

#include "store/log/format.h"

namespace creel::store {

Extent OpView::payload_extent() const {
  Extent extent;
  if (payload_bytes == 0) return extent;
  extent.kind = Extent::Kind::kInline;
  extent.segment = place.segment;
  extent.generation = place.generation;
  extent.offset = place.offset + kRecordHeadBytes + op.meta.size() + 8 * cell_count(payload_bytes);
  extent.length = payload_bytes;
  extent.crc64 = payload_crc64;
  return extent;
}

}  // namespace creel::store
