#include "platform/codec/xml.h"

#include <expat.h>

#include <memory>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/codec/text_place.h"

namespace creel {
namespace {

std::string_view without_prefix(std::string_view name) {
  return name.substr(name.rfind(':') + 1);  // npos + 1 is 0: the whole name.
}

// Namespaces in XML 1.0, section 3: at most one colon, with something on either side.
bool is_qualified_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return true;
  return colon > 0 && colon + 1 < name.size() && name.find(':', colon + 1) == name.npos;
}

bool is_namespace_declaration(std::string_view name) {
  return name == "xmlns" || name.starts_with("xmlns:");
}

// Collects the tree from expat's callbacks. `path_` holds the open elements by value, so that
// growing a vector of siblings moves nobody who is still open.
class TreeBuilder {
 public:
  TreeBuilder(XML_Parser parser, const XmlLimits& limits) : parser_(parser), limits_(limits) {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
  }

  bool refused() const { return refusal_.has_value(); }
  Error take_refusal() { return std::move(*refusal_); }
  XmlNode take_root() { return std::move(root_); }

 private:
  static TreeBuilder& self(void* user) { return *static_cast<TreeBuilder*>(user); }
  static void XMLCALL on_start(void* user, const XML_Char* name, const XML_Char** attributes) {
    self(user).start(name, attributes);
  }
  static void XMLCALL on_end(void* user, const XML_Char*) { self(user).end(); }
  static void XMLCALL on_text(void* user, const XML_Char* text, int length) {
    self(user).text({text, static_cast<std::size_t>(length)});
  }
  static void XMLCALL on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*,
                                 int) {
    self(user).refuse(ErrorCode::kInvalid, "a DOCTYPE is not allowed");
  }

  void refuse(ErrorCode code, std::string_view reason) {
    if (refusal_) return;
    const TextPlace place{.line = XML_GetCurrentLineNumber(parser_),
                          .column = XML_GetCurrentColumnNumber(parser_) + 1};
    refusal_ = fail(code, cat("XML ", place_text(place), ": ", reason));
    XML_StopParser(parser_, XML_FALSE);  // Callbacks may still come until the parser unwinds.
  }

  void start(std::string_view name, const XML_Char** attributes) {
    if (refused()) return;
    if (path_.size() >= limits_.depth_max)
      return refuse(ErrorCode::kTooLarge,
                    cat("nested deeper than ", limits_.depth_max, " elements"));
    if (++nodes_ > limits_.nodes_max)
      return refuse(ErrorCode::kTooLarge, cat("more than ", limits_.nodes_max, " elements"));
    if (!is_qualified_name(name))
      return refuse(ErrorCode::kInvalid, cat("'", name, "' is no name of an element"));
    XmlNode& node = path_.emplace_back();
    node.name = without_prefix(name);
    node.line = XML_GetCurrentLineNumber(parser_);
    for (; *attributes != nullptr; attributes += 2) {
      if (!is_qualified_name(attributes[0]))
        return refuse(ErrorCode::kInvalid, cat("'", attributes[0], "' is no name of an attribute"));
      if (is_namespace_declaration(attributes[0])) continue;
      if (node.attributes.size() >= limits_.attributes_max)
        return refuse(ErrorCode::kTooLarge, "too many attributes in one element");
      node.attributes.emplace_back(without_prefix(attributes[0]), attributes[1]);
    }
  }

  void text(std::string_view more) {
    if (refused() || path_.empty()) return;
    if (path_.back().children.empty()) path_.back().text.append(more);
  }

  void end() {
    if (refused()) return;
    check(!path_.empty());
    XmlNode node = std::move(path_.back());
    path_.pop_back();
    if (path_.empty()) {
      root_ = std::move(node);
    } else {
      path_.back().text.clear();
      path_.back().children.push_back(std::move(node));
    }
  }

  XML_Parser parser_;
  const XmlLimits& limits_;
  std::vector<XmlNode> path_;
  XmlNode root_;
  std::size_t nodes_ = 0;
  std::optional<Error> refusal_;
};

struct FreeParser {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

Error expat_error(XML_Parser parser) {
  const XML_Error code = XML_GetErrorCode(parser);
  if (code == XML_ERROR_NO_MEMORY) return fail(ErrorCode::kUnavailable, "XML: out of memory");
  const TextPlace place{.line = XML_GetCurrentLineNumber(parser),
                        .column = XML_GetCurrentColumnNumber(parser) + 1};
  return fail(ErrorCode::kInvalid, cat("XML ", place_text(place), ": ", XML_ErrorString(code)));
}

}  // namespace

Result<XmlNode> parse_xml(ByteView text, XmlLimits limits) {
  if (text.size() > limits.bytes_max || text.size() > INT32_MAX)
    return fail(ErrorCode::kTooLarge,
                cat("XML of ", text.size(), " bytes; at most ", limits.bytes_max));
  const std::unique_ptr<XML_ParserStruct, FreeParser> parser(XML_ParserCreate("UTF-8"));
  if (parser == nullptr) return fail(ErrorCode::kUnavailable, "XML: out of memory");
  TreeBuilder builder(parser.get(), limits);
  const XML_Status status = XML_Parse(parser.get(), reinterpret_cast<const char*>(text.data()),
                                      static_cast<int>(text.size()), XML_TRUE);
  if (builder.refused()) return builder.take_refusal();
  if (status != XML_STATUS_OK) return expat_error(parser.get());
  return builder.take_root();
}

const XmlNode* XmlNode::child(std::string_view wanted) const {
  for (const XmlNode& node : children)
    if (node.name == wanted) return &node;
  return nullptr;
}

std::optional<std::string_view> XmlNode::child_text(std::string_view wanted) const {
  const XmlNode* node = child(wanted);
  if (node == nullptr) return std::nullopt;
  return node->text;
}

std::optional<std::string_view> XmlNode::attribute(std::string_view wanted) const {
  for (const auto& [key, value] : attributes)
    if (key == wanted) return value;
  return std::nullopt;
}

}  // namespace creel
