#include "store/log/format.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::store {
namespace {

constexpr std::string_view kSegmentMagic = "CREELSEG";
constexpr std::string_view kBatchMagic = "CRB1";
constexpr std::string_view kFooterMagic = "CRBE";
constexpr std::uint16_t kRecordMagic = 0x5243;
constexpr std::uint16_t kFormatVersion = 1;
constexpr std::uint16_t kKeyBytesMax = 1'024;
constexpr std::uint16_t kNoteBulkEnd = 1;
// Inside the first 512 bytes, which a drive writes whole or not: a segment that is used anew has
// its old header or its new one, never a torn one.
constexpr std::size_t kHeaderCrcAt = 508;

void store_text(MutableBytes out, std::size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
}

Error corrupt(const Seed& seed, std::uint64_t offset, std::string_view what) {
  return fail(ErrorCode::kCorrupt, cat("segment ", seed.segment, " offset ", offset, ": ", what));
}

}  // namespace

Bytes encode_segment_header(const SegmentHeader& header) {
  Bytes out(kSegmentHeadBytes);
  store_text(out, 0, kSegmentMagic);
  store_le<std::uint16_t>(out, 8, kFormatVersion);
  out[10] = static_cast<std::uint8_t>(header.stream);
  out[11] = header.flags;
  store_le<std::uint32_t>(out, 12, header.segment);
  std::copy(header.store.begin(), header.store.end(), out.begin() + 16);
  store_le<std::uint32_t>(out, 32, header.generation);
  store_le<std::uint32_t>(out, 36, header.epoch);
  store_le<std::uint32_t>(out, 40, header.term);
  store_le<std::uint32_t>(out, 44, header.size_log2);
  store_le<std::uint64_t>(out, 48, header.first_lsn.value);
  store_le<std::uint64_t>(out, 56, header.first_batch);
  store_le<std::uint32_t>(out, kHeaderCrcAt, crc32c(ByteView(out).first(kHeaderCrcAt)));
  return out;
}

Result<SegmentHeader> parse_segment_header(ByteView block, const Uuid& store) {
  if (block.size() < kSegmentHeadBytes)
    return fail(ErrorCode::kCorrupt, cat("segment header of ", block.size(), " bytes"));
  block = block.first(kSegmentHeadBytes);
  if (std::all_of(block.begin(), block.end(), [](std::uint8_t b) { return b == 0; }))
    return fail(ErrorCode::kNotFound, "segment never used");
  if (as_text(block.first(8)) != kSegmentMagic ||
      load_le<std::uint32_t>(block, kHeaderCrcAt) != crc32c(block.first(kHeaderCrcAt)))
    return fail(ErrorCode::kCorrupt, "segment header does not match its checksum");
  if (load_le<std::uint16_t>(block, 8) != kFormatVersion || load_le<std::uint64_t>(block, 64) != 0)
    return fail(ErrorCode::kInvalid, "segment written by a newer version of Creel");
  SegmentHeader header;
  header.stream = static_cast<StreamKind>(block[10]);
  header.flags = block[11];
  header.segment = load_le<std::uint32_t>(block, 12);
  std::copy_n(block.begin() + 16, 16, header.store.begin());
  header.generation = load_le<std::uint32_t>(block, 32);
  header.epoch = load_le<std::uint32_t>(block, 36);
  header.term = load_le<std::uint32_t>(block, 40);
  header.size_log2 = load_le<std::uint32_t>(block, 44);
  header.first_lsn = {load_le<std::uint64_t>(block, 48)};
  header.first_batch = load_le<std::uint64_t>(block, 56);
  if (header.store != store) return fail(ErrorCode::kInvalid, "segment of another store");
  if (block[10] < 1 || block[10] > 4)
    return fail(ErrorCode::kInvalid, cat("segment of unknown stream ", unsigned{block[10]}));
  return header;
}

std::uint32_t seeded_crc32c(const Seed& seed, std::uint64_t offset, ByteView bytes) {
  std::uint8_t identity[32];
  std::copy(seed.store.begin(), seed.store.end(), identity);
  store_le<std::uint32_t>(identity, 16, seed.segment);
  store_le<std::uint32_t>(identity, 20, seed.generation);
  store_le<std::uint64_t>(identity, 24, offset);
  return crc32c(bytes, crc32c(identity));
}

std::uint64_t chain_next(std::uint64_t chain, std::uint64_t footer_crc64) {
  std::uint8_t both[16];
  store_le<std::uint64_t>(both, 0, chain);
  store_le<std::uint64_t>(both, 8, footer_crc64);
  return crc64_nvme(both);
}

bool may_be_batch(ByteView bytes) {
  return bytes.size() >= kBatchHeadBytes && as_text(bytes.first(4)) == kBatchMagic;
}

