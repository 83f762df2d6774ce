#include "s3/model/encryption.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

enum Tag : std::uint16_t {
  kTagKind = 1,
  kTagKeyId,
  kTagWrapped,
  kTagBucketKey,
  kTagPieces,
};
constexpr std::size_t kPieceRunBytes = 12;

Result<std::vector<PieceRun>> decode_pieces(std::string_view bytes) {
  if (bytes.size() % kPieceRunBytes != 0 || bytes.size() > kPieceRunBytes * kPieceRunsMax)
    return fail(ErrorCode::kCorrupt, cat("encryption: pieces of ", bytes.size(), " bytes"));
  std::vector<PieceRun> runs;
  for (std::size_t at = 0; at < bytes.size(); at += kPieceRunBytes) {
    const ByteView raw = as_bytes(bytes).subspan(at, kPieceRunBytes);
    runs.push_back({load_le<std::uint16_t>(raw, 0), load_le<std::uint16_t>(raw, 2),
                    load_le<std::uint64_t>(raw, 4)});
  }
  return runs;
}

}  // namespace

std::string Encryption::encode() const {
  Bytes runs;
  for (const PieceRun& run : pieces) {
    append_le<std::uint16_t>(runs, run.first);
    append_le<std::uint16_t>(runs, run.count);
    append_le<std::uint64_t>(runs, run.size);
  }
  TlvWriter out;
  out.number(kTagKind, static_cast<std::uint64_t>(kind)).text(kTagKeyId, key_id);
  out.text(kTagWrapped, wrapped).number(kTagBucketKey, bucket_key ? 1 : 0);
  return out.text(kTagPieces, as_text(runs)).take();
}

Result<Encryption> Encryption::decode(std::string_view bytes) {
  TRY(fields, TlvReader::parse(bytes));
  if (fields.critical_above(kTagPieces) != 0)
    return fail(ErrorCode::kUnsupported, "encryption of a later version");
  Encryption found;
  const std::uint64_t kind = fields.number(kTagKind);
  if (kind == 0 || kind > static_cast<std::uint64_t>(EncryptionKind::kKms))
    return fail(ErrorCode::kUnsupported, cat("encryption of the unknown kind ", kind));
  found.kind = static_cast<EncryptionKind>(kind);
  found.key_id = fields.text(kTagKeyId);
  found.wrapped = fields.text(kTagWrapped);
  found.bucket_key = fields.number(kTagBucketKey) != 0;
  TRY(pieces, decode_pieces(fields.text(kTagPieces)));
  found.pieces = std::move(pieces);
  return found;
}

Result<std::uint64_t> stored_bytes(std::string_view encryption, std::uint64_t size) {
  if (encryption.empty()) return size;
  TRY(found, Encryption::decode(encryption));
  if (found.pieces.empty()) return sealed_bytes(size);
  std::uint64_t plain = 0, stored = 0;
  for (const PieceRun& run : found.pieces) {
    if (run.size > size || plain + run.size * run.count > size)
      return fail(ErrorCode::kCorrupt, "encryption: its pieces are longer than the object");
    plain += run.size * run.count;
    stored += sealed_bytes(run.size) * run.count;
  }
  if (plain != size) return fail(ErrorCode::kCorrupt, "encryption: pieces are missing");
  return stored;
}

Result<bool> parts_are_pieces(std::string_view encryption) {
  if (encryption.empty()) return false;
  TRY(found, Encryption::decode(encryption));
  return found.pieces.empty();
}

}  // namespace creel::s3
