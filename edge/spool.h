#pragma once
#include <memory>
#include <optional>
#include <string>

#include "platform/cpu/hash.h"
#include "platform/http/body.h"
#include "s3/service/blobs.h"
#include "s3/service/sealed_body.h"

namespace creel::edge {

// A finished stream of bytes: in memory if it was short, else a local blob that no operation names.
struct Spooled {
  Bytes memory;
  std::optional<s3::SealedBlob> blob;  // If set, `memory` is empty.
  std::uint64_t size = 0;
  std::uint64_t crc64 = 0;  // CRC-64/NVME.
  std::string md5_hex;  // The ETag it would have as an object.
  std::optional<SecretKey> key;  // If set, the blob is sealed with it; it is nowhere else.
};

// Takes a stream of unknown length in bounded memory. Dropped before seal(), it leaves dead bytes
// in the store and nothing else.
class Spool {
 public:
  // With `key`, which is used for nothing else, what goes to the store is sealed.
  Spool(s3::Blobs& blobs, std::size_t memory_bytes_max, const SecretKey* key = nullptr)
      : blobs_(blobs), memory_bytes_max_(memory_bytes_max) {
    if (key == nullptr) return;
    done_.key = *key;
    sealer_.emplace(*key, 0, s3::Salt{});
  }
  // Errors: those of BlobWriter.
  Task<Result<Unit>> write(Ctx& ctx, Bytes piece);
  Task<Result<Spooled>> seal(Ctx& ctx);
  std::uint64_t size() const { return done_.size; }

 private:
  s3::Blobs& blobs_;
  std::size_t memory_bytes_max_;
  Spooled done_;
  Md5 md5_;
  Task<Result<Unit>> store(Ctx& ctx, ByteView piece);

  std::unique_ptr<s3::BlobWriter> writer_;
  std::optional<s3::PieceSealer> sealer_;
};

// Reads from `offset` ≤ spooled.size on; borrows both. Errors: those of Blobs::read.
std::unique_ptr<BodyReader> read_spooled(s3::Blobs& blobs, const Spooled& spooled,
                                         std::uint64_t offset);

}  // namespace creel::edge
