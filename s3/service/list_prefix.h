#pragma once
#include <optional>
#include <string>

#include "s3/service/object_service.h"

namespace creel::s3 {

// The first name that does not begin with `prefix`; nullopt if there is none (all 0xff).
std::optional<std::string> after_prefix(std::string prefix);
// The common prefix that `key` is hidden behind; empty if it is listed itself.
std::string common_prefix(std::string_view key, const ListArguments& arguments);

}  // namespace creel::s3