Result<BatchHead> parse_batch_head(const Seed& seed, std::uint64_t offset, ByteView bytes) {
  if (bytes.size() < kBatchHeadBytes) return corrupt(seed, offset, "batch header cut short");
  bytes = bytes.first(kBatchHeadBytes);
  if (as_text(bytes.first(4)) != kBatchMagic ||
      load_le<std::uint32_t>(bytes, 60) != seeded_crc32c(seed, offset, bytes.first(60)))
    return corrupt(seed, offset, "no batch header");
  if (load_le<std::uint16_t>(bytes, 4) != kFormatVersion)
    return corrupt(seed, offset, "batch of an unknown version");
  BatchHead head;
  head.number = load_le<std::uint64_t>(bytes, 8);
  head.first_lsn = {load_le<std::uint64_t>(bytes, 16)};
  head.records = load_le<std::uint32_t>(bytes, 24);
  head.total_bytes = load_le<std::uint32_t>(bytes, 28);
  head.durable_batch = load_le<std::uint64_t>(bytes, 32);
  head.chain = load_le<std::uint64_t>(bytes, 40);
  head.wall_ms = load_le<std::uint64_t>(bytes, 48);
  if (head.total_bytes % kBlock != 0 || head.total_bytes == 0 || head.total_bytes > kBatchBytesCap)
    return corrupt(seed, offset, cat("batch of ", head.total_bytes, " bytes"));
  return head;
}

void encode_record_head(const Seed& seed, std::uint64_t offset, const RecordHead& head,
                        MutableBytes out) {
  check(out.size() >= kRecordHeadBytes);
  out = out.first(kRecordHeadBytes);
  store_le<std::uint16_t>(out, 0, kRecordMagic);
  out[2] = static_cast<std::uint8_t>(head.type);
  out[3] = head.codec;
  store_le<std::uint16_t>(out, 4, head.flags);
  store_le<std::uint16_t>(out, 6, head.key_bytes);
  store_le<std::uint32_t>(out, 8, head.meta_bytes);
  store_le<std::uint32_t>(out, 12, 0);
  store_le<std::uint64_t>(out, 16, head.lsn.value);
  store_le<std::uint64_t>(out, 24, head.stored_bytes);
  store_le<std::uint64_t>(out, 32, head.logical_bytes);
  store_le<std::uint64_t>(out, 40, head.crc64);
  store_le<std::uint32_t>(out, 48, head.meta_crc);
  store_le<std::uint64_t>(out, 52, 0);
  store_le<std::uint32_t>(out, 60, seeded_crc32c(seed, offset, out.first(60)));
}

Result<RecordHead> parse_record_head(const Seed& seed, std::uint64_t offset, ByteView bytes) {
  if (bytes.size() < kRecordHeadBytes) return corrupt(seed, offset, "record head cut short");
  bytes = bytes.first(kRecordHeadBytes);
  if (load_le<std::uint16_t>(bytes, 0) != kRecordMagic ||
      load_le<std::uint32_t>(bytes, 60) != seeded_crc32c(seed, offset, bytes.first(60)))
    return corrupt(seed, offset, "no record head");
  RecordHead head;
  const std::uint8_t type = bytes[2];
  head.codec = bytes[3];
  head.flags = load_le<std::uint16_t>(bytes, 4);
  head.key_bytes = load_le<std::uint16_t>(bytes, 6);
  head.meta_bytes = load_le<std::uint32_t>(bytes, 8);
  head.lsn = {load_le<std::uint64_t>(bytes, 16)};
  head.stored_bytes = load_le<std::uint64_t>(bytes, 24);
  head.logical_bytes = load_le<std::uint64_t>(bytes, 32);
  head.crc64 = load_le<std::uint64_t>(bytes, 40);
  head.meta_crc = load_le<std::uint32_t>(bytes, 48);
  if (type < 1 || type > 8 || head.key_bytes > kKeyBytesMax || head.stored_bytes > kBatchBytesCap ||
      head.meta_bytes > kMetaBytesMax + 8 * (kBatchBytesCap / kCell))
    return corrupt(seed, offset, "record head with impossible fields");
  head.type = static_cast<RecordType>(type);
  const bool has_cells = (head.flags & kRecordHasCells) != 0;
  const std::uint64_t cells = has_cells ? cell_count(head.stored_bytes) * 8 : 0;
  if (head.meta_bytes < cells) return corrupt(seed, offset, "record meta shorter than its cells");
  return head;
}

