// The XML bodies of requests, and our own answers read back.
#include <string>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "s3/access/acl.h"
#include "s3/wire/cors.h"
#include "s3/wire/lifecycle.h"
#include "s3/wire/object_lock.h"
#include "s3/wire/tags.h"
#include "s3/wire/xml_in.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

bool has_control(std::string_view text) {
  for (unsigned char c : text)
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return true;
  return text.find("\xef\xbf\xbe") != text.npos || text.find("\xef\xbf\xbf") != text.npos;
}

void fuzz_one(ByteView body) {
  (void)parse_create_bucket(body);
  (void)parse_versioning(body);
  (void)parse_cors(body);
  (void)parse_object_lock(body);
  (void)parse_retention(body);
  (void)parse_legal_hold(body);
  if (const auto tags = parse_tagging(body, true); tags.ok())
    check(decode_tags(encode_tags(tags.value())) == tags.value());
  if (const auto tags = parse_tagging_header(as_text(body)); tags.ok())
    check(decode_tags(encode_tags(tags.value())) == tags.value());
  // What is kept is read again, and means the same.
  if (const auto rules = parse_lifecycle(body); rules.ok()) {
    const auto again = parse_lifecycle(as_bytes(rules.value().document));
    check(again.ok() && again.value().document == rules.value().document);
  }
  if (const auto request = parse_delete(body); request.ok())
    check(!request.value().keys.empty() && request.value().keys.size() <= kDeleteKeysMax);
  if (const auto parts = parse_complete_upload(body); parts.ok()) {
    std::uint32_t before = 0;
    for (const CompletePart& part : parts.value()) {
      check(part.number > before && part.number <= kCompletePartsMax);
      before = part.number;
    }
  }

  const struct : PrincipalNames {
    bool has_account(std::string_view id) const override { return id.size() % 2 == 0; }
    bool has_user(std::string_view, std::string_view) const override { return false; }
  } names;
  if (const auto grants = parse_acl(body, {"owner", "owner"}, names); grants.ok()) {
    check(grants.value().size() <= kGrantsMax);
    const Result<std::vector<Grant>> again = decode_grants(encode_grants(grants.value()));
    check(again.ok() && again.value() == grants.value());
  }

  // Any key of readable UTF-8 comes back from a listing as it was.
  const std::string_view key = as_text(body);
  if (key.empty() || key.size() > 1024 || !is_utf8(key) || has_control(key)) return;
  ObjectPage page;
  page.objects.emplace_back();
  page.objects[0].key = key;
  const std::string xml = list_objects_xml("bucket", {}, page);
  const Result<XmlNode> tree = parse_xml(as_bytes(xml));
  check(tree.ok());
  check(tree.value().child("Contents")->child_text("Key") == key);
}

}  // namespace
}  // namespace creel::s3

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  creel::s3::fuzz_one({data, size});
  return 0;
}
