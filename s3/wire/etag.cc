#include "s3/wire/etag.h"

#include "platform/base/text.h"
#include "platform/cpu/hash.h"

namespace creel::s3 {

std::string quoted_etag(std::string_view bare) { return cat("\"", bare, "\""); }

std::string_view bare_etag(std::string_view text) {
  constexpr std::string_view kEntity = "&quot;";
  text = trim(text);
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"'))
    return text.substr(1, text.size() - 2);
  if (text.size() >= 2 * kEntity.size() && text.starts_with(kEntity) && text.ends_with(kEntity))
    return text.substr(kEntity.size(), text.size() - 2 * kEntity.size());
  return text;
}

std::string simple_etag(const Md5Raw& md5) { return hex_encode(md5); }

std::string multipart_etag(std::span<const Md5Raw> parts) {
  Md5 hash;
  for (const Md5Raw& part : parts) hash.update(part);
  return cat(hex_encode(hash.finish()), "-", parts.size());
}

bool etag_list_matches(std::string_view list, std::string_view bare) {
  for (;;) {
    const std::size_t end = list.find(',');
    const std::string_view one = trim(list.substr(0, end));
    if (one == "*" || (!one.empty() && bare_etag(one) == bare)) return true;
    if (end == std::string_view::npos) return false;
    list.remove_prefix(end + 1);
  }
}

}  // namespace creel::s3
