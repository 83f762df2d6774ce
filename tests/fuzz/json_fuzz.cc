// Whatever bytes come: a document within its limits or an error that says where; written again, it
// reads the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "platform/base/check.h"
#include "platform/codec/json.h"

namespace {

void write(creel::JsonValue value, creel::JsonWriter& writer) {
  switch (value.type()) {
    case creel::JsonType::kObject:
      writer.begin_object();
      for (creel::JsonItem item : value) write(item.value, writer.name(item.name));
      writer.end_object();
      break;
    case creel::JsonType::kArray:
      writer.begin_array();
      for (creel::JsonItem item : value) write(item.value, writer);
      writer.end_array();
      break;
    case creel::JsonType::kString: writer.string(*value.as_string()); break;
    case creel::JsonType::kBool: writer.boolean(*value.as_bool()); break;
    case creel::JsonType::kNumber:
      if (auto i = value.as_i64()) writer.number(*i);
      else if (auto u = value.as_u64()) writer.number(*u);
      else writer.number(*value.as_double());
      break;
    default: writer.null();
  }
}

std::string text_of(const creel::JsonDoc& doc) {
  std::string text;
  creel::JsonWriter writer(text);
  write(doc.root(), writer);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  creel::Result<creel::JsonDoc> doc = creel::JsonDoc::parse({data, size}, {.bytes_max = 64 * 1024});
  if (!doc.ok()) {
    creel::check(!doc.error().detail.empty());
    return 0;
  }
  const std::string text = text_of(doc.value());
  creel::Result<creel::JsonDoc> again = creel::JsonDoc::parse(creel::as_bytes(text));
  creel::check(again.ok() && text_of(again.value()) == text);
  return 0;
}
