#pragma once
#include <deque>
#include <memory>
#include <optional>

#include "core/drives/shard_store.h"
#include "core/erasure/stripe.h"
#include "platform/async/event.h"

namespace creel::core {

// One shard on its way to one drive. Shared by the blob's writer and the job that feeds the drive:
// a drive that hangs must not hold up the writer, so either may end first.
struct SlotWrite {
  enum class State : std::uint8_t { kOpen, kSealed, kFailed };

  BlobId blob;
  Layout layout;
  unsigned slot = 0;
  bool replace = false;
  std::uint64_t bytes_hint = 0;
  std::shared_ptr<ShardStore> store;
  std::shared_ptr<Event> progress;  // Of the writer: told of each step.

  std::deque<std::shared_ptr<const Stripe>> queue;
  Event fed;
  bool ended = false;      // Nothing more will be queued.
  bool abandoned = false;  // Nobody wants it: what is there goes.
  State state = State::kOpen;
  std::optional<Error> error;

  void feed(std::shared_ptr<const Stripe> stripe) {
    queue.push_back(std::move(stripe));
    fed.notify_all();
  }
  void end() {
    ended = true;
    fed.notify_all();
  }
  void abandon() {
    abandoned = true;
    queue.clear();
    fed.notify_all();
  }
};

// Feeds the drive until the write is sealed, failed or abandoned.
Task<void> write_slot(Ctx& ctx, std::shared_ptr<SlotWrite> write);

}  // namespace creel::core
