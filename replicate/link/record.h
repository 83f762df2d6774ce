#pragma once
#include <cstdint>
#include <string>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "s3/model/records.h"

namespace creel::replicate {

enum class RecordKind : std::uint8_t {
  kPut = 1,          // The body follows in the record.
  kPutTransfer = 2,  // The body came before in BLOB frames.
  kDelete = 3,
};
inline constexpr std::size_t kRecordHeaderBytes = 64;

// One operation inside a DATA frame.
struct Record {
  std::uint8_t kind = 0;  // A RecordKind, or one of a later version.
  std::uint64_t lsn = 0;
  std::uint64_t version_lsn = 0;  // Operation that wrote the object; lsn but for retries.
  std::string bucket, key;        // As the target shall call it, before its own templates.
  std::string source_bucket, source_key;  // Empty: as bucket and key.
  std::int64_t time_ms = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t crc64 = 0;  // CRC-64/NVME of the body.
  std::string etag;
  s3::StoredChecksum checksum;
  std::vector<s3::Header> headers;
  s3::ObjectAttributes attributes;  // Tags, retention, legal hold.
  // Of an encrypted object, whose body_bytes and crc64 are of the sealed body: u64 plain size, u64
  // plain CRC-64, then its data key unless only the client can open it.
  std::string sealed;
  ByteView body;  // Borrowed from the frame; empty for kPutTransfer.
  bool is(RecordKind k) const { return kind == static_cast<std::uint8_t>(k); }
};

inline constexpr std::size_t kSealedHeadBytes = 16;

// Errors: kTooLarge (a name or the headers do not fit their length fields).
Result<Unit> append_record(Bytes& out, const Record& record);
// Reads the record at `at` and moves `at` behind it. Checks every length, the record's checksum and
// the body's CRC-64. Unknown kinds come back as they are; critical fields this build does not know
// make kUnsupported. Errors: kCorrupt, kInvalid, each naming the place.
Result<Record> parse_record(ByteView payload, std::size_t& at);

}  // namespace creel::replicate
