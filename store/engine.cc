#include "store/engine.h"

#include <algorithm>

#include "platform/base/text.h"
#include "store/extents/chunk_writer.h"

namespace creel::store {

Submission::Submission(Executor& executor, Op&& submitted)
    : op(std::move(submitted)),
      bytes(kRecordHeadBytes + op.meta.size() + op.payload.size()),
      executor_(executor) {}

void Submission::answer(Result<Verdict> answered) {
  check(!outcome.has_value());
  unlink();
  outcome.emplace(std::move(answered));
  if (ready_.handle) executor_.post(ready_);
}

Engine::Engine(Platform& platform, Decider& decider, Options options)
    : platform_(platform),
      decider_(decider),
      options_(std::move(options)),
      volume_(platform_, options_),
      log_(volume_),
      log_reader_(volume_),
      bulk_(volume_),
      extents_(volume_),
      ledger_(decider_),
      cleaner_(*this),
      wake_(platform_.executor) {}

Result<Unit> Engine::admit(std::uint64_t bytes) const { return volume_.admit(bytes); }

Result<Unit> Engine::may_submit() const {
  if (stopping_) return fail(ErrorCode::kStopped, "the store is stopping");
  if (volume_.read_only) return fail(ErrorCode::kReadOnly, volume_.reason);
  return Unit{};
}

Result<SpaceToken> Engine::room_for(const Op& op) const {
  if (op.op_class == OpClass::kAlways) return SpaceToken();
  const std::uint64_t bytes = BatchBuilder::batch_bytes(op.meta.size(), op.payload.size());
  return op.payload.empty() ? volume_.take_for_named(bytes) : volume_.take(bytes);
}

Task<Result<Verdict>> Engine::submit(Ctx& ctx, Op op) {
  if (op.payload.size() > options_.inline_bytes_max || op.meta.size() > kMetaBytesMax ||
      BatchBuilder::batch_bytes(op.meta.size(), op.payload.size()) > options_.batch_bytes_max)
    co_return fail(ErrorCode::kTooLarge,
                   cat("operation with ", op.meta.size(), " bytes of meta and ", op.payload.size(),
                       " bytes of payload"));
  CO_DO(may_submit());
  CO_TRY(room, room_for(op));
  Submission mine(platform_.executor, std::move(op));
  mine.room = std::move(room);
  for (;;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    CO_DO(may_submit());
    if (queued_bytes_ == 0 || queued_bytes_ + mine.bytes <= options_.queue_bytes_max) break;
    CO_DO(co_await queue_room_.wait(ctx));
  }
  mine.cells = cell_crcs(mine.op.payload, mine.crc64);
  queue_.push_back(mine);
  queued_bytes_ += mine.bytes;
  wake_.notify();
  co_await mine;  // Ignores stop: once queued, it waits for its batch.
  co_return std::move(*mine.outcome);
}

Task<void> Engine::run(Ctx& ctx) {
  check(!running_ && !stopping_);
  running_ = true;
  struct Stop final : StopHook {
    explicit Stop(Engine& owner) : self(owner) {}
    void on_stop() override { self.wake_.notify(); }
    Engine& self;
  } stop(*this);
  Scope scope(ctx);
  ctx.add(stop);
  log_.start(scope);
  scope.spawn(checkpoint_when_due(scope.ctx()));
  scope.spawn(keep_up(scope.ctx()));
  scope.spawn(check_when_asked(scope.ctx()));
  scope.spawn(scrub_when_due(scope.ctx()));
  scope.spawn(make_images_when_due(scope.ctx()));
  scope.spawn(cleaner_.run(scope.ctx()));
  if (volume_.folders.size() > 1) {
    scope.spawn(bring_back(scope.ctx()));
    scope.spawn(keep_index(scope.ctx()));
  }
  co_await write_batches(ctx, scope);
  stopping_ = true;
  refuse_queue(fail(ErrorCode::kStopped, "the store is stopping"));
  queue_room_.notify_all();
  durable_changed_.notify_all();
  log_.finish();
  scope.request_stop();
  co_await scope.join();
  running_ = false;
}

// Decides what is queued, launches a batch the moment the previous flush returned, until ctx stops
// and everything decided has landed.
Task<void> Engine::write_batches(Ctx& ctx, Scope& scope) {
  for (;;) {
    if (volume_.read_only && !flight_) {
      const Error error = fail(ErrorCode::kReadOnly, volume_.reason);
      drop_undurable(error, error);
      refuse_queue(error);
    }
    if (ctx.stopped()) refuse_queue(fail(ErrorCode::kStopped, "the store is stopping"));
    if (pause_ && !flight_) {
      paused_ = true;
      pause_changed_.notify_all();
      while (pause_) co_await wake_.wait();
      paused_ = false;
      continue;
    }
    if (can_decide()) {
      co_await decide_some(ctx);
      continue;
    }
    if (!flight_ && next_) {
      if (!waits_for_company(ctx)) {
        launch(scope);
        continue;
      }
      if (!delaying_) {
        delaying_ = true;
        scope.spawn(end_commit_delay(scope.ctx()));
      }
    }
    if (ctx.stopped() && !flight_ && !next_) co_return;
    if (!queue_.empty() && !flight_ && !next_ && !volume_.read_only && must_starve()) {
      const Error full = fail(ErrorCode::kNoSpace, volume_.full_text());
      refuse_growth(full);
      co_await starve(ctx, full);
      continue;
    }
    co_await wake_.wait();
  }
}

void Engine::refuse_queue(const Error& error) {
  while (!queue_.empty()) {
    Submission& submission = queue_.front();
    queued_bytes_ -= submission.bytes;
    submission.answer(error);
  }
  queue_room_.notify_all();
}

// The reserve is for those that stay.
void Engine::refuse_growth(const Error& error) {
  queue_.for_each([&](Submission& submission) {
    if (submission.op.op_class != OpClass::kGrow) return;
    queued_bytes_ -= submission.bytes;
    submission.answer(error);
  });
  queue_room_.notify_all();
}

// With little room in the index its checkpoints must stay small, lest one does not fit.
static std::size_t overlay_max(const Volume& volume, std::size_t most) {
  const IndexRoom& index = volume.index_room;
  const std::uint64_t capacity = index.capacity();
  const std::uint64_t left = capacity > index.used_bytes ? capacity - index.used_bytes : 0;
  const std::uint64_t large = std::min<std::uint64_t>(index.used_bytes, most * 8 * KiB);
  if (capacity == 0 || left >= 2 * large || volume.level() < SpaceLevel::kScarce) return most;
  return volume.options.checkpoint_rows;
}

bool Engine::can_decide() {
  if (queue_.empty() || volume_.read_only || must_starve()) return false;
  if (next_) return !next_->closed;
  // Rolling changes the file that a flight writes to; and the overlay has a bound.
  if (flight_ && must_roll(queue_.front())) return false;
  return checkpoint_full_ ||
         active_.size() < overlay_max(volume_, kOverlayMax * options_.checkpoint_rows);
}

// The rest of this segment is for moves, until they have made room for others.
bool Engine::must_starve() {
  if (!volume_.only_moves || queue_.front().moves) return false;
  volume_.only_moves = volume_.spares.size() <= volume_.clean_reserve();
  if (!volume_.only_moves) starved_since_.reset();
  else if (!starved_since_) starved_since_ = platform_.clock.now();
  return volume_.only_moves;
}

bool Engine::must_roll(const Submission& first) const {
  return roll_next_ || BatchBuilder::batch_bytes(first.op.meta.size(), first.op.payload.size()) >
                           log_.room(tail_);
}

Task<void> Engine::decide_some(Ctx& ctx) {
  constexpr int kSlice = 128;  // Then let others run.
  if (!next_) {
    Result<Unit> begun = co_await begin_batch(ctx);
    if (!begun.ok()) {
      if (begun.error().code != ErrorCode::kNoSpace) volume_.stop_writing(begun.error());
      else co_await starve(ctx, begun.error());
      co_return;
    }
  }
  std::vector<const Layer*> below = published();
  if (flight_) below.insert(below.begin(), &flight_->edits);
  StagingRows rows(next_->edits, std::move(below), *base_);
  rows.watch(decider_, next_->changes);
  for (int i = 0; i < kSlice && !queue_.empty() && !must_starve(); ++i)
    if (!decide_one(queue_.front(), rows)) break;
  queue_room_.notify_all();
  // Refused ones wait for the batch too; if it is empty there may be nothing to wait for.
  if (next_->builder.records() == 0 && next_->waiters.empty()) next_.reset();
  if (!queue_.empty() && next_ && !next_->closed) co_await YieldNow(ctx);
}

// What always succeeds waits for the cleaner, whose moves come first, but not for ever.
Task<void> Engine::starve(Ctx& ctx, Error why) {
  constexpr Duration kLongest = 30_s;
  const Instant now = platform_.clock.now();
  if (queue_.empty()) co_return;
  if (!starved_since_ || now - *starved_since_ >= kLongest) {
    refuse_queue(why);
    starved_since_.reset();
    co_return;
  }
  (void)co_await sleep_for(ctx, 50_ms);
}

Task<Result<Unit>> Engine::begin_batch(Ctx& ctx) {
  if (checkpoint_full_ && active_.size() >= kOverlayMax * options_.checkpoint_rows) {
    const Error full = fail(ErrorCode::kNoSpace, "the index cannot be written: its drive is full");
    // What does not grow has as much again, while checkpoints are tried anew.
    if (active_.size() >= 2 * kOverlayMax * options_.checkpoint_rows) co_return full;
    refuse_growth(full);
    if (queue_.empty()) co_return full;
  }
  if (must_roll(queue_.front())) CO_DO(co_await roll(ctx));
  const std::uint64_t limit = std::min<std::uint64_t>(options_.batch_bytes_max, log_.room(tail_));
  next_ = std::make_unique<Batch>(volume_.seed_of(log_.segment()), tail_, limit, next_lsn_);
  next_->last_lsn = {next_lsn_.value - 1};
  next_->opened = platform_.clock.now();
  co_return Unit{};
}

Task<Result<Unit>> Engine::roll(Ctx& ctx) {
  check(!flight_);
  const SegmentInfo old = log_.segment();
  Result<Unit> taken = co_await log_.take(ctx, next_lsn_, next_batch_, volume_.reserve_segments());
  if (!taken.ok() && taken.error().code == ErrorCode::kNoSpace) {
    refuse_growth(taken.error());
    if (queue_.empty()) co_return taken;
    // What makes room may take the last ones, and does not share them.
    const bool moves = queue_.front().moves;
    taken = co_await log_.take(ctx, next_lsn_, next_batch_, moves ? 0 : volume_.clean_reserve());
    volume_.only_moves = moves && taken.ok() && volume_.spares.size() < volume_.clean_reserve();
    if (!taken.ok() && taken.error().code == ErrorCode::kNoSpace && !starved_since_) {
      starved_since_ = platform_.clock.now();
      volume_.changed.notify_all();
    }
  }
  if (!taken.ok()) co_return taken;
  if (!volume_.only_moves) starved_since_.reset();
  // A segment that got no batch is free again.
  if (old.id != 0 && old.first_batch == next_batch_) volume_.release(old);
  roll_next_ = false;
  tail_ = kSegmentHeadBytes;
  durable_place_ = {log_.segment().id, tail_};
  co_return Unit{};
}

// I4: whatever a row names from now on must be here. Nullopt: it is.
std::optional<Error> Engine::judge_edits(const StagingRows& rows) const {
  if (rows.trouble()) return rows.trouble();
  for (const LiveChange& change : rows.changes())
    if (change.bytes > 0 && volume_.find(change.segment, change.generation) == nullptr)
      return fail(ErrorCode::kNotFound, cat("the body is gone: segment ", change.segment,
                                            " generation ", change.generation));
  return std::nullopt;
}

// False: it does not fit, the batch is closed and the operation stays queued.
bool Engine::decide_one(Submission& submission, StagingRows& rows) {
  if (submission.moves) return decide_moves(submission, rows);
  Batch& batch = *next_;
  Op& op = submission.op;
  if (!batch.builder.fits(op.meta.size(), op.payload.size())) {
    batch.closed = true;
    return false;
  }
  const Seed& seed = batch.builder.seed();
  OpView view{op,    next_lsn_,        {seed.segment, seed.generation, batch.builder.next_record()},
              false, submission.crc64, op.payload.size()};
  const Bytes original = op.meta;
  Verdict verdict = decider_.decide(view, rows);
  if (verdict.accepted) {
    if (std::optional<Error> unsound = judge_edits(rows)) {
      verdict = Verdict();
      verdict.error = std::move(unsound);
    }
  }
  if (verdict.accepted && !batch.builder.fits(op.meta.size(), op.payload.size())) {
    // Its decided form is longer. Again in the next batch, unless no batch could hold it.
    rows.undo();
    if (op.meta.size() <= kMetaBytesMax &&
        BatchBuilder::batch_bytes(op.meta.size(), op.payload.size()) <= options_.batch_bytes_max) {
      roll_next_ = batch.builder.records() == 0;  // Alone, it only lacks room in this segment.
      op.meta = original;
      batch.closed = true;
      return false;
    }
    verdict = Verdict();
    verdict.error =
        fail(ErrorCode::kTooLarge, cat("decided operation of ", op.meta.size(), " bytes"));
  }
  if (verdict.accepted) {
    rows.keep();
    verdict.lsn = next_lsn_;
    batch.builder.add_op(next_lsn_, op.meta, submission.cells, op.payload, submission.crc64);
    batch.last_lsn = next_lsn_;
    next_lsn_ = next_lsn_.next();
    op.payload = Bytes();  // Copied: only the verdict is still needed.
  } else {
    rows.undo();
  }
  take_from_queue(submission, std::move(verdict));
  return true;
}

void Engine::take_from_queue(Submission& submission, Verdict verdict) {
  queued_bytes_ -= submission.bytes;
  submission.verdict = std::move(verdict);
  submission.unlink();
  next_->waiters.push_back(submission);
}

// As decide_one(). Only what still holds is logged, so that a replay does the same. A MOVE has no
// number of its own: it stands behind the operation before it.
bool Engine::decide_moves(Submission& submission, StagingRows& rows) {
  Batch& batch = *next_;
  if (!batch.builder.fits(submission.op.meta.size(), 0)) {
    batch.closed = true;
    return false;
  }
  const Result<std::vector<Move>> wanted = parse_moves(submission.op.meta);
  check(wanted.ok());
  const std::vector<Move> moves = apply_moves(wanted.value(), decider_, rows);
  Verdict verdict;
  verdict.lsn = {next_lsn_.value - 1};
  verdict.error = judge_edits(rows);
  verdict.accepted = !moves.empty() && !verdict.error;
  if (verdict.accepted) {
    Bytes meta;
    for (const Move& move : moves) append_move(meta, move);
    batch.builder.add_moves(verdict.lsn, meta);
    rows.keep();
  } else {
    rows.undo();
  }
  take_from_queue(submission, std::move(verdict));
  return true;
}

Task<Result<Unit>> Engine::submit_moves(Ctx& ctx, std::vector<Move> moves) {
  if (ctx.stopped()) co_return ctx.stop_error();
  if (stopping_) co_return fail(ErrorCode::kStopped, "the store is stopping");
  if (volume_.read_only) co_return fail(ErrorCode::kReadOnly, volume_.reason);
  Op op;
  op.op_class = OpClass::kAlways;
  for (const Move& move : moves) append_move(op.meta, move);
  Submission mine(platform_.executor, std::move(op));
  mine.moves = true;
  queue_.push_front(mine);  // Those that wait may wait for the room it makes.
  queued_bytes_ += mine.bytes;
  wake_.notify();
  co_await mine;
  if (!mine.outcome->ok()) co_return mine.outcome->error();
  co_return Unit{};
}

std::unique_ptr<ReadHold> Engine::hold(std::span<const Extent> extents) {
  auto held = std::make_unique<Pins::Hold>(volume_.pins);
  for (const Extent& extent : extents) held->add(extent.segment);
  return held;
}

bool Engine::waits_for_company(const Ctx& ctx) const {
  return !next_->closed && !ctx.stopped() &&
         platform_.clock.now() < next_->opened + options_.commit_delay;
}

Task<void> Engine::end_commit_delay(Ctx& ctx) {
  while (next_ && !flight_ && waits_for_company(ctx)) {
    const Instant due = next_->opened + options_.commit_delay;
    Result<Unit> slept = co_await sleep_for(ctx, due - platform_.clock.now());
    if (!slept.ok()) break;
  }
  delaying_ = false;
  wake_.notify();
}

void Engine::launch(Scope& scope) {
  Batch& batch = *next_;
  if (batch.builder.records() == 0) {  // Refusals only, and what they judged is durable.
    flight_ = std::move(next_);
    land();
    return;
  }
  batch.noted_before = noted_;
  if (bulk_.end() && (bulk_.end() != noted_ || noted_segment_ != log_.segment().id)) {
    batch.builder.add_note(batch.last_lsn, *bulk_.end());
    noted_ = bulk_.end();
    noted_segment_ = log_.segment().id;
  }
  batch.number = next_batch_++;
  batch.chain_before = chain_;
  BatchHead head;
  head.number = batch.number;
  head.first_lsn = batch.first_lsn;
  head.durable_batch = durable_batch_;
  head.chain = chain_;
  head.wall_ms = static_cast<std::uint64_t>(platform_.clock.wall().ms());
  chain_ = chain_next(chain_, batch.builder.finish(head));
  flight_ = std::move(next_);
  scope.spawn(fly(scope.ctx()));
}

Task<void> Engine::fly(Ctx& ctx) {
  const std::uint64_t offset = flight_->builder.offset();
  auto bytes = std::make_shared<const Bytes>(flight_->builder.take());
  flight_->bytes = bytes->size();
  tail_ = offset + bytes->size();
  Result<Unit> appended = co_await log_.append(ctx, offset, std::move(bytes));
  if (appended.ok()) {
    durable_batch_ = flight_->number;
    durable_lsn_ = flight_->last_lsn;
    durable_place_ = {log_.segment().id, tail_};
    ++batches_;
    land();
  } else if (appended.error().code == ErrorCode::kNoSpace && volume_.folders.size() == 1) {
    volume_.note(cat("log write refused: ", error_text(appended.error())));
    drop_undurable(appended.error(), appended.error());
  } else {
    volume_.stop_writing(appended.error());
    const Error unknown =
        fail(ErrorCode::kUnknown, cat("it may survive a restart: ", volume_.reason));
    drop_undurable(unknown, fail(ErrorCode::kReadOnly, volume_.reason));
  }
  wake_.notify();
}

// The flight is durable: its rows become visible, then everybody is answered.
void Engine::land() {
  const std::unique_ptr<Batch> batch = std::move(flight_);
  publish(batch->edits);
  ledger_.apply(batch->changes);
  for (const LiveChange& change : batch->changes)
    if (change.bytes > 0) volume_.pins.named(change.segment, change.generation, change.offset);
  while (!batch->waiters.empty()) {
    Submission& submission = batch->waiters.front();
    submission.answer(std::move(submission.verdict));
  }
  durable_changed_.notify_all();
}

// Nothing of the flight and of the batch behind it has happened, as far as this process can say.
void Engine::drop_undurable(const Error& flight_error, const Error& next_error) {
  const auto refuse = [](Batch& batch, const Error& error) {
    while (!batch.waiters.empty()) batch.waiters.front().answer(error);
  };
  const std::unique_ptr<Batch> flight = std::move(flight_);
  const std::unique_ptr<Batch> next = std::move(next_);
  if (next) {
    next_lsn_ = next->first_lsn;
    refuse(*next, next_error);
  }
  if (!flight) return;
  next_lsn_ = flight->first_lsn;
  next_batch_ = flight->number;
  chain_ = flight->chain_before;
  noted_ = flight->noted_before;
  noted_segment_ = 0;
  tail_ = flight->builder.offset();
  roll_next_ = true;
  refuse(*flight, flight_error);
}

Task<Result<std::unique_ptr<BodyWriter>>> Engine::start_body(Ctx& ctx, std::uint64_t size_hint) {
  if (ctx.stopped()) co_return ctx.stop_error();
  if (stopping_) co_return fail(ErrorCode::kStopped, "the store is stopping");
  CO_TRY(room, volume_.take(bulk_.room_for(size_hint)));
  co_return std::unique_ptr<BodyWriter>(
      new ChunkWriter(bulk_, volume_, next_batch_, size_hint, std::move(room)));
}

Task<Result<Unit>> Engine::read(Ctx& ctx, Extent extent, std::uint64_t offset, MutableBytes into) {
  co_return co_await extents_.read(ctx, extent, offset, into);
}

Task<Result<std::vector<LoggedOp>>> Engine::read_log(Ctx& ctx, Lsn after, std::size_t bytes_max,
                                                     bool with_payload) {
  LogScan::Bounds bounds;
  bounds.durable_lsn = durable_lsn_;
  bounds.durable_batch = durable_batch_;
  bounds.stop = durable_place_;
  co_return co_await log_reader_.read(ctx, after, bytes_max, with_payload, bounds);
}

Task<Result<Unit>> Engine::wait_beyond(Ctx& ctx, Lsn after) {
  while (durable_lsn_ <= after) {
    if (stopping_) co_return fail(ErrorCode::kStopped, "the store is stopping");
    CO_DO(co_await durable_changed_.wait(ctx));
  }
  co_return Unit{};
}

}  // namespace creel::store
