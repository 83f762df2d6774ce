#include "filters/eval/redact.h"

#include <cstdint>
#include <vector>

namespace creel::filters {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }
bool is_alnum(char c) { return is_digit(c) || is_letter(c); }

bool is_local(char c) {
  return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view(".!#$%&'*+/=?^_`{|}~-").find(c) != std::string_view::npos;
}
bool is_domain(char c) {
  return is_alnum(c) || c == '.' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

bool luhn_digits(const char* digits, std::size_t count) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    unsigned digit = static_cast<unsigned>(digits[count - 1 - i] - '0');
    if (i % 2 == 1) {
      digit *= 2;
      if (digit > 9) digit -= 9;
    }
    sum += digit;
  }
  return sum % 10 == 0;
}

bool mod_97(const char* text, std::size_t count) {
  unsigned rest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const char c = text[(i + 4) % count];  // The first four go to the end.
    if (is_digit(c)) rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
    else rest = (rest * 100 + static_cast<unsigned>((c | 0x20) - 'a') + 10) % 97;
  }
  return rest == 1;
}

// From `at`, the longest run of groups that ends at a group's end and passes `test`; 0 if none. A
// group is made of `is_part` characters; single `is_gap` characters may stand between groups.
template <class Part, class Gap, class Test>
std::size_t longest(std::string_view text, std::size_t at, std::size_t most, Part is_part,
                    Gap is_gap, Test test) {
  char kept[40];
  std::size_t count = 0;
  std::size_t best = 0;
  std::size_t i = at;
  while (i < text.size()) {
    if (is_part(text[i])) {
      if (count == most) break;
      kept[count++] = text[i++];
      const bool group_ends = i == text.size() || !is_part(text[i]);
      if (group_ends && test(kept, count)) best = i - at;
    } else if (is_gap(text[i]) && i + 1 < text.size() && is_part(text[i + 1])) {
      ++i;
    } else {
      break;
    }
  }
  return best;
}

}  // namespace

void redact_email(std::string_view text, std::string& out) {
  std::size_t done = 0;
  std::size_t from = 0;
  while (true) {
    const std::size_t sign = text.find('@', from);
    if (sign == std::string_view::npos) break;
    std::size_t first = sign;
    if (first > done && text[first - 1] == '"') {  // "quoted local part"@domain
      const std::size_t open = first >= 2 ? text.rfind('"', first - 2) : std::string_view::npos;
      if (open != std::string_view::npos && open >= done) first = open;
    }
    while (first > done && is_local(text[first - 1])) --first;
    std::size_t last = sign + 1;
    while (last < text.size() && is_domain(text[last])) ++last;
    from = sign + 1;
    if (first == sign || last == sign + 1) continue;
    out.append(text.substr(done, first - done)).append("<email>");
    done = last;
    from = last;
  }
  out.append(text.substr(done));
}

void redact_pan(std::string_view text, std::string& out) {
  const auto gap = [](char c) { return c == ' ' || c == '-'; };
  const auto test = [](const char* digits, std::size_t count) {
    return count >= 13 && luhn_digits(digits, count);
  };
  for (std::size_t at = 0; at < text.size();) {
    const bool starts = is_digit(text[at]) && (at == 0 || !is_digit(text[at - 1]));
    const std::size_t length = starts ? longest(text, at, 19, is_digit, gap, test) : 0;
    if (length != 0) {
      out.append("<pan>");
      at += length;
    } else {
      out += text[at++];
    }
  }
}

void redact_ipv4(std::string_view text, std::string& out) {
  for (std::size_t at = 0; at < text.size();) {
    const bool starts = is_digit(text[at]) && (at == 0 || !is_digit(text[at - 1]));
    std::size_t end = at;
    int parts = 0;
    while (starts && parts < 4) {
      unsigned value = 0;
      const std::size_t first = end;
      while (end < text.size() && is_digit(text[end]) && end - first < 4)
        value = value * 10 + static_cast<unsigned>(text[end++] - '0');
      if (end == first || end - first > 3 || value > 255) break;
      if (++parts == 4 || end == text.size() || text[end] != '.') break;
      ++end;
    }
    if (parts == 4 && (end == text.size() || !is_digit(text[end]))) {
      out.append("<ipv4>");
      at = end;
    } else {
      out += text[at++];
    }
  }
}

void redact_iban(std::string_view text, std::string& out) {
  const auto gap = [](char c) { return c == ' ' || c == '-'; };
  const auto test = [](const char* kept, std::size_t count) {
    return count >= 15 && is_letter(kept[0]) && is_letter(kept[1]) && is_digit(kept[2]) &&
           is_digit(kept[3]) && mod_97(kept, count);
  };
  for (std::size_t at = 0; at < text.size();) {
    const bool starts = is_letter(text[at]) && (at == 0 || !is_alnum(text[at - 1]));
    const std::size_t length = starts ? longest(text, at, 34, is_alnum, gap, test) : 0;
    if (length != 0) {
      out.append("<iban>");
      at += length;
    } else {
      out += text[at++];
    }
  }
}

bool passes_luhn(std::string_view text) {
  char digits[64];
  std::size_t count = 0;
  for (const char c : text) {
    if (c == ' ' || c == '-') continue;
    if (!is_digit(c) || count == sizeof digits) return false;
    digits[count++] = c;
  }
  return count >= 2 && luhn_digits(digits, count);
}

}  // namespace creel::filters
