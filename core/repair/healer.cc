#include "core/repair/healer.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/model/manifest.h"
#include "s3/model/ops.h"

namespace creel::core {

Healer::Healer(Platform& platform, Drives& drives, ErasureBlobs& blobs, s3::Log& log,
               store::Store& log_store, HealerOptions options)
    : platform_(platform),
      drives_(drives),
      blobs_(blobs),
      log_(log),
      log_store_(log_store),
      options_(options),
      repair_(platform, drives, blobs) {}

Task<void> Healer::run(Ctx& ctx) {
  Scope scope(ctx);
  scope.spawn(heal_loop(scope.ctx()));
  scope.spawn(reap_loop(scope.ctx()));
  scope.spawn(sweep_loop(scope.ctx()));
  co_await scope.join();
}

Task<Result<Unit>> Healer::submit(Ctx& ctx, std::string meta) {
  store::Op op;
  op.meta = to_bytes(std::string_view(meta));
  CO_TRY(verdict, co_await log_.submit(ctx, std::move(op)));
  if (verdict.accepted) co_return Unit{};
  co_return verdict.error.value_or(fail(ErrorCode::kInvalid, "refused"));
}

// --- healing

Task<void> Healer::heal_loop(Ctx& ctx) {
  Instant next_rows = platform_.clock.now() + options_.pass;
  std::uint32_t up = drives_.up();
  Duration patience = options_.retry;  // Longer each time that nothing could be done.
  while (!ctx.stopped()) {
    (void)co_await work_read_repairs(ctx);
    const bool returned = (drives_.up() & ~up) != 0;
    up = drives_.up();
    if (returned || platform_.clock.now() >= next_rows) {
      const std::uint64_t before = counters_.healed;
      (void)co_await work_heal_rows(ctx);
      const bool helped = returned || counters_.healed != before;
      patience = helped ? options_.retry : std::min(patience * 2, options_.retry * 16);
      next_rows = platform_.clock.now() + patience;
    }
    Ctx timed(ctx, platform_.clock.now() + options_.pass);
    (void)co_await blobs_.repairs_waiting().wait(timed);
  }
}

Task<Result<Unit>> Healer::work_read_repairs(Ctx& ctx) {
  while (auto manifest = blobs_.take_repair()) {
    if (ctx.stopped()) co_return ctx.stop_error();
    CO_TRY(permit, co_await turn_.acquire(ctx, 1));
    RepairOptions options;
    options.verify = true;
    Result<RepairOutcome> done = co_await repair_.run(ctx, *manifest, options);
    if (done.ok() && done.value().rebuilt > 0) ++counters_.read_repairs;
    permit.release();
  }
  co_return Unit{};
}

Task<Result<Unit>> Healer::work_heal_rows(Ctx& ctx) {
  std::string after = "h";
  for (;;) {
    std::vector<Found> found;
    {
      CO_TRY(cursor, log_.rows().cursor(store::Table::kHeal));
      CO_TRY(valid, cursor->seek(after));
      bool more = valid;
      while (more && found.size() < 64 && cursor->key().starts_with('h')) {
        after = cat(cursor->key(), '\0');
        const std::optional<s3::RowId> id = s3::RowId::parse(cursor->key().substr(1));
        if (id) {
          CO_TRY(blob, s3::load_blob(log_.rows(), *id));
          if (blob) found.push_back({*id, blob->manifest});
        }
        CO_TRY(next, cursor->next());
        more = next;
      }
    }
    if (found.empty()) co_return Unit{};
    for (Found& one : found) {
      if (ctx.stopped()) co_return ctx.stop_error();
      const s3::RowId id = one.id;
      (void)co_await heal_one(ctx, id, std::move(one.manifest), RepairOptions());
    }
  }
}

Task<Result<RepairOutcome>> Healer::heal_one(Ctx& ctx, s3::RowId id, std::string manifest,
                                             RepairOptions options) {
  CO_TRY(parsed, ErasureManifest::parse(manifest));
  CO_TRY(permit, co_await turn_.acquire(ctx, 1));
  CO_TRY(outcome, co_await repair_.run(ctx, parsed, options));
  s3::Healed op;
  op.blob = id;
  op.old_manifest = manifest;
  op.new_manifest = outcome.manifest.encode();
  if (op.new_manifest != op.old_manifest) {
    CO_DO(co_await submit(ctx, s3::encode_op(op)));
    if (outcome.rebuilt > 0) ++counters_.healed;
    // Where slots moved away from: that shard belongs to nobody now.
    for (unsigned slot = 0; slot < parsed.layout.slots(); ++slot) {
      const auto store = drives_.store_at(parsed.seat[slot]);
      if (outcome.manifest.seat[slot] != parsed.seat[slot] && store)
        (void)co_await store->remove(ctx, parsed.blob, slot);
    }
  }
  permit.release();
  co_return std::move(outcome);
}

// Blob rows with shards, in key order behind `after`; `last` gets where to go on, empty at the end.
Result<std::vector<Healer::Found>> Healer::blobs_after(std::string after, std::size_t count,
                                                       std::string& last) const {
  std::vector<Found> found;
  last.clear();
  TRY(cursor, log_.rows().cursor(store::Table::kBlob));
  TRY(valid, cursor->seek(after));
  bool more = valid;
  for (std::size_t seen = 0; more; ++seen) {
    if (seen == count) {
      last = std::string(cursor->key());
      break;
    }
    TRY(record, s3::BlobRecord::decode(cursor->value()));
    const std::optional<s3::RowId> id = s3::RowId::parse(cursor->key());
    if (id && !record.manifest.empty() && record.manifest[0] == s3::kErasureManifest)
      found.push_back({*id, record.manifest});
    TRY(next, cursor->next());
    more = next;
  }
  return found;
}

Task<Result<HealProgress>> Healer::heal_all(Ctx& ctx) {
  if (progress_.running) co_return fail(ErrorCode::kExists, "a heal is running");
  struct Running {
    explicit Running(bool& flag) : flag_(flag) { flag_ = true; }
    ~Running() { flag_ = false; }
    bool& flag_;
  };
  progress_ = HealProgress();
  const Running running(progress_.running);
  CO_TRY(taken, co_await drives_.adopt_blank(ctx));
  (void)taken;
  std::string at;
  do {
    CO_TRY(found, blobs_after(at, 1'024, at));
    progress_.blobs += found.size();
    co_await YieldNow(ctx);
  } while (!at.empty());
  RepairOptions options;
  options.verify = options.move_away = true;
  do {
    CO_TRY(found, blobs_after(at, 256, at));
    for (Found& one : found) {
      if (ctx.stopped()) co_return ctx.stop_error();
      const s3::RowId id = one.id;
      Result<RepairOutcome> done = co_await heal_one(ctx, id, std::move(one.manifest), options);
      ++progress_.blobs_done;
      if (!done.ok()) {
        ++progress_.blobs_failed;
        progress_.last_error = error_text(done.error());
        continue;
      }
      progress_.shards_rebuilt += done.value().rebuilt;
      progress_.bytes_rebuilt += done.value().bytes;
      if (done.value().missing > 0) ++progress_.blobs_incomplete;
    }
  } while (!at.empty());
  HealProgress done = progress_;
  done.running = false;
  co_return done;
}

}  // namespace creel::core
