#include "platform/sim/node.h"

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/sim/world.h"

namespace creel {

void SimExecutor::run_one(SimRandom& luck) {
  // Rotating a few places draws among all that wait, and nobody starves.
  for (std::uint64_t turns = luck.below(8); turns > 0; --turns)
    ready_.push_back(ready_.pop_front());
  ready_.pop_front().handle.resume();
}

void SimPause::await_suspend(std::coroutine_handle<> handle) {
  ready_.handle = handle;
  if (!life_.dead) life_.world.schedule(*this, delay_);
}

Task<void> SimOffload::run(Ctx&, OffloadJob& job) {
  SimPause pause(life_, random_.around(cost_));
  co_await pause;
  job.work();
}

namespace {
std::string purpose(std::string_view what, std::uint64_t number) { return cat(what, "/", number); }

// A machine that was on for a while: nobody may compare Instants of two processes.
Instant drawn_origin(SimWorld& world, const std::string& name, std::uint64_t number) {
  SimRandom luck(world.seed(), name, purpose("origin", number));
  return {static_cast<std::int64_t>(1'000'000'000 + luck.below(1'000'000'000'000))};
}
}  // namespace

SimLife::SimLife(SimNode& owner, std::uint64_t count)
    : node(owner),
      world(owner.world()),
      number(count),
      clock(world, drawn_origin(world, owner.name(), count)),
      network(*this, world.network()),
      disk(*this, owner.disk()),
      random(world.seed(), owner.name(), purpose("random", count)),
      offload(*this, owner.options().offload_cost,
              SimRandom(world.seed(), owner.name(), purpose("offload", count))),
      platform{executor, clock, network, disk, random, offload},
      root(executor, clock),
      scope(root) {
  clock.set_skew_ppm(owner.options().skew_ppm);
  clock.set_wall_offset(owner.options().wall_offset);
}

SimLife::~SimLife() { kill(); }

void SimLife::kill() {
  if (dead) return;
  dead = true;
  executor.kill();
  clock.kill();
  scope.abandon();
}

SimNode::SimNode(SimWorld& world, std::string name, SimNodeOptions options)
    : world_(world),
      name_(std::move(name)),
      options_(std::move(options)),
      disk_(world, name_),
      crash_later_(*this) {
  restart();
}

SimNode::~SimNode() = default;

void SimNode::spawn(Task<void> task) {
  check(alive_);
  const bool outer = running_;
  running_ = true;
  life().scope.spawn(std::move(task));
  running_ = outer;
}

bool SimNode::run_one(SimRandom& luck) {
  world_.note(SimWorld::kTask, life_number());
  running_ = true;
  life().executor.run_one(luck);
  running_ = false;
  return true;
}

void SimNode::end_life() {
  life().kill();
  world_.network().forget(life());
  disk_.release_locks(life().number);
  alive_ = false;
}

void SimNode::crash(SimCrash kind) {
  if (!alive_) return;
  if (running_) {
    crash_later_.kind = kind;
    world_.schedule(crash_later_, {0});
    return;
  }
  crash_later_.cancel();
  world_.note(SimWorld::kNode, static_cast<std::uint64_t>(kind), life_number());
  end_life();
  if (kind == SimCrash::kPowerLoss) disk_.lose_unsynced(SimLoss::kDrawn);
  if (kind == SimCrash::kLoseAll) disk_.lose_unsynced(SimLoss::kAll);
  if (kind == SimCrash::kProcess) disk_.settle();
}

void SimNode::restart() {
  check(!alive_);
  lives_.push_back(std::make_unique<SimLife>(*this, lives_.size() + 1));
  alive_ = true;
  world_.note(SimWorld::kNode, 100, life_number());
}

bool SimNode::shutdown(Duration max) {
  check(alive_ && !running_);
  scope().request_stop();
  const std::uint64_t number = life_number();
  const bool ended = world_.run_until(
      [&] { return !alive_ || life_number() != number || scope().running() == 0; }, max);
  if (!ended || !alive_ || life_number() != number) return ended;
  end_life();
  disk_.settle();
  return true;
}

}  // namespace creel