Result<RecordView> parse_record(const Seed& seed, std::uint64_t offset, ByteView bytes,
                                bool check_payload) {
  TRY(head, parse_record_head(seed, offset, bytes));
  if (bytes.size() - kRecordHeadBytes < head.body_bytes())
    return corrupt(seed, offset, "record runs past its batch");
  const ByteView body =
      bytes.subspan(kRecordHeadBytes, static_cast<std::size_t>(head.body_bytes()));
  const std::size_t named = std::size_t{head.key_bytes} + head.meta_bytes;
  if (crc32c(body.first(named)) != head.meta_crc)
    return corrupt(seed, offset, "record meta does not match its checksum");
  const bool has_cells = (head.flags & kRecordHasCells) != 0;
  const std::size_t cells =
      has_cells ? static_cast<std::size_t>(cell_count(head.stored_bytes)) * 8 : 0;
  RecordView view;
  view.offset = offset;
  view.key = body.first(head.key_bytes);
  view.meta = body.subspan(head.key_bytes, head.meta_bytes - cells);
  view.cells = body.subspan(named - cells, cells);
  view.payload = body.subspan(named);
  view.payload_good = !check_payload || crc64_nvme(view.payload) == head.crc64;
  view.head = head;
  return view;
}

Result<BatchView> parse_batch(const Seed& seed, std::uint64_t offset, ByteView bytes,
                              bool check_payloads) {
  BatchView batch;
  TRY(head, parse_batch_head(seed, offset, bytes));
  batch.head = head;
  if (bytes.size() < head.total_bytes) return corrupt(seed, offset, "batch cut short");
  bytes = bytes.first(head.total_bytes);
  const std::size_t footer_at = head.total_bytes - kFooterBytes;
  const ByteView footer = bytes.subspan(footer_at);
  if (as_text(footer.first(4)) != kFooterMagic ||
      load_le<std::uint32_t>(footer, 28) !=
          seeded_crc32c(seed, offset + footer_at, footer.first(28)) ||
      load_le<std::uint32_t>(footer, 4) != head.total_bytes ||
      load_le<std::uint64_t>(footer, 8) != head.number)
    return corrupt(seed, offset, "batch without its footer");
  batch.footer_crc64 = load_le<std::uint64_t>(footer, 16);
  std::uint64_t crc = crc64_nvme(bytes.first(kBatchHeadBytes));
  std::size_t at = kBatchHeadBytes;
  // Each record takes at least its head, so the footer bounds the loop whatever `records` says.
  for (std::uint32_t i = 0; i < head.records; ++i) {
    if (at > footer_at) return corrupt(seed, offset, "batch with more records than bytes");
    const ByteView rest = bytes.subspan(at, footer_at - at);
    TRY(record, parse_record(seed, offset + at, rest, check_payloads));
    crc = crc64_nvme(rest.first(kRecordHeadBytes + record.head.key_bytes + record.head.meta_bytes),
                     crc);
    at += static_cast<std::size_t>(record.head.total_bytes());
    batch.payloads_good = batch.payloads_good && record.payload_good;
    batch.records.push_back(record);
  }
  if (crc != batch.footer_crc64) return corrupt(seed, offset, "batch does not match its footer");
  return batch;
}

Bytes encode_bulk_end(const BulkEnd& end) {
  Bytes out;
  append_le<std::uint16_t>(out, kNoteBulkEnd);
  append_le<std::uint16_t>(out, 16);
  append_le<std::uint32_t>(out, end.segment);
  append_le<std::uint32_t>(out, end.generation);
  append_le<std::uint64_t>(out, end.end);
  check(out.size() == kNoteMetaBytes);
  return out;
}

std::optional<BulkEnd> parse_bulk_end(ByteView meta) {
  if (meta.size() < kNoteMetaBytes || load_le<std::uint16_t>(meta, 0) != kNoteBulkEnd)
    return std::nullopt;
  BulkEnd end;
  end.segment = load_le<std::uint32_t>(meta, 4);
  end.generation = load_le<std::uint32_t>(meta, 8);
  end.end = load_le<std::uint64_t>(meta, 12);
  return end;
}

Bytes cell_crcs(ByteView payload, std::uint64_t& crc64) {
  Bytes cells;
  if (cell_count(payload.size()) == 0) {
    crc64 = crc64_nvme(payload);
    return cells;
  }
  for (std::size_t at = 0; at < payload.size(); at += kCell) {
    const std::size_t take = std::min<std::size_t>(kCell, payload.size() - at);
    append_le<std::uint64_t>(cells, crc64_nvme(payload.subspan(at, take)));
  }
  crc64 = combine_cells(cells, payload.size());
  return cells;
}

std::uint64_t combine_cells(ByteView cells, std::uint64_t payload_bytes) {
  std::uint64_t crc = 0;
  std::uint64_t left = payload_bytes;
  for (std::size_t at = 0; at + 8 <= cells.size(); at += 8) {
    const std::uint64_t take = std::min(kCell, left);
    crc = crc64_nvme_combine(crc, load_le<std::uint64_t>(cells, at), take);
    left -= take;
  }
  return crc;
}

}  // namespace creel::store
