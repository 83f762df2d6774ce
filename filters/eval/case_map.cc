#include "filters/eval/case_map.h"

#include <cstdint>

namespace creel::filters {
namespace {

// A run of two-byte code points. `step` 0: upper = lower - delta over the run of lower letters.
// `step` 1: pairs, the upper one at even (parity 0) or odd (parity 1) code points, the lower right
// behind.
struct CaseRun {
  std::uint16_t first;  // Of the lower letters (step 0), or of the pairs (step 1).
  std::uint16_t last;
  std::uint16_t delta;
  std::uint8_t step;
  std::uint8_t parity;
};

// From UnicodeData.txt 15.0, simple mappings within two bytes of UTF-8.
constexpr CaseRun kRuns[] = {
    {0x00E0, 0x00F6, 32, 0, 0}, {0x00F8, 0x00FE, 32, 0, 0},  // Latin-1 without ÷
    {0x0100, 0x012F, 1, 1, 0},  {0x0132, 0x0137, 1, 1, 0},   // Latin Extended-A
    {0x0139, 0x0148, 1, 1, 1},  {0x014A, 0x0177, 1, 1, 0},  {0x0179, 0x017E, 1, 1, 1},
    {0x03B1, 0x03C1, 32, 0, 0}, {0x03C3, 0x03CB, 32, 0, 0},  // Greek
    {0x0430, 0x044F, 32, 0, 0}, {0x0450, 0x045F, 80, 0, 0},  // Cyrillic
    {0x0460, 0x0481, 1, 1, 0},  {0x048A, 0x04BF, 1, 1, 0},  {0x04D0, 0x052F, 1, 1, 0},
};

std::uint32_t map_wide(std::uint32_t c, bool to_upper) {
  for (const CaseRun& run : kRuns) {
    if (run.step == 1) {
      if (c < run.first || c > run.last) continue;
      const bool is_upper = (c & 1) == run.parity;
      return is_upper == to_upper ? c : to_upper ? c - 1 : c + 1;
    }
    if (to_upper && c >= run.first && c <= run.last) return c - run.delta;
    if (!to_upper && c + run.delta >= run.first && c + run.delta <= run.last) return c + run.delta;
  }
  return c;
}

}  // namespace

std::string_view map_case(std::string_view text, bool to_upper, Arena& arena) {
  const char from = to_upper ? 'a' : 'A';
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80 || static_cast<unsigned char>(byte - from) < 26) break;
    ++at;
  }
  if (at == text.size()) return text;
  const std::string_view copy = arena.copy(text);
  if (copy.data() == nullptr) return copy;
  char* out = const_cast<char*>(copy.data());  // Arena memory, made a line ago.
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (static_cast<unsigned char>(byte - from) < 26) {
      out[at] = static_cast<char>(byte ^ 0x20);
    } else if ((byte & 0xe0) == 0xc0 && at + 1 < text.size()) {
      const std::uint32_t c =
          (byte & 0x1fu) << 6 | (static_cast<unsigned char>(text[at + 1]) & 0x3fu);
      const std::uint32_t mapped = map_wide(c, to_upper);
      out[at] = static_cast<char>(0xc0 | mapped >> 6);
      out[at + 1] = static_cast<char>(0x80 | (mapped & 0x3f));
      ++at;
    }
    ++at;
  }
  return copy;
}

}  // namespace creel::filters
