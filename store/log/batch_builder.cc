#include "store/log/batch_builder.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/cpu/crc.h"

namespace creel::store {
namespace {

// What every batch must still hold behind its operations.
constexpr std::uint64_t kTail = kRecordHeadBytes + round_up(kNoteMetaBytes, 8) + kFooterBytes;

}  // namespace

BatchBuilder::BatchBuilder(const Seed& seed, std::uint64_t offset, std::uint64_t bytes_max)
    : seed_(seed), offset_(offset), bytes_max_(bytes_max) {
  bytes_.reserve(kBlock);
  bytes_.resize(kBatchHeadBytes);
}

std::uint64_t BatchBuilder::record_bytes(std::size_t meta_bytes, std::size_t payload_bytes) {
  return round_up(kRecordHeadBytes + meta_bytes + 8 * cell_count(payload_bytes) + payload_bytes, 8);
}

std::uint64_t BatchBuilder::batch_bytes(std::size_t meta_bytes, std::size_t payload_bytes) {
  return round_up(kBatchHeadBytes + record_bytes(meta_bytes, payload_bytes) + kTail, kBlock);
}

bool BatchBuilder::fits(std::size_t meta_bytes, std::size_t payload_bytes) const {
  return round_up(bytes_.size() + record_bytes(meta_bytes, payload_bytes) + kTail, kBlock) <=
         bytes_max_;
}

void BatchBuilder::add_op(Lsn lsn, ByteView meta, ByteView cells, ByteView payload,
                          std::uint64_t crc64) {
  check(fits(meta.size(), payload.size()));
  check(cells.size() == 8 * cell_count(payload.size()));
  RecordHead head;
  head.type = RecordType::kOp;
  head.lsn = lsn;
  head.flags = cells.empty() ? 0 : kRecordHasCells;
  head.crc64 = crc64;
  add(head, meta, cells, payload);
}

void BatchBuilder::add_moves(Lsn lsn, ByteView meta) {
  check(fits(meta.size(), 0));
  RecordHead head;
  head.type = RecordType::kMove;
  head.lsn = lsn;
  add(head, meta, {}, {});
}

void BatchBuilder::add_note(Lsn lsn, const BulkEnd& end) {
  RecordHead head;
  head.type = RecordType::kNote;
  head.lsn = lsn;
  const Bytes meta = encode_bulk_end(end);
  add(head, meta, {}, {});
}

void BatchBuilder::add(RecordHead head, ByteView meta, ByteView cells, ByteView payload) {
  const std::size_t at = bytes_.size();
  head.meta_bytes = static_cast<std::uint32_t>(meta.size() + cells.size());
  head.stored_bytes = head.logical_bytes = payload.size();
  head.meta_crc = crc32c(cells, crc32c(meta));
  const auto total = static_cast<std::size_t>(head.total_bytes());
  if (bytes_.capacity() < at + total)  // Doubling, but never past what the batch may take.
    bytes_.reserve(static_cast<std::size_t>(std::max<std::uint64_t>(
        std::min<std::uint64_t>(bytes_max_, 2 * (at + total)), at + total)));
  bytes_.resize(at + kRecordHeadBytes);
  encode_record_head(seed_, offset_ + at, head, MutableBytes(bytes_).subspan(at));
  append(bytes_, meta);
  append(bytes_, cells);
  heads_.emplace_back(at, bytes_.size() - at);
  append(bytes_, payload);
  bytes_.resize(at + total);
  ++records_;
}

std::uint64_t BatchBuilder::finish(BatchHead head) {
  const auto total = static_cast<std::size_t>(round_up(bytes_.size() + kFooterBytes, kBlock));
  check(total <= bytes_max_);
  bytes_.resize(total);
  const MutableBytes all(bytes_);
  std::copy_n("CRB1", 4, all.begin());
  store_le<std::uint16_t>(all, 4, 1);
  store_le<std::uint64_t>(all, 8, head.number);
  store_le<std::uint64_t>(all, 16, head.first_lsn.value);
  store_le<std::uint32_t>(all, 24, records_);
  store_le<std::uint32_t>(all, 28, static_cast<std::uint32_t>(total));
  store_le<std::uint64_t>(all, 32, head.durable_batch);
  store_le<std::uint64_t>(all, 40, head.chain);
  store_le<std::uint64_t>(all, 48, head.wall_ms);
  store_le<std::uint32_t>(all, 60, seeded_crc32c(seed_, offset_, all.first(60)));
  std::uint64_t crc = crc64_nvme(all.first(kBatchHeadBytes));
  for (const auto& [at, size] : heads_) crc = crc64_nvme(all.subspan(at, size), crc);
  const std::size_t footer_at = total - kFooterBytes;
  const MutableBytes footer = all.subspan(footer_at);
  std::copy_n("CRBE", 4, footer.begin());
  store_le<std::uint32_t>(footer, 4, static_cast<std::uint32_t>(total));
  store_le<std::uint64_t>(footer, 8, head.number);
  store_le<std::uint64_t>(footer, 16, crc);
  store_le<std::uint32_t>(footer, 28, seeded_crc32c(seed_, offset_ + footer_at, footer.first(28)));
  return crc;
}

}  // namespace creel::store
