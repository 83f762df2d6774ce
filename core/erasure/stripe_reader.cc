#include "core/erasure/stripe_reader.h"

#include <algorithm>
#include <bit>

#include "platform/base/text.h"

namespace creel::core {
namespace {

using SlotState = ReadRun::Slot::State;

// Only cells whose seeded CRC holds count: it was computed by the encoder.
void check_cells(ReadRun& run, unsigned slot) {
  ReadRun::Slot& mine = run.slots[slot];
  const Geometry geometry = run.manifest.geometry();
  for (unsigned i = 0; i < run.stripes; ++i) {
    const auto bytes = static_cast<std::size_t>(geometry.cell_bytes(run.first + i));
    const ByteView cell = ByteView(mine.raw).subspan(static_cast<std::size_t>(run.cell_offset(i)),
                                                     bytes + kCellCrcBytes);
    if (cell_holds(cell, run.manifest.blob, slot, static_cast<std::uint32_t>(run.first + i)))
      mine.good |= 1u << i;
  }
}

Task<void> read_slot(Ctx& ctx, std::shared_ptr<ReadRun> run, unsigned slot) {
  ReadRun::Slot& mine = run->slots[slot];
  const std::uint64_t offset = run->manifest.geometry().shard_offset(run->first);
  Result<Unit> done = co_await mine.store->read(ctx, run->manifest.blob, slot, offset, mine.raw);
  if (done.ok()) {
    check_cells(*run, slot);
    mine.state = SlotState::kRead;
    if (!mine.late) mine.store->was_in_time();
  } else {
    mine.error = done.error();
    mine.state = SlotState::kFailed;
  }
  run->progress.notify_all();
}

}  // namespace

std::uint64_t ReadRun::raw_bytes() const {
  return cell_offset(stripes - 1) + manifest.geometry().cell_bytes(first + stripes - 1) +
         kCellCrcBytes;
}

std::uint32_t ReadRun::good_in(unsigned stripe) const {
  std::uint32_t bits = 0;
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot)
    if (slots[slot].state == SlotState::kRead && (slots[slot].good >> stripe & 1))
      bits |= 1u << slot;
  return bits;
}

std::uint32_t ReadRun::in_state(SlotState state) const {
  std::uint32_t bits = 0;
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot)
    if (slots[slot].state == state) bits |= 1u << slot;
  return bits;
}

StripeReader::StripeReader(ErasureBlobs& blobs, const ErasureManifest& manifest,
                           std::uint64_t first, unsigned stripes)
    : blobs_(blobs), run_(std::make_shared<ReadRun>()) {
  check(blobs.jobs_ != nullptr && stripes > 0 && stripes <= 32);
  run_->manifest = manifest;
  run_->first = first;
  run_->stripes = stripes;
}

void StripeReader::start(unsigned slot) {
  ReadRun::Slot& mine = run_->slots[slot];
  mine.store = blobs_.drives_.store_at(run_->manifest.seat[slot]);
  mine.begun = blobs_.platform_.clock.now();
  if (!mine.store) {
    mine.state = SlotState::kFailed;
    mine.error = fail(ErrorCode::kUnavailable, "its drive is down");
    return;
  }
  mine.state = SlotState::kReading;
  mine.raw.resize(static_cast<std::size_t>(run_->raw_bytes()));
  blobs_.jobs_->spawn(read_slot(blobs_.jobs_->ctx(), run_, slot));
}

bool StripeReader::enough(std::uint32_t wanted) const {
  for (unsigned i = 0; i < run_->stripes; ++i) {
    const std::uint32_t good = run_->good_in(i);
    if ((wanted & ~good) != 0 && std::popcount(good) < run_->manifest.layout.data) return false;
  }
  return true;
}

// One more slot that nobody has asked yet: drives that answer in time first, slots that should be
// there first.
bool StripeReader::start_any() {
  int best = -1;
  int best_rank = 4;
  for (unsigned slot = 0; slot < run_->manifest.layout.slots(); ++slot) {
    if (run_->slots[slot].state != SlotState::kIdle) continue;
    const auto store = blobs_.drives_.store_at(run_->manifest.seat[slot]);
    const int rank = !store                                      ? 3
                     : (run_->manifest.present >> slot & 1) == 0 ? 2
                     : store->slow()                             ? 1
                                                                 : 0;
    if (rank < best_rank) {
      best = static_cast<int>(slot);
      best_rank = rank;
    }
  }
  if (best < 0) return false;
  start(static_cast<unsigned>(best));
  return true;
}

