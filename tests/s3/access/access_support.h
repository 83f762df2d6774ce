// Requests for policies under test.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "platform/base/text.h"
#include "s3/access/policy.h"

namespace creel::s3::test {

struct MapFacts final : RequestFacts {
  std::map<std::string, std::vector<std::string>, std::less<>> values;
  bool find(std::string_view key, std::vector<std::string>& out) const override {
    const auto found = values.find(key);
    if (found == values.end()) return false;
    out.insert(out.end(), found->second.begin(), found->second.end());
    return true;
  }
};

struct Ask {
  Caller caller{"alice", {}};
  std::string action = "s3:GetObject";
  std::string resource = "arn:aws:s3:::bucket/key";
  MapFacts facts;
};

inline Verdict::Kind judge(const Policy& policy, const Ask& ask, bool identity = false) {
  Matching matching(ask.facts);
  PolicyQuestion question{ask.caller, ask.action, ask.resource};
  question.identity = identity;
  return evaluate(policy, question, matching).kind;
}

// A statement with one condition block: {"Effect":"Allow",…,"Condition":…}.
inline std::string with_condition(std::string_view condition,
                                  std::string_view action = "s3:GetObject",
                                  std::string_view resource = "arn:aws:s3:::bucket/*") {
  return cat(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":")",
             action, R"(","Resource":")", resource, R"(","Condition":)", condition, "}]}");
}

}  // namespace creel::s3::test
