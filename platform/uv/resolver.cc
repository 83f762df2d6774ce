#include "platform/uv/resolver.h"

#include <netdb.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"

namespace creel {

// Outlives an asker that stopped waiting: then it frees itself when the thread is done.
struct Resolver::Question final : Job {
  Question(Resolver& owner, Address asked, bool for_listening)
      : resolver(owner), address(std::move(asked)), passive(for_listening) {}

  void work() override {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = (passive ? AI_PASSIVE : AI_ADDRCONFIG) | AI_NUMERICSERV;
    const std::string port = cat(unsigned{address.port});
    addrinfo* first = nullptr;
    failed = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &first);
    failed_errno = errno;
    for (addrinfo* at = failed == 0 ? first : nullptr;
         at != nullptr && found.size() < kAddressesMax; at = at->ai_next) {
      if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
      SocketAddress& added = found.emplace_back();
      std::memcpy(&added.raw, at->ai_addr, at->ai_addrlen);
      added.length = at->ai_addrlen;
    }
    if (failed == 0) freeaddrinfo(first);
  }

  void on_done(Executor&) override {
    --resolver.questions_;
    answered = true;
    if (abandoned) delete this;
    else done.notify_all();
  }

  Result<std::vector<SocketAddress>> answer() {
    if (failed == 0 && !found.empty()) return std::move(found);
    const std::string why = failed == EAI_SYSTEM ? errno_text(failed_errno)
                            : failed != 0        ? std::string(gai_strerror(failed))
                                                 : std::string("no address");
    return fail(ErrorCode::kUnavailable, cat("resolve ", address.host, ": ", why));
  }

  Resolver& resolver;
  const Address address;
  const bool passive;
  int failed = 0;
  int failed_errno = 0;
  std::vector<SocketAddress> found;
  bool answered = false;   // From here on: loop only.
  bool abandoned = false;
  Event done;
};

namespace {
// Frees an answered question, leaves an open one to free itself.
struct LetGo {
  template <class Question>
  void operator()(Question* question) const {
    if (question->answered) delete question;
    else question->abandoned = true;
  }
};
}  // namespace

Resolver::Resolver(Completions& completions, unsigned threads)
    : threads_(completions, threads, "creel-resolver") {}

Task<Result<std::vector<SocketAddress>>> Resolver::resolve(Ctx& ctx, Address address,
                                                           bool passive) {
  if (const std::optional<SocketAddress> literal = literal_address(address)) {
    std::vector<SocketAddress> one(1, *literal);
    co_return std::move(one);
  }
  // libuv and C libraries have cut or overrun such names (CVE-2024-24806).
  if (address.host.empty() || address.host.size() > 255 ||
      address.host.find('\0') != std::string::npos)
    co_return fail(ErrorCode::kInvalid, cat("a host name of ", address.host.size(),
                                            " bytes, or with a zero byte; 1 to 255 are allowed"));
  if (questions_ >= kQuestionsMax)
    co_return fail(ErrorCode::kUnavailable, "too many names are being resolved");
  ++questions_;
  std::unique_ptr<Question, LetGo> question(new Question(*this, std::move(address), passive));
  threads_.push(*question);
  while (!question->answered) CO_DO(co_await question->done.wait(ctx));
  co_return question->answer();
}

}  // namespace creel
