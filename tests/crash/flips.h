// One byte of a drive at rest is wrong: what is read then is what was put, or an error says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace creel::crash {

// The drive that a workload leaves, `flips` times with one byte of a segment or of the index
// changed, each second time without its index. What is wrong, first; nullopt: nothing.
std::optional<std::string> flip_bytes(const std::string& workload, std::uint64_t seed,
                                      std::uint64_t flips);

}  // namespace creel::crash
