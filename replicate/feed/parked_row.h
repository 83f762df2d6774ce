#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace creel::replicate {

// Reason of a parked operation that was asked for again and is on its way.
inline constexpr std::string_view kReasonRetry = "Retry";
inline constexpr std::string_view kReasonEncrypted = "Encrypted";

struct ParkedOperation {
  std::uint64_t lsn = 0;
  std::string bucket, key, reason, detail;  // bucket and key: empty if too long for their row.
  std::int64_t time_ms = 0;
};
// The value of a row of Table::kPark. Errors: kCorrupt.
Result<ParkedOperation> parse_parked(std::uint64_t lsn, std::string_view value);

}  // namespace creel::replicate
