#pragma once
#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "filters/language/rule_set.h"
#include "s3/routes/call.h"

namespace creel::edge {

using Rules = std::shared_ptr<const filters::RuleSet>;

// Compiles a filter document as it was put: JSON if it begins with '{', else TOML. Errors: those of
// RuleSet::parse_toml, with line and column.
Result<Rules> compile_rules(std::string_view document, const filters::KeyLoader& keys,
                            filters::RuleOptions options);

// Judges documents before PutBucketFilter accepts them: every rule compiles, has its key and passes
// its own tests.
class FilterCheck final : public s3::BucketFilters {
 public:
  explicit FilterCheck(const filters::KeyLoader& keys) : keys_(keys) {}
  Result<Unit> check(std::string_view document) override;

 private:
  const filters::KeyLoader& keys_;
};

// Compiled documents by content, at most kSetsMax, the longest unused one goes first. A set that
// lacks a key is not kept, so that a key that comes back is seen with the next object.
class RuleCache {
 public:
  static constexpr std::size_t kSetsMax = 32;
  explicit RuleCache(const filters::KeyLoader& keys) : keys_(keys) {}
  // Errors: kInvalid and others of compile_rules: a stored document this build cannot read.
  Result<Rules> get(std::string_view document);

 private:
  using Digest = std::array<std::uint8_t, 32>;
  struct Entry {
    Digest digest;
    Rules rules;
  };
  const filters::KeyLoader& keys_;
  std::vector<Entry> entries_;  // Most recently used last.
};

}  // namespace creel::edge
