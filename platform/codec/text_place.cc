#include "platform/codec/text_place.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel {

TextPlace place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line.
  return {.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')),
          .column = 1 + before.size() - line_start};
}

std::string place_text(TextPlace place) {
  return cat("line ", place.line, ", column ", place.column);
}

}  // namespace creel