// What is under way cannot do: asks as many more as it takes. False if there is nothing to wait
// for.
bool StripeReader::start_more(std::uint32_t wanted) {
  for (;;) {
    const std::uint32_t reading = run_->in_state(SlotState::kReading);
    bool hopeful = true;
    for (unsigned i = 0; i < run_->stripes && hopeful; ++i) {
      const std::uint32_t maybe = run_->good_in(i) | reading;
      hopeful = (wanted & ~maybe) == 0 || std::popcount(maybe) >= run_->manifest.layout.data;
    }
    if (hopeful) return true;
    if (!start_any()) return false;
  }
}

// Whoever has not answered by now gets company.
void StripeReader::help_late() {
  for (unsigned slot = 0; slot < run_->manifest.layout.slots(); ++slot) {
    ReadRun::Slot& mine = run_->slots[slot];
    if (mine.state != SlotState::kReading || mine.late) continue;
    mine.late = true;
    mine.store->was_late();
    ++blobs_.counters_.hedges;
  }
  // Without the late ones it takes k others, however few cells are wanted.
  for (;;) {
    unsigned others = 0;
    for (unsigned slot = 0; slot < run_->manifest.layout.slots(); ++slot) {
      const ReadRun::Slot& mine = run_->slots[slot];
      if (mine.state == SlotState::kRead || (mine.state == SlotState::kReading && !mine.late))
        ++others;
    }
    if (others >= run_->manifest.layout.data || !start_any()) return;
  }
}

Task<Result<Unit>> StripeReader::fetch(Ctx& ctx, std::uint32_t wanted) {
  Clock& clock = blobs_.platform_.clock;
  const Instant begun = clock.now();
  ++blobs_.counters_.reads;
  for (unsigned slot = 0; slot < run_->manifest.layout.data; ++slot) {
    if ((wanted >> slot & 1) == 0) continue;
    const auto store = blobs_.drives_.store_at(run_->manifest.seat[slot]);
    if (store && !store->slow()) start(slot);
  }
  // Hedges are a twentieth of the reads at most, lest a busy moment doubles the load.
  const bool may_hedge = blobs_.counters_.hedges <= blobs_.counters_.reads / 20 + 16;
  const Duration patience =
      may_hedge ? std::max(blobs_.latency_.p95(), blobs_.options_.hedge_min) : 500_ms;
  Instant late = begun + patience;
  while (!enough(wanted)) {
    if (ctx.stopped()) co_return ctx.stop_error();
    if (!start_more(wanted)) {
      note_damage();
      co_return failure();
    }
    if (enough(wanted)) break;
    if (run_->in_state(SlotState::kReading) == 0) continue;
    if (clock.now() >= late) {
      help_late();
      late = clock.now() + 500_ms;
    }
    Ctx timed(ctx, late);
    (void)co_await run_->progress.wait(timed);
  }
  blobs_.latency_.add(clock.now() - begun);
  note_damage();
  co_await rebuild(ctx, wanted);
  co_return Unit{};
}

void StripeReader::note_damage() {
  const std::uint32_t all = run_->stripes == 32 ? ~0u : (1u << run_->stripes) - 1;
  bool damaged = false;
  for (unsigned slot = 0; slot < run_->manifest.layout.slots(); ++slot) {
    const ReadRun::Slot& mine = run_->slots[slot];
    if (mine.state == SlotState::kRead && mine.good != all) {
      blobs_.counters_.bad_cells += static_cast<unsigned>(std::popcount(all & ~mine.good));
      damaged = true;
    }
    if (mine.state == SlotState::kFailed && mine.error->code == ErrorCode::kCorrupt) {
      ++blobs_.counters_.bad_cells;
      damaged = true;
    }
    if (mine.state == SlotState::kFailed && mine.error->code == ErrorCode::kNotFound) {
      ++blobs_.counters_.missing_shards;
      damaged = damaged || (run_->manifest.present >> slot & 1);
    }
    if (mine.state == SlotState::kFailed && mine.error->code == ErrorCode::kIo)
      blobs_.drives_.suspect(run_->manifest.seat[slot]);
  }
  if (damaged) blobs_.want_repair(run_->manifest);
}

