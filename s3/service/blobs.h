#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "store/store.h"

namespace creel::s3 {

// Bytes made durable and not yet named by an operation. `manifest` is the implementation's own
// description, ≤ 64 KiB, kept in the index; its first byte tells the kind
// (docs/formats/manifest.md).
struct SealedBlob {
  std::string manifest;
  std::uint64_t size = 0;
  std::uint64_t crc64 = 0;  // CRC-64/NVME of the plain bytes.
};

struct BlobHint {
  std::optional<std::uint64_t> size;  // If known.
};

// Takes one body, in order, in bounded memory. Dropping it before seal() leaves dead bytes only.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // Waits for drives (back-pressure). Errors: kNoSpace, kIo, kReadOnly, kUnavailable, kStopped.
  virtual Task<Result<Unit>> write(Ctx& ctx, ByteView piece) = 0;
  // On stable storage when ok: extents synced, or ≥ W shards.
  virtual Task<Result<SealedBlob>> seal(Ctx& ctx) = 0;
};

// Immutable bytes under the objects: extents in the segment log at the edge, erasure-coded shards
// in a core. Owned by s3/service; implemented in edge/ and core/. Loop thread only.
class Blobs {
 public:
  virtual Result<Unit> admit(std::uint64_t bytes) const = 0;  // kNoSpace names what is full.
  virtual Task<Result<std::unique_ptr<BlobWriter>>> start(Ctx& ctx, BlobHint hint) = 0;
  // Fills `into` from `offset`; every byte was checked. The range lies inside the blob. Errors:
  // kCorrupt, kIo, kUnavailable (too few shards now: names them), kNotFound (freed meanwhile).
  virtual Task<Result<Unit>> read(Ctx& ctx, std::string manifest, std::uint64_t offset,
                                  MutableBytes into) = 0;
  // While the result lives the bytes stay, whatever becomes of the objects that name them. Call it
  // in the step that looked the manifest up. Null: reads need none.
  virtual std::unique_ptr<store::ReadHold> hold(std::string_view manifest) const {
    (void)manifest;
    return nullptr;
  }
  // Only if no operation naming it was ever submitted.
  virtual Task<void> abandon(Ctx& ctx, SealedBlob blob) = 0;

 protected:
  ~Blobs() = default;
};

}  // namespace creel::s3
