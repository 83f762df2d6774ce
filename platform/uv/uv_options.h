#pragma once
#include <functional>
#include <string_view>

#include "platform/base/units.h"
#include "platform/network.h"

namespace creel {

struct UvOptions {
  unsigned io_threads = 2;       // For files of lane 0; an edge box wants 2, a core 4 a drive.
  unsigned offload_threads = 0;  // 0: one a processor, at most 8.
  unsigned resolver_threads = 2;
  Duration connect_timeout = 10_s;    // Of connect(), on top of the deadline of its Ctx.
  Duration handshake_timeout = 10_s;  // Of TLS, both sides.
  unsigned handshakes_max = 32;       // Under way at once, for each listener.
  bool reuse_port = false;            // SO_REUSEPORT, for several loops on one port.
  bool tls12_only = false;            // Offers and accepts nothing newer. Tests, odd peers.
  // Told on the loop of every TLS handshake that a listener gave up; `why` names no secret.
  std::function<void(const Address& peer, std::string_view why)> on_tls_failure;
};

}  // namespace creel
