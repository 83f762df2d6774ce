#include "store/checker.h"

#include <algorithm>

#include "platform/async/event.h"
#include "platform/base/text.h"
#include "store/engine.h"
#include "store/image/image_reader.h"
#include "store/index/state_hash.h"

namespace creel::store {
namespace {

constexpr std::size_t kRowsAStep = 256;  // In one turn of the loop.
constexpr std::size_t kItemsAStep = 16;
constexpr std::size_t kPiece = 256 * KiB;
constexpr std::size_t kFindingsMax = 64;
constexpr std::size_t kNamesMax = 4;  // Of one damaged row.

// All rows against the hash of the state that was kept with them.
Result<Unit> compare_hash(RowSnapshot& rows) {
  StateHash hash;
  for (;;) {
    TRY(more, rows.next());
    if (!more) break;
    hash.add(row_hash(rows.table(), rows.key(), rows.value()));
  }
  if (hash == rows.state_hash()) return Unit{};
  return fail(ErrorCode::kCorrupt, "its rows do not match the hash of the state");
}

}  // namespace

void Checker::begin() {
  progress_ = CheckProgress();
  progress_.running = true;
  const Status status = engine_.status();
  progress_.bytes_expected = status.log_bytes + status.bulk_bytes;
  // What the start found, and what has been met since.
  for (const std::string& text : status.damage) found(text);
  for (const std::string& text : status.damaged_names) found(text);
}

void Checker::finish(bool whole) {
  progress_.running = false;
  progress_.whole = whole;
}

void Checker::found(std::string text) {
  auto& findings = progress_.findings;
  if (std::find(findings.begin(), findings.end(), text) != findings.end()) return;
  ++progress_.damaged;
  if (findings.size() < kFindingsMax) findings.push_back(std::move(text));
}

Task<void> Checker::check_all(Ctx& ctx) {
  rate_ = 0;
  place_ = ScrubPlace();
  co_await check_index(ctx);
  co_await check_image(ctx);
  bool whole = co_await check_bodies(ctx);
  if (whole) whole = co_await check_log(ctx);
  finish(whole);
}

Task<bool> Checker::scrub(Ctx& ctx, std::uint64_t bytes_per_second) {
  const bool goes_on = place_.table != Table::kSys;
  const std::uint64_t damaged_before = goes_on ? progress_.damaged : 0;
  begin();
  progress_.damaged = damaged_before;
  rate_ = std::max<std::uint64_t>(bytes_per_second, 1);
  co_await check_index(ctx);
  co_await check_image(ctx);
  const bool whole = co_await check_bodies(ctx);
  finish(whole);
  co_return whole;
}

// What went bad since the start: the next one rebuilds the index.
Task<void> Checker::check_index(Ctx& ctx) {
  while (engine_.checkpointing_ && !ctx.stopped()) {
    [[maybe_unused]] const Result<Unit> ended = co_await engine_.checkpoint_done_.wait(ctx);
  }
  if (ctx.stopped()) co_return;
  // With several folders each has an index of its own; one that is damaged leaves.
  std::vector<std::pair<unsigned, const RowBase*>> bases;
  if (engine_.mirrored_ != nullptr) bases = engine_.mirrored_->bases();
  else bases.emplace_back(0, engine_.base_.get());
  std::vector<Result<Unit>> outcomes(bases.size(), Unit{});
  Result<std::unique_ptr<RowSnapshot>> rows = engine_.base_->snapshot();
  Result<Unit> sound = Unit{};
  ++engine_.index_checks_;
  auto work = [&] {
    for (std::size_t i = 0; i < bases.size(); ++i) outcomes[i] = bases[i].second->verify();
    if (!rows.ok()) sound = rows.error();
    if (sound.ok()) sound = compare_hash(*rows.value());
    if (rows.ok()) rows.value().reset();
  };
  co_await offload_call(ctx, engine_.platform_.offload, work);
  --engine_.index_checks_;
  for (std::size_t i = 0; i < bases.size(); ++i) {
    if (outcomes[i].ok()) continue;
    if (engine_.mirrored_ == nullptr || engine_.mirrored_->places().size() < 2) {
      sound = outcomes[i].error();
      continue;
    }
    found(cat(engine_.volume_.folders[bases[i].first]->dir(),
              ": its index is damaged and made again: ", error_text(outcomes[i].error())));
    engine_.mirrored_->leave(bases[i].first, outcomes[i].error());
  }
  if (sound.ok()) co_return;
  engine_.base_suspect_ = true;
  found(cat("the index is damaged, the next start rebuilds it: ", error_text(sound.error())));
}

// Of a damaged one another is made: the next rebuild may need it.
Task<void> Checker::check_image(Ctx& ctx) {
  if (engine_.image_.lsn.value == 0) co_return;
  for (Folder* folder : engine_.volume_.to_read()) {
    const ImageInfo image = engine_.image_;
    const Result<Unit> sound = co_await verify_image(ctx, engine_.volume_, *folder, image);
    if (sound.ok() || ctx.stopped() || engine_.image_.stamp != image.stamp) continue;
    const std::string text = cat(folder->dir(), ": the image of the index as of operation ",
                                 image.lsn.value, ": ", error_text(sound.error()));
    engine_.volume_.report(text);
    found(text);
  }
}

Task<bool> Checker::check_bodies(Ctx& ctx) {
  ahead_ = place_;
  for (;;) {
    if (ctx.stopped()) co_return false;
    Result<std::vector<Item>> items = next_items();
    if (!items.ok()) {
      found(error_text(items.error()));
      co_return false;
    }
    for (Item& item : items.value()) {
      const ScrubPlace behind{item.table, item.key};
      Item one = std::move(item);
      co_await check_item(ctx, std::move(one));
      if (ctx.stopped()) co_return false;
      place_ = behind;
    }
    place_ = ahead_;
    if (place_.table == Table::kSys) co_return true;
    YieldNow later(ctx);
    co_await later;
  }
}

// ahead_ goes back to the start when all is done.
Result<std::vector<Checker::Item>> Checker::next_items() {
  std::vector<Item> items;
  auto table = std::find(std::begin(kExtentTables), std::end(kExtentTables), ahead_.table);
  if (table == std::end(kExtentTables)) {
    table = std::begin(kExtentTables);
    ahead_ = {*table, {}};
  }
  for (;;) {
    TRY(more, take_items(items));
    if (more || !items.empty()) return items;
    if (++table == std::end(kExtentTables)) break;
    ahead_ = {*table, {}};
  }
  ahead_ = ScrubPlace();
  return items;
}

// False: nothing is left in the table.
Result<bool> Checker::take_items(std::vector<Item>& items) {
  TRY(cursor, engine_.cursor(ahead_.table));
  TRY(more, cursor->seek(ahead_.key));
  if (more && !ahead_.key.empty() && cursor->key() == ahead_.key) {
    TRY(next, cursor->next());
    more = next;
  }
  std::vector<std::size_t> spots;
  for (std::size_t i = 0; more && i < kRowsAStep && items.size() < kItemsAStep; ++i) {
    ++progress_.rows;
    ahead_.key = cursor->key();
    spots.clear();
    engine_.decider_.find_extents(ahead_.table, cursor->key(), cursor->value(), spots);
    Item item{ahead_.table, ahead_.key, std::string(cursor->value()), {}};
    for (const std::size_t at : spots) {
      TRY(extent, parse_extent(as_bytes(cursor->value()), at));
      if (extent.length > 0) item.extents.push_back(extent);
    }
    if (!item.extents.empty()) items.push_back(std::move(item));
    TRY(next, cursor->next());
    more = next;
  }
  return more;
}

Task<void> Checker::check_item(Ctx& ctx, Item item) {
  std::optional<Error> bad;
  for (const Extent& extent : item.extents) {
    if (ctx.stopped()) co_return;
    const Result<Unit> read = co_await check_extent(ctx, extent);
    if (!read.ok() && !bad) bad = read.error();
  }
  if (ctx.stopped() || (bad && !still_named(item))) co_return;
  ++progress_.bodies;
  if (!bad) forget_damage(item);
  else name_damage(item, *bad);
}

// An object's own row says its name. Who names a blob is known only if it was looked up when the
// blob was found damaged: that walks all rows.
void Checker::forget_damage(const Item& item) {
  if (engine_.volume_.marked.empty()) return;
  auto& rows = engine_.volume_.damaged_rows;
  if (const auto row = rows.find(RowNameView{item.table, item.key}); row != rows.end()) {
    for (const std::string& name : row->second) engine_.clear_damage(name);
    rows.erase(row);
  } else if (item.table == Table::kObject || item.table == Table::kVersion) {
    for (const std::string& name :
         engine_.decider_.names_of(engine_, item.table, item.key, item.value, kNamesMax))
      engine_.clear_damage(name);
  }
}

void Checker::name_damage(const Item& item, const Error& why) {
  auto& rows = engine_.volume_.damaged_rows;
  auto row = rows.find(RowNameView{item.table, item.key});
  if (row == rows.end()) {
    if (rows.size() >= kMarkedMax) rows.erase(rows.begin());
    row = rows.emplace(RowName{item.table, item.key}, std::vector<std::string>()).first;
    row->second = engine_.decider_.names_of(engine_, item.table, item.key, item.value, kNamesMax);
    if (row->second.empty())
      row->second.push_back(cat("row ", static_cast<unsigned>(item.table), '/',
                                hex_encode(as_bytes(std::string_view(item.key).substr(0, 64)))));
  }
  for (const std::string& name : row->second) {
    engine_.mark_damaged(name, why.detail);
    found(cat(name, ": ", why.detail));
  }
}

// Rows change while their bodies are read: replaced, deleted, moved by the cleaner.
bool Checker::still_named(const Item& item) const {
  const Result<std::optional<std::string>> row = engine_.find(item.table, item.key);
  return row.ok() && row.value() == item.value;
}

Task<Result<Unit>> Checker::check_extent(Ctx& ctx, Extent extent) {
  Bytes piece;
  for (std::uint64_t at = 0; at < extent.length; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, extent.length - at)));
    co_await keep_pace(ctx, piece.size());
    if (ctx.stopped()) co_return ctx.stop_error();
    CO_DO(co_await engine_.read(ctx, extent, at, piece));
    progress_.bytes += piece.size();
  }
  co_return Unit{};
}

