// The parsers of segment headers, batches, records and state over any bytes. The input names the
// checksums' seed; to come past them, the harness may fix the CRCs of the first header and record.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "platform/base/check.h"
#include "platform/base/endian.h"
#include "store/log/drive_identity.h"
#include "store/log/format.h"
#include "store/log/state_slots.h"

namespace {

using namespace creel;
using namespace creel::store;

void use(const BatchView& batch, std::size_t size) {
  check(batch.head.total_bytes <= size);
  for (const RecordView& record : batch.records) {
    check(record.payload.size() == record.head.stored_bytes);
    check(record.meta.size() + record.cells.size() == record.head.meta_bytes);
    if (record.head.type == RecordType::kNote) (void)parse_bulk_end(record.meta);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const Uuid store{};
  const Seed seed{store, 1, 1};
  const std::uint64_t offset = kBlock;
  (void)parse_segment_header(input, store);
  (void)parse_drive_identity(input);
  (void)parse_state(input);
  (void)parse_bulk_end(input);
  (void)parse_extent(input, size / 2);
  if (size < 1) return 0;
  Bytes bytes = to_bytes(input.subspan(1));
  // Bit 0: a batch header's CRC is made right; bit 1: the first record head's and the footer's.
  if ((data[0] & 1) != 0 && bytes.size() >= kBatchHeadBytes) {
    std::copy_n("CRB1", 4, bytes.begin());
    store_le<std::uint16_t>(bytes, 4, 1);
    store_le<std::uint32_t>(bytes, 60, seeded_crc32c(seed, offset, ByteView(bytes).first(60)));
  }
  if ((data[0] & 2) != 0 && bytes.size() >= kBatchHeadBytes + kRecordHeadBytes) {
    const MutableBytes head = MutableBytes(bytes).subspan(kBatchHeadBytes);
    store_le<std::uint16_t>(head, 0, 0x5243);
    store_le<std::uint32_t>(
        head, 60, seeded_crc32c(seed, offset + kBatchHeadBytes, ByteView(head).first(60)));
  }
  if ((data[0] & 2) != 0 && bytes.size() >= kBlock) {
    const std::size_t at = bytes.size() / kBlock * kBlock - kFooterBytes;
    const MutableBytes footer = MutableBytes(bytes).subspan(at);
    std::copy_n("CRBE", 4, footer.begin());
    store_le<std::uint32_t>(footer, 28,
                            seeded_crc32c(seed, offset + at, ByteView(footer).first(28)));
  }
  Result<BatchView> batch = parse_batch(seed, offset, bytes, true);
  if (batch.ok()) use(batch.value(), bytes.size());
  Result<RecordView> record = parse_record(seed, offset, bytes, true);
  if (record.ok()) check(record.value().head.total_bytes() <= bytes.size() + 7);
  if (bytes.size() >= kBatchHeadBytes) {
    const ByteView rest = ByteView(bytes).subspan(kBatchHeadBytes);
    (void)parse_record(seed, offset + kBatchHeadBytes, rest, true);
  }
  return 0;
}
