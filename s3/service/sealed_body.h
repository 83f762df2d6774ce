#pragma once
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "platform/cpu/seal.h"
#include "platform/http/body.h"
#include "s3/model/encryption.h"
#include "s3/service/blobs.h"
#include "s3/service/object_reader.h"

namespace creel::s3 {

using Salt = std::array<std::uint8_t, kSaltBytes>;

// Seals one piece as its bytes come: see s3/model/encryption.h. Holds one frame.
class PieceSealer {
 public:
  // A salt is used once with a data key and number, or always for the same bytes.
  PieceSealer(const SecretKey& data_key, std::uint16_t number, const Salt& salt);
  // Appends to `out` what is ready.
  void add(ByteView plain, Bytes& out);
  // The last frame; nothing if there were no bytes.
  void finish(Bytes& out);

 private:
  std::size_t room() const;
  void emit(bool last, Bytes& out);

  Sealer sealer_;
  Salt salt_;
  Bytes frame_;  // Plain bytes of the frame that is being filled.
  std::uint64_t number_ = 0;
};

// Opens the frames of one piece.
class PieceOpener {
 public:
  PieceOpener(const SecretKey& data_key, std::uint16_t number, ByteView salt);
  // Decrypts in place: ciphertext and its tag, without the salt of the first frame.
  bool open(std::uint64_t frame, bool last, MutableBytes bytes);

 private:
  Sealer sealer_;
};

struct Piece {
  std::uint16_t number = 0;
  std::uint64_t size = 0;  // Plain.
};

// What to read of a sealed body for a range of its plain bytes.
struct SealedRange {
  std::vector<Piece> pieces;          // Those that the range touches.
  std::uint64_t first_frame = 0;      // Of the first of them.
  std::uint64_t skip = 0;             // Plain bytes of that frame before the range.
  std::uint64_t length = 0;           // Plain bytes.
  std::uint64_t salt_offset = 0;      // Stored: of the first piece.
  std::uint64_t stored_offset = 0;    // From the first frame …
  std::uint64_t stored_length = 0;    // … to the end of the last.
};
// `pieces`: all of the body, in order. The range lies inside of it.
SealedRange sealed_range(const std::vector<PieceRun>& pieces, std::uint64_t offset,
                         std::uint64_t length);

// The plain bytes of a range. Frames that do not open end the body with kCorrupt.
class SealedReader final : public BodyReader {
 public:
  // `stored` reads from range.stored_offset on; `salt` the salt of the first piece, null if the
  // first frame is read, which holds it.
  SealedReader(const SecretKey& data_key, SealedRange range, std::unique_ptr<BodyReader> stored,
               std::unique_ptr<BodyReader> salt, DamageReport damage = {});
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;

 private:
  Task<Result<Unit>> next_frame(Ctx& ctx);
  Error damaged() const;

  SecretKey data_key_;
  SealedRange range_;
  std::unique_ptr<BodyReader> stored_;
  std::unique_ptr<BodyReader> salt_;
  DamageReport damage_;
  std::optional<PieceOpener> opener_;  // Of the piece at `at_`.
  std::size_t at_ = 0;
  std::uint64_t frame_;
  Bytes buffer_;
  ByteView ready_;  // Of buffer_, not handed out yet.
};

// How a new piece is to be sealed.
struct PieceSeal {
  SecretKey data_key;
  std::uint16_t number = 0;
  Salt salt{};
};

// The pieces of an object's body, in order. Errors: kCorrupt, kIo.
Result<std::vector<PieceRun>> pieces_of(const store::RowReader& rows, const ObjectRecord& record,
                                        const Encryption& encryption);
// Reads [offset, offset + length) of the plain bytes of a sealed object. Call it in the step that
// found the record. Errors: kCorrupt, kIo.
Result<std::unique_ptr<BodyReader>> read_sealed(const store::RowReader& rows, Blobs& blobs,
                                                const ObjectRecord& record,
                                                const Encryption& encryption,
                                                const SecretKey& data_key, std::uint64_t offset,
                                                std::uint64_t length, DamageReport damage);

}  // namespace creel::s3
