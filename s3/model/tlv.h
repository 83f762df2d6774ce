#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel::s3 {

// Tag-length-value: u16 tag, u16 length, bytes; little-endian, tags ascending, a longer value as
// consecutive pieces of one tag (every piece but the last 65,535 bytes long). Bit 15 of a tag:
// critical, a reader that does not know it must refuse. Ops, rows and replicated records use it;
// docs/formats/tlv.md.
class TlvWriter {
 public:
  TlvWriter& text(std::uint16_t tag, std::string_view value);  // Absent if empty.
  TlvWriter& number(std::uint16_t tag, std::uint64_t value);   // Absent if 0; shortest bytes.
  // A list: items one after another, each with a u32 length.
  template <class List>
  TlvWriter& list(std::uint16_t tag, const List& items) {
    std::string packed;
    for (const auto& item : items) add_item(packed, item);
    return text(tag, packed);
  }
  std::string take() { return std::move(out_); }

 private:
  static void add_item(std::string& packed, std::string_view item);
  std::string out_;
  std::uint16_t last_ = 0;
};

// Borrowed view of a parsed value; finds by walking, since rows have a dozen fields.
class TlvReader {
 public:
  // kCorrupt if lengths do not add up or tags fall.
  static Result<TlvReader> parse(std::string_view bytes);
  std::string text(std::uint16_t tag) const;  // Empty if absent.
  std::uint64_t number(std::uint16_t tag) const;  // 0 if absent or longer than 8 bytes.
  bool has(std::uint16_t tag) const;
  // Where the first piece of that field begins in the parsed bytes, and how long it is.
  struct Spot {
    std::size_t at = 0;
    std::size_t bytes = 0;  // 0: absent.
  };
  Spot spot(std::uint16_t tag) const;
  // A critical tag above `last`, the highest this build knows; 0 if there is none.
  std::uint16_t critical_above(std::uint16_t last) const;
  std::vector<std::string> list(std::uint16_t tag) const;  // Empty if absent or malformed.

 private:
  explicit TlvReader(std::string_view bytes) : bytes_(bytes) {}
  std::string_view bytes_;
};

}  // namespace creel::s3
