#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "platform/sim/network.h"
#include "platform/sim/node.h"
#include "platform/sim/queue.h"
#include "platform/sim/random.h"

namespace creel {

// A whole fleet in one process, under virtual time, from one seed: the same seed and the same calls
// give the same run on every machine. One queue ordered by (time, seq); where several things are
// ready the seed draws the next; where nothing is, time jumps to the next event. One thread.
class SimWorld {
 public:
  // What event_hash() is told about; the numbers are part of the hash.
  enum Kind : std::uint64_t {
    kTask = 1,
    kTimer,
    kDisk,
    kDelivery,
    kConnection,
    kNode,
    kScript,
    kUser
  };

  explicit SimWorld(std::uint64_t seed);
  ~SimWorld();  // Ends every node as a crash does.
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // A new machine, running. Its name is its host name. Lives as long as the world.
  SimNode& add_node(std::string name, SimNodeOptions options = {});
  SimNode& node(std::string_view name);  // Must exist.
  SimNode* find_node(std::string_view name);
  std::map<std::string, std::unique_ptr<SimNode>, std::less<>>& nodes() { return nodes_; }

  SimNetwork& network() { return network_; }
  // For workloads and nemeses. Apart from the scheduler's and the nodes' own luck.
  SimRandom& random() { return random_; }
  Instant now() const { return now_; }  // True time since the world began; no node sees it.
  std::uint64_t seed() const { return seed_; }

  // Calls `action` once, `delay` from now, between two steps: crashes, cuts, restarts.
  void at(Duration delay, std::function<void()> action);

  // Runs everything due within `span`, then the time is exactly `span` later.
  void run_for(Duration span);
  // Runs until the condition holds (looked at after each step); false when `max` passed without it.
  bool run_until(const std::function<bool()>& condition, Duration max);
  // Runs one task on a node to its end; nullopt when `max` passed or the node crashed meanwhile.
  template <class T>
  std::optional<T> finish(SimNode& on, Task<T> task, Duration max = 3600_s);

  // Order-sensitive hash of every event so far: equal for equal runs. note() adds to it.
  std::uint64_t event_hash() const { return hash_; }
  void note(std::uint64_t kind, std::uint64_t a = 0, std::uint64_t b = 0);
  std::uint64_t steps() const { return steps_; }
  // Most steps in one instant; past it the run is a livelock and aborts, telling the seed.
  void set_steps_max(std::uint64_t steps) { steps_max_ = steps; }
  // One line an event on stderr.
  void set_trace(bool on) { trace_ = on; }

  SimQueue& queue() { return queue_; }
  void schedule(SimEvent& event, Duration delay) { queue_.schedule(event, now_ + delay); }

 private:
  struct Script final : SimEvent {
    Script(SimWorld& owner, std::function<void()> call) : world(owner), action(std::move(call)) {}
    void fire() override;
    SimWorld& world;
    std::function<void()> action;
    std::list<Script>::iterator self;
  };
  bool step(Instant until);
  bool run_ready_or_due();
  void count_step();

  std::uint64_t seed_;
  Instant now_;
  Instant step_instant_;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_here_ = 0;  // In this instant.
  std::uint64_t steps_max_ = 2'000'000;
  std::uint64_t hash_ = 0;
  bool trace_ = false;
  SimQueue queue_;
  SimRandom luck_;  // Who runs next.
  SimRandom random_;
  std::list<Script> scripts_;
  SimNetwork network_;
  std::map<std::string, std::unique_ptr<SimNode>, std::less<>> nodes_;
};

namespace sim_detail {
template <class T>
Task<void> store_outcome(std::shared_ptr<std::optional<T>> into, Task<T> task) {
  into->emplace(co_await task);
}
}  // namespace sim_detail

template <class T>
std::optional<T> SimWorld::finish(SimNode& on, Task<T> task, Duration max) {
  auto outcome = std::make_shared<std::optional<T>>();  // The frame may outlive this call.
  const std::uint64_t life = on.life_number();
  on.spawn(sim_detail::store_outcome<T>(outcome, std::move(task)));
  run_until([&] { return outcome->has_value() || on.life_number() != life || !on.alive(); }, max);
  return std::move(*outcome);
}

}  // namespace creel
