#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/units.h"
#include "s3/wire/encryption.h"

namespace creel::s3 {

// The format of sealed bodies (docs/formats/encryption.md): a piece is 16 bytes of salt and the
// plain bytes, cut into frames that take 64 KiB each where they are stored, so that frames and
// cells of checksums are the same ones. An empty piece takes no bytes.
inline constexpr std::uint64_t kFrameBytes =
    64 * KiB;  // Stored: with its tag, the first with salt.
inline constexpr std::uint64_t kFrameTagBytes = 16;
inline constexpr std::uint64_t kSaltBytes = 16;
inline constexpr std::uint64_t kFrameInnerBytes = kFrameBytes - kFrameTagBytes;

constexpr std::uint64_t frame_count(std::uint64_t plain) {
  return plain == 0 ? 0 : (plain + kSaltBytes + kFrameInnerBytes - 1) / kFrameInnerBytes;
}
// What a piece takes where it is stored.
constexpr std::uint64_t sealed_bytes(std::uint64_t plain) {
  return plain == 0 ? 0 : plain + kSaltBytes + frame_count(plain) * kFrameTagBytes;
}
constexpr std::uint64_t frame_of(std::uint64_t plain_offset) {
  return (plain_offset + kSaltBytes) / kFrameInnerBytes;
}
// Where the plain bytes of a frame begin in its piece.
constexpr std::uint64_t frame_begin(std::uint64_t frame) {
  return frame == 0 ? 0 : frame * kFrameInnerBytes - kSaltBytes;
}

// Pieces that follow each other with numbers that do too, all of one length.
struct PieceRun {
  std::uint16_t first = 0;  // Its number: that of the part; 0 of a whole object.
  std::uint16_t count = 1;
  std::uint64_t size = 0;  // Plain bytes of each.
  bool operator==(const PieceRun&) const = default;
};
inline constexpr std::size_t kPieceRunsMax = 16;  // Written down; parts have their own list.

// How an object is sealed: what ObjectAttributes::encryption holds. Nothing in it opens anything
// without a key that is elsewhere.
struct Encryption {
  EncryptionKind kind = EncryptionKind::kNone;
  std::string key_id;   // kServer: which master key; kKms: the name in the ring.
  std::string wrapped;  // The data key, sealed.
  bool bucket_key = false;
  // Of replicas: as their source was cut. Empty: one piece, or each part of the list is one.
  std::vector<PieceRun> pieces;

  std::string encode() const;
  // Errors: kCorrupt, kUnsupported.
  static Result<Encryption> decode(std::string_view bytes);
};

// What a body of `size` plain bytes takes where it is stored, if it is one blob. Errors: kCorrupt.
Result<std::uint64_t> stored_bytes(std::string_view encryption, std::uint64_t size);
// Whether each part of a list of parts is a piece; else the list cuts stored bytes anyhow.
Result<bool> parts_are_pieces(std::string_view encryption);

}  // namespace creel::s3
