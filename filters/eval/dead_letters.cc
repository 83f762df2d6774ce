#include "filters/eval/dead_letters.h"

#include "filters/formats/json_scan.h"
#include "platform/base/text.h"

namespace creel::filters {

void append_dead_letter(Bytes& out, const DeadLetter& letter) {
  std::string_view raw = letter.raw.substr(0, kDeadRawMax);
  const bool cut = raw.size() < letter.length;
  // A cut may fall into a character; up to three bytes go so that the rest stays text.
  std::string_view text = raw;
  for (int i = 0; cut && i < 3 && !text.empty() && !is_utf8(text); ++i) text.remove_suffix(1);
  append(out, cat("{\"off\":", letter.offset, ",\"len\":", letter.length, ",\"row\":", letter.row,
                  ",\"reason\":\"", fault_name(letter.fault), "\""));
  if (!letter.column.empty()) {
    append(out, ",\"col\":\"");
    append_json_escaped(out, letter.column);
    append(out, "\"");
  }
  if (is_utf8(text)) {
    append(out, ",\"raw\":\"");
    append_json_escaped(out, text);
    append(out, "\"");
  } else {
    append(out, cat(",\"raw64\":\"", base64_encode(as_bytes(raw)), "\""));
  }
  append(out, cut ? ",\"cut\":true}\n" : ",\"cut\":false}\n");
}

}  // namespace creel::filters
