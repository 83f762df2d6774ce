// Runs one object through every rule of a fixed set, whole and in two pieces; both must agree and
// conserve rows.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/eval/record_filter.h"
#include "filters/language/rule_set.h"
#include "platform/base/check.h"

namespace creel::filters::fuzz {

class FuzzKeys final : public KeyLoader {
 public:
  Result<Bytes> load(std::string_view) const override { return Bytes(32, 1); }
};

struct Ran {
  std::string out;
  std::string dead;
  bool held;
};

inline Ran run_once(const Rule& rule, const ObjectInfo& object, std::string_view data,
                    std::size_t cut) {
  const auto filter = RecordFilter::make(rule, object);
  bool fine = filter->push(as_bytes(data.substr(0, cut))).ok() &&
              filter->push(as_bytes(data.substr(cut))).ok() && filter->finish().ok();
  const Counters& c = filter->counters();
  if (fine && !filter->sends_raw()) check(c.rows == c.kept + c.dropped + c.dead);
  Ran ran{to_string(filter->take_output()), to_string(filter->take_dead_letters()), !fine};
  check(fine || (ran.out.empty() && ran.dead.empty()));
  return ran;
}

inline void run_all(const RuleSet& set, const char* key, const std::uint8_t* data,
                    std::size_t size) {
  const std::string_view text = as_text({data, size});
  ObjectInfo object;
  object.key = key;
  for (const auto& rule : set.rules()) {
    const Ran whole = run_once(*rule, object, text, size);
    const Ran pieces = run_once(*rule, object, text, size == 0 ? 0 : data[0] * size / 256);
    check(whole.out == pieces.out && whole.dead == pieces.dead && whole.held == pieces.held);
  }
}

}  // namespace creel::filters::fuzz
