#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "store/types.h"

// The bytes of segments, batches and records as pure functions: docs/formats/segment.md, batch.md,
// record.md. Nothing here does I/O, and every parser takes any bytes.
namespace creel::store {

inline constexpr std::uint64_t kBlock = 4 * KiB;
inline constexpr std::uint64_t kCell = 64 * KiB;           // One CRC each in larger payloads.
inline constexpr std::uint64_t kChunkPayload = 1 * MiB;    // At most, behind one CHUNK head.
inline constexpr std::uint64_t kChunkStride = kChunkPayload + kBlock;
inline constexpr std::size_t kSegmentHeadBytes = 4 * KiB;
inline constexpr std::size_t kBatchHeadBytes = 64;
inline constexpr std::size_t kRecordHeadBytes = 64;
inline constexpr std::size_t kFooterBytes = 32;
inline constexpr std::size_t kNoteMetaBytes = 20;
inline constexpr std::uint64_t kBatchBytesCap = 8 * MiB;   // No build writes larger batches.

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}
constexpr std::uint64_t cell_count(std::uint64_t payload) {
  return payload > kCell ? (payload + kCell - 1) / kCell : 0;
}

enum class StreamKind : std::uint8_t { kLog = 1, kBulk = 2, kCold = 3, kImage = 4 };

struct SegmentHeader {
  StreamKind stream = StreamKind::kLog;
  std::uint8_t flags = 0;
  std::uint32_t segment = 0;
  Uuid store{};
  std::uint32_t generation = 0;
  std::uint32_t epoch = 0;
  std::uint32_t term = 0;
  std::uint32_t size_log2 = 0;
  Lsn first_lsn;
  std::uint64_t first_batch = 0;
};
Bytes encode_segment_header(const SegmentHeader& header);  // kSegmentHeadBytes
// Errors: kNotFound (all zeros: a spare never used), kInvalid (another store's, or features this
// build does not know; named), kCorrupt.
Result<SegmentHeader> parse_segment_header(ByteView block, const Uuid& store);

// What every header CRC below begins with, so that a stale or misdirected block never validates.
struct Seed {
  Uuid store{};
  std::uint32_t segment = 0;
  std::uint32_t generation = 0;
};
std::uint32_t seeded_crc32c(const Seed& seed, std::uint64_t offset, ByteView bytes);

struct BatchHead {
  std::uint64_t number = 0;
  Lsn first_lsn;
  std::uint32_t records = 0;
  std::uint32_t total_bytes = 0;
  std::uint64_t durable_batch = 0;  // Highest batch known durable when this was written.
  std::uint64_t chain = 0;
  std::uint64_t wall_ms = 0;
};
std::uint64_t chain_next(std::uint64_t chain, std::uint64_t footer_crc64);
// Cheap, for looking at many blocks: false means that no batch begins here.
bool may_be_batch(ByteView bytes);
// `bytes` begins with the header that lies at `offset` of the segment. Errors: kCorrupt.
Result<BatchHead> parse_batch_head(const Seed& seed, std::uint64_t offset, ByteView bytes);

enum class RecordType : std::uint8_t {
  kOp = 1,
  kChunk = 2,
  kMove = 3,
  kCopy = 4,
  kImageBegin = 5,
  kRows = 6,
  kImageEnd = 7,
  kNote = 8
};
inline constexpr std::uint16_t kRecordHasCells = 1;  // Flag: cell CRCs end the meta bytes.

struct RecordHead {
  RecordType type = RecordType::kOp;
  std::uint8_t codec = 0;
  std::uint16_t flags = 0;
  std::uint16_t key_bytes = 0;
  std::uint32_t meta_bytes = 0;  // Cell CRCs included.
  Lsn lsn;
  std::uint64_t stored_bytes = 0;
  std::uint64_t logical_bytes = 0;
  std::uint64_t crc64 = 0;       // Of the stored payload.
  std::uint32_t meta_crc = 0;    // Of key and meta.
  std::uint64_t body_bytes() const { return std::uint64_t{key_bytes} + meta_bytes + stored_bytes; }
  // With the padding that puts the next record on an 8-byte boundary.
  std::uint64_t total_bytes() const { return round_up(kRecordHeadBytes + body_bytes(), 8); }
};
void encode_record_head(const Seed& seed, std::uint64_t offset, const RecordHead& head,
                        MutableBytes out);
// Checks the head only, not what follows it. Errors: kCorrupt.
Result<RecordHead> parse_record_head(const Seed& seed, std::uint64_t offset, ByteView bytes);

// A record and its bytes; views into the parsed buffer.
struct RecordView {
  RecordHead head;
  std::uint64_t offset = 0;  // Of the head in the segment.
  ByteView key;
  ByteView meta;             // Without the cell CRCs.
  ByteView cells;            // 8 bytes each; empty if the payload is one cell.
  ByteView payload;
  bool payload_good = true;  // Matches its CRC.
};
// A whole record at the start of `bytes`, payload checked only if asked. Errors: kCorrupt.
Result<RecordView> parse_record(const Seed& seed, std::uint64_t offset, ByteView bytes,
                                bool check_payload);

struct BatchView {
  BatchHead head;
  std::uint64_t footer_crc64 = 0;
  std::vector<RecordView> records;
  bool payloads_good = true;
};
// A whole batch at the start of `bytes`: header, footer, every head, key and meta hold. Payloads
// are checked too, but a bad one only clears the flags. Errors: kCorrupt, with the place.
Result<BatchView> parse_batch(const Seed& seed, std::uint64_t offset, ByteView bytes,
                              bool check_payloads);

// NOTE: where BULK ends. Whatever lies behind is named by no operation up to this batch.
struct BulkEnd {
  std::uint32_t segment = 0;
  std::uint32_t generation = 0;
  std::uint64_t end = 0;
  bool operator==(const BulkEnd&) const = default;
};
Bytes encode_bulk_end(const BulkEnd& end);
std::optional<BulkEnd> parse_bulk_end(ByteView meta);

// CRC-64 of each 64 KiB cell, 8 bytes each; empty for payloads of one cell. `crc64` gets the CRC of
// the whole, in the same pass.
Bytes cell_crcs(ByteView payload, std::uint64_t& crc64);
// The CRC of the whole from its cells' CRCs.
std::uint64_t combine_cells(ByteView cells, std::uint64_t payload_bytes);

}  // namespace creel::store
