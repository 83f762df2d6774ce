// Any bytes as a rule document, TOML and JSON: parsed, compiled and its canonical form parsed
// again, or refused.
#include <cstddef>
#include <cstdint>

#include "filters/language/rule_set.h"
#include "platform/base/check.h"

namespace {

class FuzzKeys final : public creel::filters::KeyLoader {
 public:
  creel::Result<creel::Bytes> load(std::string_view) const override { return creel::Bytes(32, 1); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using creel::filters::RuleSet;
  if (size > 16 * 1024) return 0;
  const FuzzKeys keys;
  const std::string_view text = creel::as_text({data, size});
  for (const auto& set : {RuleSet::parse_toml(text, keys), RuleSet::parse_json(text, keys)}) {
    if (!set.ok()) continue;
    creel::filters::RuleOptions options;
    options.run_tests = false;
    const std::string canonical = set.value()->canonical_json();
    const auto again = RuleSet::parse_json(canonical, keys, options);
    creel::check(again.ok());
    creel::check(again.value()->canonical_json() == canonical);
    for (const auto& rule : set.value()->rules()) (void)creel::filters::explain(*rule);
    creel::filters::ObjectInfo object;
    object.key = "a/b.csv";
    (void)set.value()->decide(object);
  }
  return 0;
}
