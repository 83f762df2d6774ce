#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "platform/codec/json.h"
#include "s3/access/actions.h"
#include "s3/access/pattern.h"
#include "s3/wire/error.h"

namespace creel::s3 {

struct OperatorInfo;  // A row of the table in condition.cc.

// One key of one operator: all conditions of a statement must hold.
struct Condition {
  enum class Each : std::uint8_t { kOne, kAll, kAny };  // ForAllValues:, ForAnyValue:
  const OperatorInfo* op = nullptr;
  Each each = Each::kOne;
  bool if_exists = false;
  std::string key;                  // Lower case.
  std::vector<std::string> values;  // Patterns for text, else as written.
};

// The value of "Condition". Errors: MalformedPolicy, with AWS's words for an unknown operator, an
// unknown key and an address that is none.
S3Result<std::vector<Condition>> parse_conditions(JsonValue block, bool variables);

// Which actions have the key: KeyGroup; kEveryRequest for all others.
std::uint8_t key_group(std::string_view key);

bool condition_holds(const Condition& condition, Matching& matching);

// Whether it ties a statement to places that its author named (AWS's rule for "public").
bool is_fixed_source(const Condition& condition);

}  // namespace creel::s3
