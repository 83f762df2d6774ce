// The decoder of forms: whole and in small pieces it must give the same answer, and keep its
// bounds.
#include <algorithm>
#include <string>

#include "platform/base/check.h"
#include "s3/wire/form_data.h"

namespace creel::s3 {
namespace {

struct Answer {
  std::vector<NameValue> fields;
  std::string file;
  bool ok = false;
  bool operator==(const Answer&) const = default;
};

Answer decode(ByteView wire, std::size_t step) {
  FormDecoder decoder("b");
  Answer out;
  std::uint8_t taken[7];
  while (!wire.empty()) {
    const std::size_t size = std::min(step, wire.size());
    if (!decoder.feed(wire.first(size)).ok()) return Answer();
    wire = wire.subspan(size);
    while (const std::size_t got = decoder.take(taken)) out.file.append(as_text({taken, got}));
  }
  out.ok = decoder.finish().ok();
  if (!out.ok) return Answer();
  out.fields = decoder.fields();
  return out;
}

void fuzz_one(ByteView wire) {
  if (wire.size() > kFormFieldsBytesMax) return;
  const Answer whole = decode(wire, wire.size());
  check(decode(wire, 1) == whole);
  check(decode(wire, 5) == whole);
  check(whole.fields.size() <= kFormFieldsMax && whole.file.size() <= wire.size());
}

}  // namespace
}  // namespace creel::s3

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  creel::s3::fuzz_one({data, size});
  return 0;
}
