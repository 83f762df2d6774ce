#include "platform/sim/network.h"

#include <algorithm>
#include <vector>

#include "platform/base/check.h"
#include "platform/sim/network_door.h"
#include "platform/sim/world.h"

namespace creel {

namespace {
constexpr std::uint16_t kFirstFreePort = 49152;
}  // namespace

SimNetwork::SimNetwork(SimWorld& world) : world_(world) {}
SimNetwork::~SimNetwork() = default;

SimLink& SimNetwork::link(std::string_view from, std::string_view to) {
  Pair pair(from, to);
  auto found = links_.find(pair);
  if (found == links_.end()) found = links_.emplace(std::move(pair), defaults).first;
  return found->second;
}

SimLink& SimNetwork::link_of(const SimPipe& pipe) {
  const SimEnd* ends = pipe.connection->ends;
  return link(ends[pipe.from].node->name(), ends[1 - pipe.from].node->name());
}

SimRandom& SimNetwork::luck(const std::string& node) {
  auto found = luck_.find(node);
  if (found == luck_.end())
    found = luck_.emplace(node, SimRandom(world_.seed(), node, "network")).first;
  return found->second;
}

Duration SimNetwork::draw_delay(const std::string& from, const std::string& to) {
  const SimLink& wire = link(from, to);
  return wire.latency + luck(from).between({0}, wire.jitter);
}

bool SimNetwork::is_cut(std::string_view from, std::string_view to) { return link(from, to).cut; }

void SimNetwork::set_cut(const std::string& from, const std::string& to, bool cut) {
  SimLink& wire = link(from, to);
  if (wire.cut == cut) return;
  wire.cut = cut;
  world_.note(SimWorld::kConnection, cut);
  for (auto& entry : connections_) {
    SimConnection& connection = *entry.second;
    for (SimPipe& pipe : connection.pipes) {
      if (&link_of(pipe) != &wire) continue;
      pipe.give_up = Instant::never();
      const bool whole = !cut && !link(to, from).cut;  // The last way to heal draws, once.
      if (whole && luck(from).chance(reset_on_heal)) {
        for (SimEnd& end : connection.ends) reset_end(end);
        for (SimPipe& both : connection.pipes) both.flying.clear();
      }
      const Instant soonest = world_.now() + wire.latency;
      for (SimPipe::Segment& segment : pipe.flying)
        if (!cut) segment.due = std::max(segment.due, soonest);
      schedule(pipe);
    }
  }
}

void SimNetwork::cut(std::string_view a, std::string_view b, SimWays ways) {
  set_cut(std::string(a), std::string(b), true);
  if (ways == SimWays::kBoth) set_cut(std::string(b), std::string(a), true);
}

void SimNetwork::heal(std::string_view a, std::string_view b, SimWays ways) {
  set_cut(std::string(a), std::string(b), false);
  if (ways == SimWays::kBoth) set_cut(std::string(b), std::string(a), false);
}

void SimNetwork::isolate(std::string_view node) {
  for (auto& entry : world_.nodes())
    if (entry.first != node) cut(node, entry.first);
}

void SimNetwork::heal_all() {
  std::vector<Pair> pairs;
  for (const auto& entry : links_) pairs.push_back(entry.first);
  for (const Pair& pair : pairs) set_cut(pair.first, pair.second, false);
}

void SimNetwork::reset(std::string_view a, std::string_view b) {
  for (auto& entry : connections_) {
    SimEnd* ends = entry.second->ends;
    const std::string& x = ends[0].node->name();
    const std::string& y = ends[1].node->name();
    if (!((x == a && y == b) || (x == b && y == a))) continue;
    for (SimPipe& pipe : entry.second->pipes) pipe.flying.clear();
    for (SimEnd& end : entry.second->ends) reset_end(end);
  }
}

void SimNetwork::slow(std::string_view a, std::string_view b, std::int64_t times) {
  check(times > 0);
  for (SimLink* wire : {&link(a, b), &link(b, a)}) {
    wire->latency = defaults.latency * times;
    wire->jitter = defaults.jitter * times;
    wire->bytes_per_second =
        std::max<std::uint64_t>(1, defaults.bytes_per_second / static_cast<std::uint64_t>(times));
  }
}

std::uint64_t SimNetwork::bytes_sent(std::string_view from, std::string_view to) {
  return sent_[Pair(from, to)];
}

SimListener* SimNetwork::find_listener(const std::string& node, std::uint16_t port) {
  auto found = listeners_.find({node, port});
  return found == listeners_.end() ? nullptr : found->second;
}

bool SimNetwork::add_listener(const std::string& node, std::uint16_t port, SimListener& listener) {
  return listeners_.emplace(std::pair(node, port), &listener).second;
}

void SimNetwork::remove_listener(const std::string& node, std::uint16_t port,
                                 const SimListener& listener) {
  auto found = listeners_.find({node, port});
  if (found != listeners_.end() && found->second == &listener) listeners_.erase(found);
}

std::uint16_t SimNetwork::free_port(const std::string& node) {
  for (std::uint16_t port = kFirstFreePort; port != 0; ++port)
    if (find_listener(node, port) == nullptr) return port;
  check(false);
  return 0;
}

SimConnection& SimNetwork::open(SimLife& from, SimLife& to) {
  auto made = std::make_unique<SimConnection>();
  made->id = ++ids_;
  made->network = this;
  SimLife* lives[] = {&from, &to};
  for (int side = 0; side < 2; ++side) {
    made->ends[side].life = lives[side];
    made->ends[side].node = &lives[side]->node;
    made->pipes[side].connection = made.get();
    made->pipes[side].from = side;
  }
  world_.note(SimWorld::kConnection, 10, made->id);
  return *connections_.emplace(made->id, std::move(made)).first->second;
}

void SimNetwork::forget(SimLife& life) {
  for (auto entry = listeners_.begin(); entry != listeners_.end();) {
    if (&entry->second->life() != &life) {
      ++entry;
      continue;
    }
    SimListener& listener = *entry->second;
    entry = listeners_.erase(entry);
    listener.close();
  }
  std::vector<SimConnection*> all;
  for (auto& entry : connections_) all.push_back(entry.second.get());
  for (SimConnection* connection : all) {
    for (int side = 0; side < 2; ++side) {
      SimEnd& end = connection->ends[side];
      if (end.life != &life || end.reset || end.closed) continue;
      reset_end(end);
      send(*connection, side, SimPipe::What::kReset, Bytes());
    }
  }
}

}  // namespace creel