Task<void> Checker::keep_pace(Ctx& ctx, std::uint64_t bytes) {
  if (rate_ == 0) co_return;
  const Duration wait{static_cast<std::int64_t>(bytes * 1'000'000'000 / rate_)};
  [[maybe_unused]] Result<Unit> slept = co_await sleep_for(ctx, wait);
  // Batches go first; but where one always is on its way, scrubbing goes on too.
  for (int i = 0; engine_.flight_ && i < 20 && !ctx.stopped(); ++i)
    slept = co_await sleep_for(ctx, 5_ms);
}

// Every operation with its body, also of bodies that nobody names any more.
Task<bool> Checker::check_log(Ctx& ctx) {
  const std::vector<const SegmentInfo*> logs = engine_.volume_.log_segments();
  const Lsn end = engine_.durable_lsn_;
  Lsn after = end;
  if (!logs.empty()) after = {std::max(logs.front()->first_lsn, engine_.log_begin()).value - 1};
  while (after < end && !ctx.stopped()) {
    Result<std::vector<LoggedOp>> ops = co_await engine_.read_log(ctx, after, kPiece * 4, true);
    if (ctx.stopped()) break;
    if (ops.ok()) {
      if (ops.value().empty()) break;
      for (const LoggedOp& op : ops.value()) progress_.bytes += op.op.meta.size();
      progress_.log_operations += ops.value().size();
      after = ops.value().back().lsn;
      continue;
    }
    if (ops.error().code == ErrorCode::kNotFound && engine_.log_begin() > after.next()) {
      after = {engine_.log_begin().value - 1};  // What was next has been given back meanwhile.
      continue;
    }
    found(error_text(ops.error()));
    if (ops.error().code != ErrorCode::kCorrupt) co_return false;
    // Behind the range that is lost, or the one operation whose body is.
    Lsn next = after.next();
    for (const LostRange& lost : engine_.lost())
      if (lost.first <= next && next <= lost.last) next = lost.last;
    after = next;
  }
  co_return !ctx.stopped();
}

}  // namespace creel::store
