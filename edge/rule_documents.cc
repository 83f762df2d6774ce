#include "edge/rule_documents.h"

#include <algorithm>

#include "platform/cpu/hash.h"

namespace creel::edge {
namespace {

bool lacks_key(const filters::RuleSet& rules) {
  return std::any_of(rules.rules().begin(), rules.rules().end(),
                     [](const auto& rule) { return rule->key_missing; });
}

}  // namespace

Result<Rules> compile_rules(std::string_view document, const filters::KeyLoader& keys,
                            filters::RuleOptions options) {
  const std::size_t first = document.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos)
    return fail(ErrorCode::kInvalid, "the document is empty; DELETE takes a filter away");
  if (document[first] == '{') return filters::RuleSet::parse_json(document, keys, options);
  return filters::RuleSet::parse_toml(document, keys, options);
}

Result<Unit> FilterCheck::check(std::string_view document) {
  TRY_DO(compile_rules(document, keys_, filters::RuleOptions{}));
  return Unit{};
}

Result<Rules> RuleCache::get(std::string_view document) {
  const Digest digest = Sha256::of(as_bytes(document));
  const auto known = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.digest == digest; });
  if (known != entries_.end()) {
    std::rotate(known, known + 1, entries_.end());
    return entries_.back().rules;
  }
  filters::RuleOptions options;
  options.keys_required = false;  // Its rule holds every object then; the others go on.
  options.run_tests = false;      // They passed when the document was put.
  TRY(rules, compile_rules(document, keys_, options));
  if (lacks_key(*rules)) return rules;
  if (entries_.size() == kSetsMax) entries_.erase(entries_.begin());
  entries_.push_back({digest, rules});
  return rules;
}

}  // namespace creel::edge
