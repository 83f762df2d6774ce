#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "platform/cpu/seal.h"
#include "platform/http/body.h"
#include "s3/model/records.h"

namespace creel::replicate {

enum class FeedKind : std::uint8_t {
  kPut,     // An object as an operation of the log left it.
  kDelete,  // The key is gone.
  kLost,    // Operations that no copy of the log holds any more; always kHeld.
};

// What becomes of an operation. Whatever is not sent is counted, so that nothing is lost unseen:
// matched = acked + superseded + filtered + parked + pending.
enum class Verdict : std::uint8_t {
  kSend,
  kSuperseded,  // The object was replaced or deleted meanwhile: a later operation tells the rest.
  kFiltered,  // A rule let nothing of it pass.
  kHeld,  // Cannot be processed now: parked with `reason`, never sent raw instead.
};

// Of an encrypted object: its body travels sealed, and the item's size and CRC-64 are of those
// bytes.
struct SealedTravel {
  std::uint64_t size = 0;  // Plain.
  std::uint64_t crc64 = 0;
  // What the travelling bytes are sealed with; the target seals it under a key of its own. None:
  // SSE-C, only the client can open them.
  std::optional<SecretKey> data_key = {};
};

// One operation of the log that a target may want. A wrapper (the edge's filter worker) may change
// bucket, key, record and verdict; lsn, version_lsn and the source's names stay.
struct FeedItem {
  std::uint64_t lsn = 0;  // Position in the log.
  std::uint64_t version_lsn = 0;  // Operation that wrote the object: differs from lsn for retries.
  FeedKind kind = FeedKind::kPut;
  bool retry = false;  // A parked operation asked for again.
  std::string source_bucket, source_key;
  std::string bucket, key;  // Where the target shall have it.
  // kPut: size, mtime, etag, crc64, checksum, headers as they shall arrive. A wrapper whose output
  // is not known before the body was read says so by FeedBody::settled().
  s3::ObjectRecord record;
  std::optional<SealedTravel> sealed = {};  // Set by FeedBody::settled().
  std::int64_t time_ms = 0;  // When it was written at the source: lag counts from here.
  Verdict verdict = Verdict::kSend;
  std::string reason, detail;  // kHeld: replication.md's words for it, and a text for people.
};

struct FeedBatch {
  std::vector<FeedItem> items;  // In log order; operations that concern nobody are left out.
  std::uint64_t through = 0;  // Every operation up to here is in `items` or concerns nobody.
};

struct FeedBounds {
  std::size_t count_max = 256;
  std::size_t log_bytes_max = 256 * 1024;
};

// The bytes of one item, from their beginning. CRC-checked below; a pure function of the item, so a
// cut transfer is resumed by reading again and skipping.
class FeedBody : public BodyReader {
 public:
  // Once read() gave 0: the item as it shall be sent, with size, etag, crc64 and headers of what
  // was read; or with verdict kFiltered or kHeld: then nothing of it may become visible at the
  // target.
  virtual Task<Result<FeedItem>> settled(Ctx& ctx) = 0;
};

// Where operations come from: the log of a store (LogSource), wrapped at an edge by the filter
// worker. Owned by replicate/. Loop thread only.
class Source {
 public:
  // Items above `after`, at most `bounds`; `through` ≥ `after`. An empty batch with `through` =
  // `after` is the end of the durable log. Errors: kIo, kStopped.
  virtual Task<Result<FeedBatch>> read(Ctx& ctx, std::uint64_t after, FeedBounds bounds) = 0;
  // Opens the body of a kPut item that is to be sent. Errors: kNotFound (superseded meanwhile),
  // kCorrupt (damaged: parked), kUnavailable and kIo (tried again later), kStopped.
  virtual Task<Result<std::unique_ptr<FeedBody>>> open(Ctx& ctx, FeedItem item) = 0;
  // Resumes when there may be something above `after`.
  virtual Task<Result<Unit>> wait_beyond(Ctx& ctx, std::uint64_t after) = 0;
  // The newest durable operation.
  virtual std::uint64_t end() const = 0;
  // Everything up to `low` is settled at the target of `stream`; its state may be forgotten.
  virtual void acknowledged(std::uint64_t low) { (void)low; }

 protected:
  ~Source() = default;
};

}  // namespace creel::replicate
