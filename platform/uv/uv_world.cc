#include "platform/uv/uv_world.h"

#include <signal.h>
#include <sys/resource.h>
#include <uv.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "platform/async/scope.h"
#include "platform/uv/job_threads.h"
#include "platform/uv/uv_clock.h"
#include "platform/uv/uv_disk.h"
#include "platform/uv/uv_executor.h"
#include "platform/uv/uv_network.h"
#include "platform/uv/uv_offload.h"
#include "platform/uv/uv_random.h"

namespace creel {

namespace {

struct SignalWatch {
  uv_signal_t handle;
  std::function<void()> callback;
};

// A connection is a descriptor: takes as many as the system lets us have without asking.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// An initialised uv_loop_t; its handles are closed by then.
struct RawLoop {
  uv_loop_t loop;
  int status;
  RawLoop() : status(uv_loop_init(&loop)) {}
  ~RawLoop() {
    if (status != 0) return;
    uv_run(&loop, UV_RUN_DEFAULT);  // Runs the close callbacks.
    check(uv_loop_close(&loop) == 0);
  }
};

unsigned offload_threads(unsigned wanted) {
  if (wanted > 0) return wanted;
  return std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
}

}  // namespace

// A turn: poll (edges, completions) → check: clock, timers, coroutines → prepare: the same for what
// came up since, then sleep no longer than until the next timer.
struct UvWorld::Loop {
  Loop(std::unique_ptr<RawLoop> made, UvOptions given)
      : raw(std::move(made)),
        options(std::move(given)),
        executor(raw->loop),
        clock(raw->loop),
        completions(raw->loop, executor),
        disk(std::in_place, completions, options.io_threads),
        offload(std::in_place, completions, offload_threads(options.offload_threads)),
        poller(raw->loop),
        network(std::in_place, poller, executor, clock, completions, options),
        platform{executor, clock, *network, *disk, random, *offload} {
    before_poll.data = after_poll.data = this;
    check(uv_prepare_init(&raw->loop, &before_poll) == 0);
    check(uv_check_init(&raw->loop, &after_poll) == 0);
    const auto prepare = [](uv_prepare_t* handle) {
      auto& self = *static_cast<Loop*>(handle->data);
      self.turn();
      self.clock.schedule_wakeup();
    };
    check(uv_prepare_start(&before_poll, prepare) == 0);
    const auto after = [](uv_check_t* handle) { static_cast<Loop*>(handle->data)->turn(); };
    check(uv_check_start(&after_poll, after) == 0);
  }

  ~Loop() {
    // Threads end first: what they finished is looked at before their owners and the handle go.
    network->stop();
    offload.reset();
    disk.reset();
    completions.close();
    network.reset();
    poller.close();
    clock.close();
    executor.close();
    for (auto& [number, watch] : signals) close_handle(watch->handle);
    close_handle(before_poll);
    close_handle(after_poll);
    uv_run(&raw->loop, UV_RUN_DEFAULT);
  }

  template <class Handle>
  static void close_handle(Handle& handle) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
  }

  void turn() {
    clock.begin_turn();
    executor.drain();
    if (is_done != nullptr && (*is_done)()) uv_stop(&raw->loop);
  }

  std::unique_ptr<RawLoop> raw;
  const UvOptions options;
  UvExecutor executor;
  UvClock clock;
  UvRandom random;
  Completions completions;
  std::optional<UvDisk> disk;
  std::optional<UvOffload> offload;
  Poller poller;
  std::optional<UvNetwork> network;
  Platform platform;
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  std::map<int, std::unique_ptr<SignalWatch>> signals;
  const std::function<bool()>* is_done = nullptr;
};

Result<std::unique_ptr<UvWorld>> UvWorld::make(UvOptions options) {
  // A closed peer or a file size limit is an error of the call, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  raise_descriptor_limit();
  auto raw = std::make_unique<RawLoop>();
  if (raw->status != 0)
    return fail(ErrorCode::kUnavailable, std::string("event loop: ") + uv_strerror(raw->status));
  auto loop = std::make_unique<Loop>(std::move(raw), std::move(options));
  return std::unique_ptr<UvWorld>(new UvWorld(std::move(loop)));
}

UvWorld::UvWorld(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
UvWorld::~UvWorld() = default;

Platform& UvWorld::platform() { return loop_->platform; }

void UvWorld::run(Task<void> task) {
  Ctx root(loop_->executor, loop_->clock);
  Scope scope(root);
  scope.spawn(std::move(task));
  run_until([&scope] { return scope.running() == 0; });
}

void UvWorld::run_until(const std::function<bool()>& done) {
  check(loop_->is_done == nullptr);  // Not from inside the loop.
  if (done()) return;
  loop_->is_done = &done;
  uv_run(&loop_->raw->loop, UV_RUN_DEFAULT);
  loop_->is_done = nullptr;
}

void UvWorld::on_signal(int signal_number, std::function<void()> callback) {
  std::unique_ptr<SignalWatch>& watch = loop_->signals[signal_number];
  if (watch) {
    watch->callback = std::move(callback);
    return;
  }
  watch = std::make_unique<SignalWatch>();
  watch->callback = std::move(callback);
  watch->handle.data = watch.get();
  check(uv_signal_init(&loop_->raw->loop, &watch->handle) == 0);
  const auto call = [](uv_signal_t* handle, int) {
    static_cast<SignalWatch*>(handle->data)->callback();
  };
  check(uv_signal_start(&watch->handle, call, signal_number) == 0);
}

Result<Unit> UvWorld::reload_tls(Listener& listener, const TlsSettings& settings) {
  return static_cast<UvListener&>(listener).reload(settings);
}

std::uint64_t UvWorld::tls_failures() const { return loop_->network->tls_failures(); }

}  // namespace creel
