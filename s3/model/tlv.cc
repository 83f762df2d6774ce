#include "s3/model/tlv.h"

#include "platform/base/endian.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kPieceBytes = 65'535;

void put_u16(std::string& out, std::size_t value) {
  out.push_back(static_cast<char>(value & 0xff));
  out.push_back(static_cast<char>(value >> 8 & 0xff));
}

struct Piece {
  std::uint16_t tag;
  std::string_view value;
};

// The piece at `at`, which moves past it; nullopt at the end or if it does not fit.
std::optional<Piece> piece_at(std::string_view bytes, std::size_t& at) {
  if (bytes.size() - at < 4) return std::nullopt;
  const ByteView raw = as_bytes(bytes);
  const auto tag = load_le<std::uint16_t>(raw, at);
  const std::size_t length = load_le<std::uint16_t>(raw, at + 2);
  if (bytes.size() - at - 4 < length) return std::nullopt;
  const Piece piece{tag, bytes.substr(at + 4, length)};
  at += 4 + length;
  return piece;
}

}  // namespace

TlvWriter& TlvWriter::text(std::uint16_t tag, std::string_view value) {
  if (value.empty()) return *this;
  check((tag & 0x7fff) > last_);
  last_ = tag & 0x7fff;
  for (;;) {
    const std::string_view piece = value.substr(0, kPieceBytes);
    put_u16(out_, tag);
    put_u16(out_, piece.size());
    out_.append(piece);
    value.remove_prefix(piece.size());
    if (piece.size() < kPieceBytes) return *this;
  }
}

TlvWriter& TlvWriter::number(std::uint16_t tag, std::uint64_t value) {
  std::string bytes;
  for (; value != 0; value >>= 8) bytes.push_back(static_cast<char>(value & 0xff));
  return text(tag, bytes);
}

void TlvWriter::add_item(std::string& packed, std::string_view item) {
  put_u16(packed, item.size() & 0xffff);
  put_u16(packed, item.size() >> 16);
  packed.append(item);
}

Result<TlvReader> TlvReader::parse(std::string_view bytes) {
  std::size_t at = 0;
  std::uint16_t last = 0;
  bool last_was_full = false;
  while (at < bytes.size()) {
    const std::optional<Piece> piece = piece_at(bytes, at);
    if (!piece) return fail(ErrorCode::kCorrupt, "tlv: a value runs past the end");
    const std::uint16_t tag = piece->tag & 0x7fff;
    const bool more_of_same = tag == last && last_was_full;
    if (tag <= last && !more_of_same) return fail(ErrorCode::kCorrupt, "tlv: tags out of order");
    last = tag;
    last_was_full = piece->value.size() == kPieceBytes;
  }
  return TlvReader(bytes);
}

std::string TlvReader::text(std::uint16_t tag) const {
  std::string out;
  std::size_t at = 0;
  while (const std::optional<Piece> piece = piece_at(bytes_, at)) {
    if ((piece->tag & 0x7fff) == (tag & 0x7fff)) out.append(piece->value);
    if ((piece->tag & 0x7fff) > (tag & 0x7fff)) break;
  }
  return out;
}

std::uint64_t TlvReader::number(std::uint16_t tag) const {
  const std::string bytes = text(tag);
  if (bytes.size() > 8) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

TlvReader::Spot TlvReader::spot(std::uint16_t tag) const {
  std::size_t at = 0;
  while (const std::optional<Piece> piece = piece_at(bytes_, at)) {
    if ((piece->tag & 0x7fff) == (tag & 0x7fff))
      return {at - piece->value.size(), piece->value.size()};
    if ((piece->tag & 0x7fff) > (tag & 0x7fff)) break;
  }
  return {};
}

bool TlvReader::has(std::uint16_t tag) const {
  std::size_t at = 0;
  while (const std::optional<Piece> piece = piece_at(bytes_, at))
    if ((piece->tag & 0x7fff) == (tag & 0x7fff)) return true;
  return false;
}

std::uint16_t TlvReader::critical_above(std::uint16_t last) const {
  std::size_t at = 0;
  while (const std::optional<Piece> piece = piece_at(bytes_, at))
    if ((piece->tag & 0x8000) != 0 && (piece->tag & 0x7fff) > last) return piece->tag & 0x7fff;
  return 0;
}

std::vector<std::string> TlvReader::list(std::uint16_t tag) const {
  const std::string packed = text(tag);
  std::vector<std::string> items;
  std::size_t at = 0;
  while (packed.size() - at >= 4) {
    const auto length = load_le<std::uint32_t>(as_bytes(packed), at);
    if (packed.size() - at - 4 < length) return {};
    items.push_back(packed.substr(at + 4, length));
    at += 4 + length;
  }
  if (at != packed.size()) return {};
  return items;
}

}  // namespace creel::s3
