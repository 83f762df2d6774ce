// Healer: shards that nobody needs any more.
#include <algorithm>

#include "core/repair/healer.h"
#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/manifest.h"
#include "s3/model/ops.h"

namespace creel::core {

Task<void> Healer::reap_loop(Ctx& ctx) {
  while (!ctx.stopped()) {
    const Instant now = platform_.clock.now();
    const std::uint64_t stands = log_store_.last().value;
    if (marks_.empty() || marks_.back().second < stands) marks_.push_back({now, stands});
    while (!marks_.empty() && marks_.front().first + options_.reap_grace <= now) {
      reapable_ = marks_.front().second;
      marks_.pop_front();
    }
    if (reapable_ > 0) (void)co_await reap(ctx);
    Result<Unit> slept = co_await sleep_for(ctx, options_.pass);
    if (!slept.ok()) co_return;
  }
}

// A 'd' row goes once every drive that holds a shard has removed it; a drive that is away keeps it.
Task<Result<Unit>> Healer::reap(Ctx& ctx) {
  constexpr std::size_t kIdBytes = 10;
  std::string after = "d";
  for (;;) {
    std::vector<std::pair<std::string, std::string>> found;  // Row key, manifest.
    {
      CO_TRY(cursor, log_.rows().cursor(store::Table::kHeal));
      CO_TRY(valid, cursor->seek(after));
      bool more = valid;
      while (more && found.size() < 64 && cursor->key().starts_with('d') &&
             cursor->key().size() == 17 &&
             load_be<std::uint64_t>(as_bytes(cursor->key()), 1) <= reapable_) {
        found.emplace_back(cursor->key(),
                           cursor->value().substr(std::min(kIdBytes, cursor->value().size())));
        CO_TRY(next, cursor->next());
        more = next;
      }
    }
    if (found.empty()) co_return Unit{};
    after = cat(found.back().first, '\0');
    s3::Reaped op;
    for (auto& [key, manifest] : found) {
      if (ctx.stopped()) co_return ctx.stop_error();
      Result<ErasureManifest> parsed = ErasureManifest::parse(manifest);
      if (parsed.ok()) {
        Result<Unit> removed = co_await blobs_.remove_shards(ctx, parsed.value(), ~0u);
        if (!removed.ok()) continue;
      }
      op.dead_keys.push_back(key);
    }
    if (op.dead_keys.empty()) continue;
    counters_.reaped += op.dead_keys.size();
    CO_DO(co_await submit(ctx, s3::encode_op(op)));
  }
}

// --- shards that no row names: a crash came between a shard and its operation, or the drive was
// away while the blob was deleted and its seat's repair went elsewhere

Task<void> Healer::sweep_loop(Ctx& ctx) {
  Result<Unit> slept = co_await sleep_for(ctx, options_.sweep_after);
  while (slept.ok()) {
    const std::uint32_t up = drives_.up();
    if ((up & ~swept_up_) != 0) {
      Result<Unit> done = co_await sweep(ctx);
      if (done.ok()) swept_up_ |= up;
    }
    swept_up_ &= drives_.up();
    Ctx timed(ctx, platform_.clock.now() + options_.retry);
    (void)co_await drives_.changed().wait(timed);
    if (ctx.stopped()) co_return;
  }
}

Task<Result<Unit>> Healer::gather_live(Ctx& ctx) {
  live_.clear();
  std::string at;
  do {
    CO_TRY(found, blobs_after(at, 512, at));
    for (const Found& one : found) {
      CO_TRY(manifest, ErasureManifest::parse(one.manifest));
      if (manifest.blob.boot >= blobs_.boot()) continue;  // Never looked for.
      live_.emplace_back(
          manifest.blob,
          std::string(manifest.seat.begin(), manifest.seat.begin() + manifest.layout.slots()));
    }
    co_await YieldNow(ctx);
  } while (!at.empty());
  std::sort(live_.begin(), live_.end());
  co_return Unit{};
}

bool Healer::is_live(const BlobId& blob, unsigned slot, unsigned seat) const {
  const auto found = std::lower_bound(
      live_.begin(), live_.end(), blob,
      [](const auto& entry, const BlobId& wanted) { return entry.first < wanted; });
  return found != live_.end() && found->first == blob && slot < found->second.size() &&
         static_cast<std::uint8_t>(found->second[slot]) == seat;
}

// Blobs of this start may not have their operation yet; those of earlier ones never get it.
Task<Result<Unit>> Healer::sweep(Ctx& ctx) {
  // A log that lost operations cannot say what is not needed.
  if (!log_store_.lost().empty()) co_return Unit{};
  CO_TRY(permit, co_await turn_.acquire(ctx, 1));
  CO_DO(co_await gather_live(ctx));
  for (unsigned seat = 0; seat < drives_.config().seat_count(); ++seat)
    if (drives_.store_at(seat)) CO_DO(co_await sweep_seat(ctx, seat));
  live_ = {};
  permit.release();
  co_return Unit{};
}

Task<Result<Unit>> Healer::sweep_seat(Ctx& ctx, unsigned seat) {
  const auto store = drives_.store_at(seat);
  std::string after;
  for (bool more = true; more;) {
    std::vector<ShardName> dead;
    {
      CO_TRY(cursor, store->store().cursor(store::Table::kShard));
      CO_TRY(valid, cursor->seek(after));
      more = valid;
      for (unsigned seen = 0; more && seen < 512; ++seen) {
        after = cat(cursor->key(), '\0');
        const std::optional<ShardName> name = parse_shard_key(cursor->key());
        if (name && name->blob.boot < blobs_.boot() && !is_live(name->blob, name->slot, seat))
          dead.push_back(*name);
        CO_TRY(next, cursor->next());
        more = next;
      }
    }
    for (const ShardName& name : dead) {
      CO_DO(co_await store->remove(ctx, name.blob, name.slot));
      ++counters_.orphans;
    }
    co_await YieldNow(ctx);
    if (ctx.stopped()) co_return ctx.stop_error();
  }
  co_return Unit{};
}

}  // namespace creel::core
