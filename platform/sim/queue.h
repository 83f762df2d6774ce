#pragma once
#include <cstdint>
#include <map>
#include <utility>

#include "platform/base/units.h"

namespace creel {

class SimQueue;

// Something that happens at a moment of virtual time. Lives wherever its owner likes, also in a
// coroutine frame, and leaves the queue when destroyed.
class SimEvent {
 public:
  SimEvent() = default;
  SimEvent(const SimEvent&) = delete;
  SimEvent& operator=(const SimEvent&) = delete;
  virtual void fire() = 0;  // Posts or sets state; never resumes a coroutine.
  bool scheduled() const { return queue_ != nullptr; }
  void cancel();

 protected:
  ~SimEvent() { cancel(); }

 private:
  friend class SimQueue;
  SimQueue* queue_ = nullptr;
  std::pair<std::int64_t, std::uint64_t> key_;
};

// The one queue of a world, ordered by (time, seq).
class SimQueue {
 public:
  void schedule(SimEvent& event, Instant at);  // Moves an event that was scheduled already.
  bool empty() const { return events_.empty(); }
  Instant next_time() const { return {events_.begin()->first.first}; }
  SimEvent& pop();

 private:
  friend class SimEvent;
  std::map<std::pair<std::int64_t, std::uint64_t>, SimEvent*> events_;
  std::uint64_t seq_ = 0;
};

inline void SimEvent::cancel() {
  if (queue_ != nullptr) queue_->events_.erase(key_);
  queue_ = nullptr;
}

inline void SimQueue::schedule(SimEvent& event, Instant at) {
  event.cancel();
  event.queue_ = this;
  event.key_ = {at.ns, ++seq_};
  events_.emplace(event.key_, &event);
}

inline SimEvent& SimQueue::pop() {
  SimEvent& event = *events_.begin()->second;
  event.cancel();
  return event;
}

}  // namespace creel
