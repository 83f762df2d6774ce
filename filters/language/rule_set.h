#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/language/rule.h"
#include "platform/base/result.h"

namespace creel::filters {

// Reads the bytes behind `file:PATH` or `env:NAME`. The caller knows files and environment;
// filters/ does not.
class KeyLoader {
 public:
  // Errors: kNotFound, kDenied (a key file others can read), kIo. The text never holds key bytes.
  virtual Result<Bytes> load(std::string_view reference) const = 0;

 protected:
  ~KeyLoader() = default;
};

struct RuleOptions {
  // When a set is accepted, a key that cannot be read is an error. When a stored set is loaded
  // again, its rule holds every object instead: a lost key must not stop the others, nor let raw
  // data out.
  bool keys_required = true;
  bool run_tests = true;
};

struct Decision {
  Action action = Action::kReplicate;
  const Rule* rule = nullptr;  // Null: the default decided.
  bool match_failed = false;  // Held because `match` failed on this object.
};

// All rules of a bucket, compiled. Immutable; shared as shared_ptr<const RuleSet>.
class RuleSet {
 public:
  static constexpr std::size_t kBytesMax = 256 * 1024;
  static constexpr std::size_t kRulesMax = 64;

  // Errors: kInvalid, kTooLarge, kUnsupported: "rule 'pos', line 7, column 12: …"; kUnavailable: a
  // key.
  static Result<std::shared_ptr<const RuleSet>> parse_toml(std::string_view toml,
                                                           const KeyLoader& keys,
                                                           RuleOptions options = {});
  // The same shape as JSON: {"default": …, "rule": […]}. Places are those inside the statement.
  static Result<std::shared_ptr<const RuleSet>> parse_json(std::string_view json,
                                                           const KeyLoader& keys,
                                                           RuleOptions options = {});

  // The first rule that names the target and matches the object.
  Decision decide(const ObjectInfo& object, std::string_view target = {}) const;

  const std::vector<std::unique_ptr<Rule>>& rules() const { return rules_; }
  const Rule* find(std::string_view name) const;
  Action default_action() const { return default_; }
  // {"default":…,"rule":[…]} canonical: what goes over the wire and into the log.
  std::string canonical_json() const;

 private:
  friend class RuleSetLoader;
  std::vector<std::unique_ptr<Rule>> rules_{};
  Action default_ = Action::kReplicate;
};

// What a rule compiles to, for people: stages, columns read, operations, automaton sizes, warnings.
std::string explain(const Rule& rule);

}  // namespace creel::filters
