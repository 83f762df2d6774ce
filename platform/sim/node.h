#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/async/scope.h"
#include "platform/platform.h"
#include "platform/sim/clock.h"
#include "platform/sim/disk.h"
#include "platform/sim/disk_door.h"
#include "platform/sim/network_door.h"
#include "platform/sim/random.h"

namespace creel {

class SimWorld;
class SimNode;

struct SimNodeOptions {
  std::int64_t skew_ppm = 0;      // How much faster than true time its clock runs.
  Duration wall_offset;           // How far its wall clock is ahead.
  Duration offload_cost = 50_us;  // Mean virtual cost of one Offload job.
  // What peers learn as PeerInfo::identity when they talk TLS with it.
  std::optional<std::string> identity;
};

// Runnable coroutines of one process. Once dead it takes no more, so what the crash did not destroy
// (objects a test owns) sleeps for ever instead of running on.
class SimExecutor final : public Executor {
 public:
  void post(Ready& ready) override {
    if (!dead_ && !ready.linked()) ready_.push_back(ready);
  }
  bool has_ready() { return !dead_ && !ready_.empty(); }
  void run_one(SimRandom& luck);
  void kill() { dead_ = true; }

 private:
  bool dead_ = false;
  List<Ready> ready_;
};

// Runs jobs inline, after a virtual cost. The bound of the real pool is not modelled.
class SimOffload final : public Offload {
 public:
  SimOffload(SimLife& life, Duration cost, SimRandom random)
      : life_(life), cost_(cost), random_(random) {}
  Task<void> run(Ctx& ctx, OffloadJob& job) override;

 private:
  SimLife& life_;
  Duration cost_;
  SimRandom random_;
};

// One process of a node, from its start to its end. Kept after a crash, so that what a test still
// holds of it can be destroyed safely.
struct SimLife {
  SimLife(SimNode& owner, std::uint64_t number);
  ~SimLife();
  void kill();

  SimNode& node;
  SimWorld& world;
  std::uint64_t number;
  bool dead = false;
  SimExecutor executor;
  SimClock clock;
  SimNetworkDoor network;
  SimDiskDoor disk;
  SimRandom random;
  SimOffload offload;
  Platform platform;
  Ctx root;
  Scope scope;
};

// A wait in true time that nothing can cut short but the death of its frame.
class [[nodiscard]] SimPause final : SimEvent {
 public:
  SimPause(SimLife& life, Duration delay) : life_(life), delay_(delay) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  void await_resume() const {}

 private:
  void fire() override { life_.executor.post(ready_); }
  SimLife& life_;
  Duration delay_;
  Ready ready_;
};

enum class SimCrash {
  kPowerLoss,  // The disk loses a drawn part of what was not synced.
  kLoseAll,  // The disk loses all that was not synced.
  kProcess,  // kill -9: the page cache survives, locks and connections do not.
};

// One machine: a name, disks that survive, and at most one process at a time.
class SimNode {
 public:
  SimNode(SimWorld& world, std::string name, SimNodeOptions options);
  ~SimNode();

  const std::string& name() const { return name_; }
  SimWorld& world() { return world_; }
  bool alive() const { return alive_; }
  std::uint64_t life_number() const { return lives_.size(); }

  // Of the present process (after a crash, of the last one). Do not keep them across restart().
  Platform& platform() { return life().platform; }
  Ctx& ctx() { return life().scope.ctx(); }
  Scope& scope() { return life().scope; }
  SimClock& clock() { return life().clock; }
  SimLife& life() { return *lives_.back(); }

  SimDisk& disk() { return disk_; }  // The drives themselves: contents, faults, counters.
  SimNodeOptions& options() { return options_; }  // Clock changes take effect at restart().

  // Starts work of this process at once, up to its first suspension. Must be alive.
  void spawn(Task<void> task);
  // Ends the process mid-flight: its frames are destroyed, peers see resets, locks go, and the disk
  // loses what the kind says. From inside one of its own tasks the crash comes after this step.
  // Objects a test made outside spawn() stay, asleep: destroy them before or after, never use them.
  // In a frame declare a Scope after what its children use: it is destroyed first.
  void crash(SimCrash kind = SimCrash::kPowerLoss);
  // A new process: fresh platform(), ctx(), scope(). Must not be alive.
  void restart();
  // Asks everything to stop and waits; true when all ended in time. Then the node is down, with
  // its page cache. On false it still runs.
  bool shutdown(Duration max = 60_s);

 private:
  friend class SimWorld;
  struct CrashLater final : SimEvent {
    explicit CrashLater(SimNode& owner) : self(owner) {}
    void fire() override { self.crash(kind); }
    SimNode& self;
    SimCrash kind = SimCrash::kPowerLoss;
  };
  void end_life();
  bool run_one(SimRandom& luck);

  SimWorld& world_;
  std::string name_;
  SimNodeOptions options_;
  SimDisk disk_;
  bool alive_ = false;
  bool running_ = false;  // One of its coroutines is on the stack.
  CrashLater crash_later_;
  std::vector<std::unique_ptr<SimLife>> lives_;
};

}  // namespace creel
