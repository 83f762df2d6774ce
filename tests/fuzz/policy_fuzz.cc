// A policy from outside: nothing may crash, and what is accepted must be decided for every caller,
// with a bound on the work.
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "s3/access/policy.h"

namespace creel::s3 {
namespace {

struct Echo final : RequestFacts {
  explicit Echo(std::string_view text) : text(text) {}
  bool find(std::string_view key, std::vector<std::string>& values) const override {
    if (key == "aws:sourceip") values.emplace_back("192.0.2.1");
    else if (key.size() % 3 == 0) return false;
    else values.emplace_back(text);
    return true;
  }
  std::string_view text;
};

void fuzz_one(std::string_view text) {
  for (const bool identity : {false, true}) {
    const S3Result<Policy> policy =
        identity ? parse_identity_policy(text) : parse_bucket_policy(text, "bucket", nullptr);
    if (!policy.ok()) {
      check(policy.error().status() == 400 && !policy.error().message.empty());
      continue;
    }
    check(!policy.value().statements.empty());
    (void)is_public(policy.value());
    const Echo facts(text);
    for (const Caller caller : {Caller{}, Caller{"alice", {}}, Caller{"alice", "ann"}}) {
      Matching matching(facts);
      PolicyQuestion question{caller, "s3:GetObject", "arn:aws:s3:::bucket/key"};
      question.identity = identity;
      const Verdict verdict = evaluate(policy.value(), question, matching);
      check((verdict.kind == Verdict::Kind::kSilent) == (verdict.statement == nullptr));
    }
  }
}

}  // namespace
}  // namespace creel::s3

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  creel::s3::fuzz_one(creel::as_text({data, size}));
  return 0;
}
