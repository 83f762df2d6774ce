#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "platform/base/bytes.h"
#include "platform/base/units.h"

namespace creel {

// Lower-case hex, and back; nullopt on odd length or a foreign character (either case is read).
std::string hex_encode(ByteView bytes);
std::optional<Bytes> hex_decode(std::string_view text);

// RFC 4648 §4 with padding. Decoding is strict: length, alphabet, padding and spare bits.
std::string base64_encode(ByteView bytes);
std::optional<Bytes> base64_decode(std::string_view text);

// Whole text as a decimal number without sign, spaces or leading '+'; nullopt if not, or too large.
std::optional<std::uint64_t> parse_u64(std::string_view text);
std::optional<std::int64_t> parse_i64(std::string_view text);
// Whole text as hex digits, at most 16 of them.
std::optional<std::uint64_t> parse_hex_u64(std::string_view text);

std::string to_lower(std::string_view text);  // ASCII only.
bool equal_ignore_case(std::string_view a, std::string_view b);  // ASCII only.
std::string_view trim(std::string_view text);  // Spaces and tabs at both ends.

// True if well-formed by RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// RFC 3986 percent-decoding; nullopt on a broken escape. `plus_is_space` for form encoding.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Keeps A-Za-z0-9-._~ (and '/' if asked); the rest as upper-case %XX: S3's URI encoding.
std::string percent_encode(std::string_view text, bool keep_slash);

// "2026-01-02T03:04:05.000Z" and "20260102T030405Z"; RFC 1123 "Fri, 02 Jan 2026 03:04:05 GMT".
std::string iso8601_ms(WallTime time);
std::string iso8601_basic(WallTime time);
std::string http_date(WallTime time);
std::optional<WallTime> parse_iso8601_basic(std::string_view text);
// Any of "2026-01-02T03:04:05Z", with fraction, or an offset "+02:00".
std::optional<WallTime> parse_iso8601(std::string_view text);
// RFC 1123, RFC 850 and asctime forms (RFC 9110 §5.6.7).
std::optional<WallTime> parse_http_date(std::string_view text);

// Adds `piece`s without surprises: numbers in decimal. For error texts and small wire text.
template <class... Pieces>
std::string cat(const Pieces&... pieces) {
  std::string out;
  const auto add = [&out](const auto& piece) {
    using P = std::decay_t<decltype(piece)>;
    if constexpr (std::is_same_v<P, char>) out.push_back(piece);
    else if constexpr (std::is_arithmetic_v<P>) out.append(std::to_string(piece));
    else out.append(std::string_view(piece));
  };
  (add(pieces), ...);
  return out;
}

}  // namespace creel
