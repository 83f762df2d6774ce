#pragma once
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "platform/uv/tls_stream.h"
#include "platform/uv/uv_listener.h"

namespace creel {

// Accepts and shakes hands on its own, bounded in number and time, so that a slow or hostile peer
// never holds up accept(). Works by callbacks: everything happens in run(), which edges and timers
// ask for and which never runs inside the poller's batch.
class TlsListener final : public UvListener, Pollee {
 public:
  TlsListener(std::unique_ptr<Socket> socket, Poller& poller, UvExecutor& executor, Clock& clock,
              Address local, std::shared_ptr<const TlsConfig> config, TlsShared& shared,
              const UvOptions& options);
  ~TlsListener() override;
  Task<Result<std::unique_ptr<Stream>>> accept(Ctx& ctx) override;
  Address local() const override { return local_; }
  Result<Unit> reload(const TlsSettings& settings) override;

 private:
  static constexpr std::size_t kDoneMax = 32;
  // A handshake costs milliseconds of the loop; others get their turn in between.
  static constexpr int kStepsPerTurn = 4;
  // With all places taken, one that is older than this makes way for a newcomer.
  static constexpr Duration kPlaceKept = 1_s;

  struct Handshake;
  struct RunTimer final : Timer {
    explicit RunTimer(TlsListener& owner) : self(owner) {}
    void on_fire() override { self.run(); }
    TlsListener& self;
  };

  void on_ready(std::uint32_t) override;
  void ask_for_run(Instant when);
  void run();
  void advance_handshakes();
  void take_connections();
  void make_room();
  bool is_full() const { return handshakes_.size() >= options_.handshakes_max; }
  void give_up(Handshake& handshake, std::string_view why);

  std::unique_ptr<Socket> socket_;
  Poller& poller_;
  UvExecutor& executor_;
  Clock& clock_;
  Address local_;
  std::shared_ptr<const TlsConfig> config_;
  TlsShared& shared_;
  const UvOptions& options_;
  RunTimer run_timer_;
  bool backlog_ = true;  // There may be connections to take.
  int broken_ = 0;       // errno that ended the listener.
  std::vector<std::unique_ptr<Handshake>> handshakes_;  // Oldest first.
  std::deque<std::unique_ptr<TlsStream>> done_;
  Event changed_;
};

}  // namespace creel
