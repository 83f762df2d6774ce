#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "platform/network.h"
#include "platform/sim/connection.h"
#include "platform/sim/random.h"

namespace creel {

class SimListener;
class SimNode;
class SimWorld;

// How bytes fare from one machine to another; each direction has its own.
struct SimLink {
  Duration latency = 500_us;
  Duration jitter = 200_us;                          // Up to this much more, drawn a segment.
  std::uint64_t bytes_per_second = 100 * MiB;        // Shared by all connections of the link.
  std::uint64_t buffer_bytes = 256 * KiB;            // A connection's; past it write() waits.
  double reset_rate = 0;                             // A segment tears the connection down.
  bool cut = false;                                  // Use SimNetwork::cut().
  Instant busy_until;                                // Not a setting.
};

enum class SimWays { kBoth, kOneWay };

// All wires of a world. Hosts are node names; "localhost", "127.0.0.1" and "::1" are oneself. TLS
// is not done: it only needs both sides to want it, and carries each node's identity.
class SimNetwork {
 public:
  explicit SimNetwork(SimWorld& world);
  ~SimNetwork();

  // --- for tests ---
  SimLink& link(std::string_view from, std::string_view to);  // One direction; lives on.
  SimLink defaults;  // Of links not used yet.
  double reset_on_heal = 0.3;            // Chance that a connection does not outlive a cut.
  Duration give_up_min = 15_s;           // A kernel with data it cannot send gives up in
  Duration give_up_max = 60_s;           // between: kClosed.
  int connect_tries = 6;                 // After 1, 2, 4 … s each; then kTimeout.

  // Data on the way stays on the way and new connections hang, until healed. kOneWay: from a to b.
  void cut(std::string_view a, std::string_view b, SimWays ways = SimWays::kBoth);
  void heal(std::string_view a, std::string_view b, SimWays ways = SimWays::kBoth);
  void isolate(std::string_view node);  // From all others, both ways.
  void heal_all();
  bool is_cut(std::string_view from, std::string_view to);
  void reset(std::string_view a, std::string_view b);  // Every connection between the two, now.
  void slow(std::string_view a, std::string_view b, std::int64_t times);  // Both ways; 1 = default.
  std::uint64_t bytes_sent(std::string_view from, std::string_view to);
  std::size_t connection_count() const { return connections_.size(); }

  // --- for SimNetworkDoor, SimStream, SimPipe and SimNode ---
  SimWorld& world() { return world_; }
  // The listener at an address of a node; null if none.
  SimListener* find_listener(const std::string& node, std::uint16_t port);
  bool add_listener(const std::string& node, std::uint16_t port, SimListener& listener);
  void remove_listener(const std::string& node, std::uint16_t port, const SimListener& listener);
  std::uint16_t free_port(const std::string& node);
  SimConnection& open(SimLife& from, SimLife& to);
  void send(SimConnection& connection, int from, SimPipe::What what, Bytes data);
  void deliver(SimPipe& pipe);
  void consumed(SimConnection& connection, int reader, std::uint64_t bytes);
  void reset_end(SimEnd& end);
  void release(SimConnection& connection, int side);  // Its Stream is gone.
  void forget(SimLife& life);  // Its process is gone.
  Duration draw_delay(const std::string& from, const std::string& to);
  SimRandom& luck(const std::string& node);

 private:
  using Pair = std::pair<std::string, std::string>;
  SimLink& link_of(const SimPipe& pipe);
  void set_cut(const std::string& from, const std::string& to, bool cut);
  void schedule(SimPipe& pipe);
  void land(SimPipe& pipe, SimPipe::Segment segment);
  void sweep(SimConnection& connection);

  SimWorld& world_;
  std::uint64_t ids_ = 0;
  std::map<Pair, SimLink> links_;
  std::map<Pair, std::uint64_t> sent_;
  std::map<std::string, SimRandom> luck_;
  std::map<std::pair<std::string, std::uint16_t>, SimListener*> listeners_;
  std::map<std::uint64_t, std::unique_ptr<SimConnection>> connections_;
};

}  // namespace creel
