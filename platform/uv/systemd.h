#pragma once
#include <optional>
#include <string_view>

#include "platform/base/result.h"
#include "platform/base/units.h"

// sd_notify(3) without libsystemd: one datagram to the socket that the service manager named.
namespace creel::systemd {

// "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…"; several separated by newlines. ok(false): no
// service manager asked to be told. Never blocks. Errors: kInvalid (a bad socket name), and what
// the send gave.
Result<bool> notify(std::string_view state);

// How often the service manager expects "WATCHDOG=1" at the latest (send at half of it); nullopt if
// it does not, or if another process is meant.
std::optional<Duration> watchdog_interval();

}  // namespace creel::systemd
