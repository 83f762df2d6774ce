#pragma once
#include <cstdint>
#include <deque>
#include <string>

#include "platform/async/event.h"
#include "platform/base/bytes.h"
#include "platform/sim/queue.h"

namespace creel {

class SimNetwork;
struct SimConnection;
struct SimLife;
class SimNode;

// One direction of a connection: what the sender's kernel took and the reader has not read yet.
struct SimPipe final : SimEvent {
  enum class What : unsigned char { kData, kFin, kReset };
  struct Segment {
    Instant due;
    What what;
    Bytes data;
  };
  void fire() override;

  SimConnection* connection = nullptr;
  int from = 0;  // The sender's side; the other one reads.
  std::deque<Segment> flying;
  std::uint64_t held_bytes = 0;  // Flying and in the reader's inbox: bounded by the link's buffer.
  Instant give_up = Instant::never();  // While the link is cut: when the sender's kernel gives up.
};

// One side: a Stream's half of the connection.
struct SimEnd {
  SimLife* life = nullptr;
  SimNode* node = nullptr;
  std::deque<Bytes> inbox;
  std::uint64_t inbox_bytes = 0;
  bool fin_seen = false;  // The peer said that no more comes.
  bool fin_sent = false;
  bool reset = false;  // Every call ends with kClosed.
  bool released = false;  // Its Stream is gone.
  bool closed = false;  // By its living process: what it sent still arrives.
  Event readable;
  Event writable;
};

struct SimConnection {
  std::uint64_t id = 0;
  SimNetwork* network = nullptr;
  SimEnd ends[2];  // 0 connected, 1 accepted.
  SimPipe pipes[2];  // By the sender's side.
};

}  // namespace creel
