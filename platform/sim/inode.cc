#include "platform/sim/inode.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "platform/base/check.h"
#include "platform/sim/disk.h"

namespace creel {

std::size_t SimContent::read(std::uint64_t offset, MutableBytes into) const {
  if (offset >= size_) return 0;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
  for (std::size_t done = 0; done < count;) {
    const std::uint64_t at = offset + done;
    const auto within = static_cast<std::size_t>(at % kPageBytes);
    const std::size_t piece = std::min(count - done, kPageBytes - within);
    auto page = pages_.find(at / kPageBytes);
    if (page == pages_.end()) std::memset(into.data() + done, 0, piece);
    else std::memcpy(into.data() + done, page->second->data() + within, piece);
    done += piece;
  }
  return count;
}

void SimContent::write(std::uint64_t offset, ByteView bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = offset + done;
    const auto within = static_cast<std::size_t>(at % kPageBytes);
    const std::size_t piece = std::min(bytes.size() - done, kPageBytes - within);
    std::shared_ptr<const Page>& slot = pages_[at / kPageBytes];
    auto page = slot ? std::make_shared<Page>(*slot) : std::make_shared<Page>(Page{});
    std::memcpy(page->data() + within, bytes.data() + done, piece);
    slot = std::move(page);
    done += piece;
  }
  size_ = std::max(size_, offset + bytes.size());
}

void SimContent::resize(std::uint64_t bytes) {
  if (bytes < size_) {
    pages_.erase(pages_.lower_bound((bytes + kPageBytes - 1) / kPageBytes), pages_.end());
    auto last = pages_.find(bytes / kPageBytes);
    if (bytes % kPageBytes != 0 && last != pages_.end()) {
      auto page = std::make_shared<Page>(*last->second);
      std::memset(page->data() + bytes % kPageBytes, 0, kPageBytes - bytes % kPageBytes);
      last->second = std::move(page);
    }
  }
  size_ = bytes;
}

void SimContent::flip(std::uint64_t offset, unsigned bit) {
  std::uint8_t byte = 0;
  if (read(offset, {&byte, 1}) == 0) return;
  byte ^= static_cast<std::uint8_t>(1u << (bit & 7));
  write(offset, {&byte, 1});
}

void SimContent::share(const SimContent& from, std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return;
  for (std::uint64_t page = offset / kPageBytes; page <= (offset + bytes - 1) / kPageBytes;
       ++page) {
    auto found = from.pages_.find(page);
    if (found != from.pages_.end()) pages_[page] = found->second;
  }
}

SimInode::~SimInode() { drive_.used_bytes -= sim_blocks(cached_.size()); }

void SimInode::charge(std::uint64_t size_before) {
  drive_.used_bytes += sim_blocks(cached_.size()) - sim_blocks(size_before);
}

std::uint64_t SimInode::write(std::uint64_t offset, std::span<const ByteView> parts,
                              std::uint64_t bytes_max) {
  Change change;
  change.ticket = ++tickets_;
  change.offset = offset;
  for (ByteView part : parts) {
    const std::uint64_t room = bytes_max - change.data.size();
    append(change.data,
           part.first(static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), room))));
  }
  const std::uint64_t before = cached_.size();
  cached_.write(offset, change.data);
  charge(before);
  if (!change.data.empty()) pending_.push_back(std::move(change));
  return tickets_;
}

std::uint64_t SimInode::resize(std::uint64_t bytes) {
  Change change;
  change.ticket = ++tickets_;
  change.is_resize = true;
  change.offset = bytes;
  const std::uint64_t before = cached_.size();
  cached_.resize(bytes);
  charge(before);
  pending_.push_back(std::move(change));
  return tickets_;
}

void SimInode::finish(std::uint64_t ticket) {
  auto found =
      std::lower_bound(pending_.begin(), pending_.end(), ticket,
                       [](const Change& change, std::uint64_t t) { return change.ticket < t; });
  if (found != pending_.end() && found->ticket == ticket) found->done = ++stamp_;
}

void SimInode::finish_all() {
  for (Change& change : pending_)
    if (change.done == 0) change.done = ++stamp_;
}

void SimInode::apply(const Change& change) {
  if (change.is_resize) durable_.resize(change.offset);
  else durable_.write(change.offset, change.data);
}

void SimInode::sync_ok(std::uint64_t mark) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (auto change = pending_.begin(); change != pending_.end();) {
    if (change->done == 0 || change->done > mark) {
      ++change;
      continue;
    }
    apply(*change);
    if (!change->is_resize) ranges.emplace_back(change->offset, change->data.size());
    change = pending_.erase(change);
  }
  if (!pending_.empty() || diverged_) return;
  for (const auto& range : ranges) durable_.share(cached_, range.first, range.second);
}

void SimInode::sync_failed(std::uint64_t mark, SimRandom& luck, SimLossOdds odds) {
  for (auto change = pending_.begin(); change != pending_.end();) {
    if (change->done == 0 || change->done > mark) {
      ++change;
      continue;
    }
    apply_drawn(*change, luck, odds);
    change = pending_.erase(change);
    diverged_ = true;
  }
}

// Keeps some of the blocks the write touched: a head, a tail, all but one, or any.
void SimInode::apply_torn(const Change& change, SimRandom& luck) {
  const std::uint64_t block = luck.chance(0.5) ? 512 : 4096;
  const std::uint64_t end = change.offset + change.data.size();
  const std::uint64_t first = change.offset / block;
  const std::uint64_t count = (end - 1) / block - first + 1;
  const std::uint64_t shape = luck.below(4);
  const std::uint64_t cut = luck.below(count + 1);
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool keep = shape == 0   ? i < cut
                      : shape == 1 ? i >= cut
                      : shape == 2 ? i != cut
                                   : luck.chance(0.5);
    if (!keep) continue;
    const std::uint64_t from = std::max((first + i) * block, change.offset);
    const std::uint64_t to = std::min((first + i + 1) * block, end);
    const ByteView data = change.data;
    durable_.write(from, data.subspan(static_cast<std::size_t>(from - change.offset),
                                      static_cast<std::size_t>(to - from)));
  }
}

void SimInode::apply_drawn(const Change& change, SimRandom& luck, SimLossOdds odds) {
  if (luck.chance(odds.lost)) {
    // The size may have reached the drive although the bytes did not.
    const std::uint64_t end = change.offset + change.data.size();
    if (!change.is_resize && end > durable_.size() && luck.chance(0.25)) durable_.resize(end);
    return;
  }
  if (!change.is_resize && luck.chance(odds.torn)) apply_torn(change, luck);
  else apply(change);
}

void SimInode::lose_unsynced(SimLoss loss, SimRandom& luck, SimLossOdds odds) {
  if (loss == SimLoss::kDrawn)
    for (const Change& change : pending_) apply_drawn(change, luck, odds);
  set_content(durable_);
}

void SimInode::flip(std::uint64_t offset, unsigned bit) {
  cached_.flip(offset, bit);
  durable_.flip(offset, bit);
  for (Change& change : pending_) {  // Rot outlives a sync of the very bytes it hit.
    if (change.is_resize || offset < change.offset) continue;
    if (offset - change.offset < change.data.size())
      change.data[static_cast<std::size_t>(offset - change.offset)] ^=
          static_cast<std::uint8_t>(1u << (bit & 7));
  }
}

void SimInode::set_content(SimContent content) {
  pending_.clear();
  diverged_ = false;
  durable_ = content;
  const std::uint64_t before = cached_.size();
  cached_ = std::move(content);
  charge(before);
}

}  // namespace creel
