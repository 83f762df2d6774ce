// What happens on the wire: sending, delay, delivery, resets.
#include "platform/sim/connection.h"

#include <algorithm>

#include "platform/base/check.h"
#include "platform/sim/network.h"
#include "platform/sim/world.h"

namespace creel {

void SimPipe::fire() { connection->network->deliver(*this); }

void SimNetwork::send(SimConnection& connection, int from, SimPipe::What what, Bytes data) {
  SimPipe& pipe = connection.pipes[from];
  SimLink& wire = link_of(pipe);
  const std::string& sender = connection.ends[from].node->name();
  const std::string& reader = connection.ends[1 - from].node->name();
  const std::uint64_t bytes = data.size();
  sent_[Pair(sender, reader)] += bytes;
  pipe.held_bytes += bytes;
  const Instant start = std::max(wire.busy_until, world_.now());
  const std::uint64_t rate = std::max<std::uint64_t>(1, wire.bytes_per_second);
  const Duration took{static_cast<std::int64_t>(bytes * 1'000'000'000 / rate)};
  if (bytes > 0) wire.busy_until = start + took;
  Instant due = start + took + draw_delay(sender, reader);
  if (!pipe.flying.empty()) due = std::max(due, pipe.flying.back().due);  // In order.
  if (bytes > 0 && luck(sender).chance(wire.reset_rate)) {
    what = SimPipe::What::kReset;
    reset_end(connection.ends[from]);
  }
  pipe.flying.push_back({due, what, std::move(data)});
  schedule(pipe);
}

void SimNetwork::schedule(SimPipe& pipe) {
  pipe.cancel();
  if (pipe.flying.empty()) return;
  if (!link_of(pipe).cut) {
    pipe.give_up = Instant::never();
    world_.queue().schedule(pipe, std::max(pipe.flying.front().due, world_.now()));
    return;
  }
  if (pipe.give_up == Instant::never()) {
    SimRandom& luck_here = luck(pipe.connection->ends[pipe.from].node->name());
    pipe.give_up = world_.now() + luck_here.between(give_up_min, give_up_max);
  }
  world_.queue().schedule(pipe, std::max(pipe.give_up, world_.now()));
}

void SimNetwork::deliver(SimPipe& pipe) {
  if (pipe.flying.empty()) return;
  if (link_of(pipe).cut) {  // The sender's kernel gives up; the reader never learns of it.
    world_.note(SimWorld::kConnection, 20, pipe.connection->id);
    pipe.flying.clear();
    reset_end(pipe.connection->ends[pipe.from]);
    return;
  }
  SimPipe::Segment segment = std::move(pipe.flying.front());
  pipe.flying.pop_front();
  schedule(pipe);
  world_.note(SimWorld::kDelivery,
              pipe.connection->id * 4 + static_cast<std::uint64_t>(segment.what),
              segment.data.size());
  land(pipe, std::move(segment));
}

void SimNetwork::land(SimPipe& pipe, SimPipe::Segment segment) {
  SimConnection& connection = *pipe.connection;
  SimEnd& reader = connection.ends[1 - pipe.from];
  if (segment.what == SimPipe::What::kReset) {
    pipe.flying.clear();
    reset_end(reader);
    return;
  }
  if (reader.reset || reader.released) {  // Nobody home: say so, once.
    pipe.held_bytes -= segment.data.size();
    if (!connection.ends[pipe.from].reset && segment.what == SimPipe::What::kData)
      send(connection, 1 - pipe.from, SimPipe::What::kReset, Bytes());
    return;
  }
  if (segment.what == SimPipe::What::kFin) reader.fin_seen = true;
  reader.inbox_bytes += segment.data.size();
  if (!segment.data.empty()) reader.inbox.push_back(std::move(segment.data));
  reader.readable.notify_all();
}

void SimNetwork::consumed(SimConnection& connection, int reader, std::uint64_t bytes) {
  SimPipe& pipe = connection.pipes[1 - reader];
  check(pipe.held_bytes >= bytes);
  pipe.held_bytes -= bytes;
  connection.ends[1 - reader].writable.notify_all();
}

void SimNetwork::reset_end(SimEnd& end) {
  end.reset = true;
  end.inbox.clear();
  end.inbox_bytes = 0;
  end.readable.notify_all();
  end.writable.notify_all();
}

void SimNetwork::release(SimConnection& connection, int side) {
  SimEnd& end = connection.ends[side];
  end.released = true;
  end.closed = !end.life->dead;
  if (!end.reset && !end.life->dead) {
    const bool unread = end.inbox_bytes > 0 || !connection.pipes[1 - side].flying.empty();
    if (unread) send(connection, side, SimPipe::What::kReset, Bytes());
    else if (!end.fin_sent) send(connection, side, SimPipe::What::kFin, Bytes());
    end.fin_sent = true;
  }
  sweep(connection);
}

void SimNetwork::sweep(SimConnection& connection) {
  if (connection.ends[0].released && connection.ends[1].released) connections_.erase(connection.id);
}

}  // namespace creel
