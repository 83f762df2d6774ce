#pragma once
#include <vector>

#include "platform/network.h"
#include "platform/uv/job_threads.h"
#include "platform/uv/socket.h"

namespace creel {

// Names to addresses with the system's getaddrinfo, which blocks: on threads of its own, so that a
// dead name server holds up nothing but other names. Literals never leave the loop.
class Resolver {
 public:
  Resolver(Completions& completions, unsigned threads);
  // 1 to kAddressesMax addresses. `passive`: to listen on. Errors: kInvalid (a name over 255 bytes
  // or with a zero byte), kUnavailable (no such name, or too many questions under way), kStopped,
  // kTimeout: the question then goes on unheard.
  Task<Result<std::vector<SocketAddress>>> resolve(Ctx& ctx, Address address, bool passive);
  void stop() { threads_.stop(); }

 private:
  static constexpr unsigned kQuestionsMax = 64;
  static constexpr std::size_t kAddressesMax = 8;
  struct Question;
  JobThreads threads_;
  unsigned questions_ = 0;
};

}  // namespace creel
