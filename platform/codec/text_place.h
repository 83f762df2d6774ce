#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace creel {

// Where a byte of a text lies, both counted from 1; a column is a byte, not a character.
struct TextPlace {
  std::size_t line = 1;
  std::size_t column = 1;
};

TextPlace place_of(std::string_view text, std::size_t offset);
// "line 3, column 7".
std::string place_text(TextPlace place);

}  // namespace creel