Error StripeReader::failure() const {
  unsigned stripe = 0;
  for (unsigned i = 0; i < run_->stripes; ++i)
    if (std::popcount(run_->good_in(i)) < std::popcount(run_->good_in(stripe))) stripe = i;
  const std::uint32_t good = run_->good_in(stripe);
  std::string text = cat("blob ", run_->manifest.blob.text(), ", stripe ", run_->first + stripe,
                         ": only ", std::popcount(good), " of the ",
                         unsigned{run_->manifest.layout.data}, " cells it takes can be read");
  bool away = false;
  for (unsigned slot = 0; slot < run_->manifest.layout.slots(); ++slot) {
    if (good >> slot & 1) continue;
    const ReadRun::Slot& mine = run_->slots[slot];
    text += cat("; slot ", slot, " on ", blobs_.drives_.seat_text(run_->manifest.seat[slot]), ": ",
                mine.error ? mine.error->detail : std::string("checksum does not match"));
    if (mine.error && mine.error->code != ErrorCode::kCorrupt) away = true;
  }
  return fail(away ? ErrorCode::kUnavailable : ErrorCode::kCorrupt, text);
}

Task<void> StripeReader::rebuild(Ctx& ctx, std::uint32_t wanted) {
  ReadRun& run = *run_;
  // What is good now: late drives may still add to it while the pool works.
  std::array<std::uint32_t, 32> good{};
  bool any = false;
  for (unsigned i = 0; i < run.stripes; ++i) {
    good[i] = run.good_in(i);
    if ((wanted & ~good[i]) == 0) continue;
    any = true;
    ++blobs_.counters_.rebuilt_stripes;
  }
  if (!any) co_return;
  // A late drive may be writing into its buffer: rebuilt cells get memory of their own.
  for (unsigned slot = 0; slot < run.manifest.layout.slots(); ++slot)
    if (wanted >> slot & 1) rebuilt_[slot].resize(static_cast<std::size_t>(run.raw_bytes()));
  const unsigned slots = run.manifest.layout.slots();
  auto work = [&] {
    for (unsigned i = 0; i < run.stripes; ++i) {
      const std::uint32_t lost = wanted & ~good[i];
      if (lost == 0) continue;
      std::array<std::uint8_t*, kSlotsMax> cells{};
      for (unsigned slot = 0; slot < slots; ++slot) {
        if (good[i] >> slot & 1) cells[slot] = run.slots[slot].raw.data() + run.cell_offset(i);
        else if (lost >> slot & 1) cells[slot] = rebuilt_[slot].data() + run.cell_offset(i);
      }
      blobs_.coder_.rebuild(run.manifest.layout, std::span(cells.data(), slots),
                            run.manifest.geometry().cell_bytes(run.first + i), good[i], lost);
    }
  };
  co_await offload_call(ctx, blobs_.platform_.offload, work);
}

void StripeReader::copy(unsigned stripe, std::uint64_t begin, MutableBytes into) const {
  const std::uint64_t cell_bytes = run_->manifest.geometry().cell_bytes(run_->first + stripe);
  while (!into.empty()) {
    const auto slot = static_cast<unsigned>(begin / cell_bytes);
    const std::uint64_t inside = begin % cell_bytes;
    const auto take =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), cell_bytes - inside));
    const ReadRun::Slot& mine = run_->slots[slot];
    const bool good = mine.state == SlotState::kRead && (mine.good >> stripe & 1);
    const Bytes& raw = good ? mine.raw : rebuilt_[slot];
    std::copy_n(raw.begin() + static_cast<std::ptrdiff_t>(run_->cell_offset(stripe) + inside), take,
                into.begin());
    into = into.subspan(take);
    begin += take;
  }
}

}  // namespace creel::core
