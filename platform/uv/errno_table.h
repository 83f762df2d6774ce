#pragma once
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace creel {

// The one table from errno to ErrorCode; the text is "what: reason".
ErrorCode errno_code(int number);
std::string errno_text(int number);
Error errno_error(int number, std::string_view what);

}  // namespace creel
