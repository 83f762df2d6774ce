#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace creel::s3 {

// What a policy may ask of a request: condition keys and their values. Implemented where requests
// are known. Nothing of it may come from a header unless the key says so.
class RequestFacts {
 public:
  // Appends the values of `key` (lower case, "aws:sourceip"); false: the request has no such key.
  virtual bool find(std::string_view key, std::vector<std::string>& values) const = 0;

 protected:
  ~RequestFacts() = default;
};

// One decision under way. Steps bound the work that stored policies can cause: once they are spent,
// nothing matches any more and `spent()` tells the caller to refuse.
class Matching {
 public:
  static constexpr std::uint32_t kStepsMax = 4'000'000;
  explicit Matching(const RequestFacts& facts) : facts_(facts) {}
  const RequestFacts& facts() const { return facts_; }
  bool step() {
    if (steps_ == kStepsMax) return false;
    ++steps_;
    return true;
  }
  bool spent() const { return steps_ >= kStepsMax; }

 private:
  const RequestFacts& facts_;
  std::uint32_t steps_ = 0;
};

// Policy text made ready for matching: wildcards and variables become bytes that no UTF-8 text
// holds, and ${*}, ${?}, ${$} plain characters. `variables`: the policy is of 2012-10-17.
struct PatternRules {
  bool wildcards = true;
  bool variables = true;
};
// nullopt: a variable without end or name.
std::optional<std::string> compile_pattern(std::string_view text, PatternRules rules);
bool is_fixed(std::string_view pattern);  // Neither wildcards nor variables.

// Whether the whole text matches. A variable the request has no single value for matches nothing.
bool pattern_matches(std::string_view pattern, std::string_view text, Matching& matching,
                     bool ignore_case = false);

}  // namespace creel::s3
