#include "platform/sim/world.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "platform/base/check.h"

namespace creel {

SimWorld::SimWorld(std::uint64_t seed)
    : seed_(seed),
      hash_(SimRandom::mix(seed)),
      luck_(seed, "", "scheduler"),
      random_(seed, "", "test"),
      network_(*this) {}

SimWorld::~SimWorld() {
  for (auto& entry : nodes_)
    if (entry.second->alive()) entry.second->end_life();
}

SimNode& SimWorld::add_node(std::string name, SimNodeOptions options) {
  check(!name.empty() && find_node(name) == nullptr);
  auto made = std::make_unique<SimNode>(*this, name, std::move(options));
  return *nodes_.emplace(std::move(name), std::move(made)).first->second;
}

SimNode* SimWorld::find_node(std::string_view name) {
  auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : found->second.get();
}

SimNode& SimWorld::node(std::string_view name) {
  SimNode* found = find_node(name);
  check(found != nullptr);
  return *found;
}

void SimWorld::Script::fire() {
  world.note(kScript);
  const std::function<void()> call = std::move(action);
  world.scripts_.erase(self);  // This object ends here.
  call();
}

void SimWorld::at(Duration delay, std::function<void()> action) {
  scripts_.emplace_back(*this, std::move(action));
  Script& script = scripts_.back();
  script.self = std::prev(scripts_.end());
  schedule(script, delay);
}

void SimWorld::note(std::uint64_t kind, std::uint64_t a, std::uint64_t b) {
  hash_ = SimRandom::mix(hash_ ^ kind);
  hash_ = SimRandom::mix(hash_ ^ static_cast<std::uint64_t>(now_.ns));
  hash_ = SimRandom::mix(hash_ ^ a) + SimRandom::mix(b);
  if (trace_)
    std::fprintf(stderr, "sim %" PRId64 " kind %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", now_.ns,
                 kind, a, b);
}

void SimWorld::count_step() {
  ++steps_;
  if (step_instant_ != now_) steps_here_ = 0;
  step_instant_ = now_;
  if (++steps_here_ <= steps_max_) return;
  std::fprintf(stderr,
               "sim: livelock: %" PRIu64 " steps at %" PRId64 " ns; seed 0x%016" PRIx64 "\n",
               steps_here_, now_.ns, seed_);
  std::abort();
}

bool SimWorld::run_ready_or_due() {
  std::uint64_t choices = !queue_.empty() && queue_.next_time() <= now_ ? 1 : 0;
  const bool due = choices == 1;
  for (auto& entry : nodes_) choices += entry.second->life().executor.has_ready();
  if (choices == 0) return false;
  count_step();
  std::uint64_t pick = choices == 1 ? 0 : luck_.below(choices);
  if (due && pick-- == 0) {
    queue_.pop().fire();
    return true;
  }
  for (auto& entry : nodes_) {
    SimNode& node = *entry.second;
    if (node.life().executor.has_ready() && pick-- == 0) return node.run_one(luck_);
  }
  check(false);
  return false;
}

bool SimWorld::step(Instant until) {
  if (run_ready_or_due()) return true;
  if (queue_.empty() || queue_.next_time() > until) return false;
  now_ = queue_.next_time();
  return run_ready_or_due();
}

void SimWorld::run_for(Duration span) {
  const Instant until = now_ + span;
  while (step(until)) {
  }
  now_ = until;
}

bool SimWorld::run_until(const std::function<bool()>& condition, Duration max) {
  const Instant until = now_ + max;
  while (!condition()) {
    if (step(until)) continue;
    now_ = until;
    return condition();
  }
  return true;
}

}  // namespace creel
