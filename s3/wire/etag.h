#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace creel::s3 {

using Md5Raw = std::array<std::uint8_t, 16>;

// ETags are kept bare (`abc`, `abc-3`) and quoted at the border.
std::string quoted_etag(std::string_view bare);
// What a client may send for one: `"x"`, `x`, `&quot;x&quot;`, `W/"x"`. Views into the argument.
std::string_view bare_etag(std::string_view text);
// Hex MD5, the ETag of PUT, COPY and POST.
std::string simple_etag(const Md5Raw& md5);
// hex(md5(raw md5s)) "-N", the ETag of a finished upload.
std::string multipart_etag(std::span<const Md5Raw> parts);

// Does one of a list like `"a", b, W/"c"` or `*` name `bare`? `*` names any.
bool etag_list_matches(std::string_view list, std::string_view bare);

}  // namespace creel::s3
