#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/base/units.h"

namespace creel {

struct XmlLimits {
  std::uint64_t bytes_max = 1 * MiB;
  std::size_t nodes_max =
      20'000;  // Elements; a node takes about 150 bytes of memory beside its text.
  std::size_t attributes_max = 32; // Of one element.
  unsigned depth_max = 32;
};

// One element. Names of elements and attributes come without namespace prefix; xmlns declarations
// are left out.
struct XmlNode {
  std::string name;
  std::string text;  // Character data of a leaf, references resolved; empty if there are children.
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<XmlNode> children;
  std::size_t line = 0;  // Of the start tag, from 1.

  // The first child of that name; null if there is none.
  const XmlNode* child(std::string_view name) const;
  // Text of the first child of that name; nullopt if there is none.
  std::optional<std::string_view> child_text(std::string_view name) const;
  std::optional<std::string_view> attribute(std::string_view name) const;
};

// Parses one small UTF-8 document into its root element. A DOCTYPE is refused, so there are no
// entities but the five of XML. Errors: kInvalid (with line and column), kTooLarge (a limit),
// kUnavailable (memory).
Result<XmlNode> parse_xml(ByteView text, XmlLimits limits = {});

// Writes an XML document to the end of a string. Wrong nesting is our bug and aborts. Names and
// attribute texts of open() come from our code and are written as they are; texts are escaped.
class XmlWriter {
 public:
  // Writes the `<?xml …?>` line first, unless told not to (for nested use).
  explicit XmlWriter(std::string& out, bool declaration = true);

  // `attributes` is ready text such as `xmlns="…"`, or empty.
  XmlWriter& open(std::string_view name, std::string_view attributes = {});
  XmlWriter& close();
  XmlWriter& leaf(std::string_view name, std::string_view text);
  XmlWriter& leaf(std::string_view name, const char* text) {
    return leaf(name, std::string_view(text));
  }
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  XmlWriter& leaf(std::string_view name, T number) {
    if constexpr (std::is_signed_v<T>) return number_leaf(name, std::int64_t{number});
    else return number_leaf(name, std::uint64_t{number});
  }
  XmlWriter& leaf(std::string_view name, bool value) {
    return leaf(name, value ? "true" : "false");
  }

  // How many elements are open.
  std::size_t depth() const { return open_.size(); }

 private:
  XmlWriter& number_leaf(std::string_view name, std::uint64_t number);
  XmlWriter& number_leaf(std::string_view name, std::int64_t number);
  std::string& out_;
  std::vector<std::string> open_;
};

// Escapes & < > " and writes CR, LF and other C0 controls as numeric references, as S3 does for
// keys, though XML 1.0 readers refuse most of those (https://github.com/boto/botocore/issues/3496).
void append_xml_text(std::string& out, std::string_view text);

}  // namespace creel
