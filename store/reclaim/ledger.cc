#include "store/reclaim/ledger.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"

namespace creel::store {
namespace {

constexpr std::string_view kFormKey = "v";  // Its presence says that the table is complete.
constexpr std::uint32_t kForm = 1;
constexpr std::size_t kAccountBytes = 12;

std::string segment_key(std::uint32_t segment) {
  Bytes key;
  append_be<std::uint32_t>(key, segment);
  return to_string(key);
}

}  // namespace

Result<Unit> Ledger::load(const RowBase& base) {
  accounts_.clear();
  frozen_.clear();
  freezes_ = done_ = 0;
  TRY(form, base.find(Table::kSegment, kFormKey));
  complete_ = form.has_value();
  if (!complete_) return recount(base);  // Also an empty base: no rows yet.
  TRY(cursor, base.cursor(Table::kSegment));
  TRY(found, cursor->seek(""));
  for (bool more = found; more;) {
    const ByteView key = as_bytes(cursor->key());
    const ByteView value = as_bytes(cursor->value());
    if (key.size() == 4 && value.size() == kAccountBytes) {
      Account& account = accounts_[load_be<std::uint32_t>(key, 0)];
      account.generation = load_le<std::uint32_t>(value, 0);
      account.live = static_cast<std::int64_t>(load_le<std::uint64_t>(value, 4));
    }
    TRY(next, cursor->next());
    more = next;
  }
  return Unit{};
}

Result<Unit> Ledger::recount(const RowReader& rows) {
  for (auto& [segment, account] : accounts_) account = Account{account.generation, 0, true, 1};
  std::vector<std::size_t> spots;
  for (const Table table : kExtentTables) {
    TRY(cursor, rows.cursor(table));
    TRY(found, cursor->seek(""));
    for (bool more = found; more;) {
      spots.clear();
      finder_.find_extents(table, cursor->key(), cursor->value(), spots);
      for (const std::size_t at : spots) {
        const Result<Extent> extent = parse_extent(as_bytes(cursor->value()), at);
        if (!extent.ok()) continue;
        const LiveChange change{extent.value().segment, extent.value().generation,
                                extent.value().offset,
                                static_cast<std::int64_t>(footprint(extent.value()))};
        apply(std::span(&change, 1));
      }
      TRY(next, cursor->next());
      more = next;
    }
  }
  return Unit{};
}

// That generation's account; a newer generation begins anew. Null: an older one, which is gone.
Ledger::Account* Ledger::account(std::uint32_t segment, std::uint32_t generation) {
  Account& account = accounts_[segment];
  if (generation < account.generation) return nullptr;
  if (generation > account.generation) account = Account{generation, 0, true, 0};
  return &account;
}

void Ledger::apply(std::span<const LiveChange> changes) {
  for (const LiveChange& change : changes) {
    Account* of = account(change.segment, change.generation);
    if (of == nullptr) continue;
    of->live += change.bytes;
    of->changed = true;
    of->dead_from = freezes_ + 1;
  }
}

std::uint64_t Ledger::live_bytes(std::uint32_t segment, std::uint32_t generation) const {
  const auto found = accounts_.find(segment);
  if (found == accounts_.end() || found->second.generation != generation) return 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(found->second.live, 0));
}

bool Ledger::is_dead(std::uint32_t segment, std::uint32_t generation) const {
  const auto found = accounts_.find(segment);
  if (found == accounts_.end() || found->second.generation != generation) return true;
  return found->second.live == 0 && found->second.dead_from <= done_;
}

std::uint64_t Ledger::live_bytes() const {
  std::int64_t sum = 0;
  for (const auto& [segment, account] : accounts_) sum += account.live;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(sum, 0));
}

void Ledger::freeze(std::vector<RowEdit>& edits) {
  ++freezes_;
  frozen_.clear();
  std::vector<RowEdit> own;
  for (auto& [segment, account] : accounts_) {
    if (!account.changed) continue;
    account.changed = false;
    frozen_.push_back(segment);
    Bytes value;
    append_le<std::uint32_t>(value, account.generation);
    append_le<std::uint64_t>(value, static_cast<std::uint64_t>(account.live));
    own.push_back({Table::kSegment, segment_key(segment), std::nullopt});
    if (account.live != 0) own.back().value = to_string(value);
  }
  if (!complete_) {
    Bytes form;
    append_le<std::uint32_t>(form, kForm);
    own.push_back({Table::kSegment, std::string(kFormKey), to_string(form)});
  }
  const auto place = std::partition_point(
      edits.begin(), edits.end(), [](const RowEdit& edit) { return edit.table < Table::kSegment; });
  edits.insert(place, std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

void Ledger::checkpointed(bool done) {
  if (done) done_ = freezes_;
  if (done) complete_ = true;
  if (!done)
    for (const std::uint32_t segment : frozen_) accounts_[segment].changed = true;
  frozen_.clear();
}

}  // namespace creel::store
