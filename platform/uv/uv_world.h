#pragma once
#include <functional>
#include <memory>

#include "platform/async/task.h"
#include "platform/platform.h"
#include "platform/uv/uv_options.h"

namespace creel {

// The real doors on one libuv loop, and the loop itself. Everything is used on the thread that runs
// it. Streams, files, timers and tasks must be gone before the world is.
class UvWorld {
 public:
  // Ignores SIGPIPE and SIGXFSZ in the process and raises its limit of open files. Errors:
  // kUnavailable (the system gave no loop).
  static Result<std::unique_ptr<UvWorld>> make(UvOptions options = {});
  ~UvWorld();
  UvWorld(const UvWorld&) = delete;
  UvWorld& operator=(const UvWorld&) = delete;

  Platform& platform();

  // Turns the loop until the task has ended.
  void run(Task<void> task);
  // Turns the loop until `done`, which is asked after each turn, says so.
  void run_until(const std::function<bool()>& done);

  // Calls back on the loop when the process gets `signal_number`; once per delivery, later ones of
  // the same kind may coalesce. Replaces an earlier callback.
  void on_signal(int signal_number, std::function<void()> callback);

  // New certificates for a listener that this world made: for connections accepted from now on.
  // Errors: kInvalid (named); kUnsupported for a listener without TLS. The old ones then stand.
  Result<Unit> reload_tls(Listener& listener, const TlsSettings& settings);
  std::uint64_t tls_failures() const;  // Handshakes that listeners gave up.

 private:
  struct Loop;
  explicit UvWorld(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace creel
