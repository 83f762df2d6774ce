#pragma once
#include <optional>
#include <string>

namespace creel {

// An environment variable; nullopt if absent. The only door to getenv. Call it from one thread.
std::optional<std::string> env(const char* name);

}  // namespace creel
