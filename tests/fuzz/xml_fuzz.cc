// Whatever bytes come: a tree within its limits or an error that says where; written again, the
// tree reads the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "platform/base/check.h"
#include "platform/codec/xml.h"

namespace {

void write(const creel::XmlNode& node, creel::XmlWriter& writer) {
  if (node.children.empty()) {
    writer.leaf(node.name, node.text);
    return;
  }
  writer.open(node.name);
  for (const creel::XmlNode& child : node.children) write(child, writer);
  writer.close();
}

bool same(const creel::XmlNode& a, const creel::XmlNode& b) {
  if (a.name != b.name || a.text != b.text || a.children.size() != b.children.size()) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i)
    if (!same(a.children[i], b.children[i])) return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  creel::Result<creel::XmlNode> tree = creel::parse_xml({data, size}, {.bytes_max = 64 * 1024});
  if (!tree.ok()) {
    creel::check(!tree.error().detail.empty());
    return 0;
  }
  std::string text;
  creel::XmlWriter writer(text);
  write(tree.value(), writer);
  creel::Result<creel::XmlNode> again = creel::parse_xml(creel::as_bytes(text));
  creel::check(again.ok() && same(tree.value(), again.value()));
  return 0;
}
