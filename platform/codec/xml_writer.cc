#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/codec/xml.h"

namespace creel {

void append_xml_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&': out.append("&amp;"); break;
      case '<': out.append("&lt;"); break;
      case '>': out.append("&gt;"); break;
      case '"': out.append("&quot;"); break;
      case '\r': out.append("&#13;"); break;
      case '\n': out.append("&#10;"); break;
      default:
        if (byte >= 0x20) {
          out.push_back(c);
          break;
        }
        out.append("&#x");
        if (byte >= 0x10) out.push_back(kHex[byte >> 4]);
        out.push_back(kHex[byte & 15]);
        out.push_back(';');
    }
  }
}

XmlWriter::XmlWriter(std::string& out, bool declaration) : out_(out) {
  if (declaration) out_.append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

XmlWriter& XmlWriter::open(std::string_view name, std::string_view attributes) {
  out_.push_back('<');
  out_.append(name);
  if (!attributes.empty()) {
    out_.push_back(' ');
    out_.append(attributes);
  }
  out_.push_back('>');
  open_.emplace_back(name);
  return *this;
}

XmlWriter& XmlWriter::close() {
  check(!open_.empty());
  out_.append("</");
  out_.append(open_.back());
  out_.push_back('>');
  open_.pop_back();
  return *this;
}

XmlWriter& XmlWriter::leaf(std::string_view name, std::string_view text) {
  out_.push_back('<');
  out_.append(name);
  out_.push_back('>');
  append_xml_text(out_, text);
  out_.append("</");
  out_.append(name);
  out_.push_back('>');
  return *this;
}

XmlWriter& XmlWriter::number_leaf(std::string_view name, std::uint64_t number) {
  return leaf(name, std::string_view(cat(number)));
}
XmlWriter& XmlWriter::number_leaf(std::string_view name, std::int64_t number) {
  return leaf(name, std::string_view(cat(number)));
}

}  // namespace creel
