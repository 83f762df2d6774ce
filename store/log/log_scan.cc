#include "store/log/log_scan.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::store {

Task<Result<ByteView>> LogWindow::view(Ctx& ctx, Folder& folder, std::uint32_t segment,
                                       std::uint64_t offset, std::size_t want) {
  const bool same = folder_ == &folder && segment_ == segment && offset >= start_;
  const bool inside = same && offset + want <= start_ + data_.size();
  if (!inside && !(same && at_end_ && offset <= start_ + data_.size())) {
    folder_ = nullptr;
    CO_TRY(file, co_await folder.segment(ctx, segment));
    data_.resize(std::max(want, kReadAhead));
    CO_TRY(got, co_await file->read(ctx, offset, data_));
    at_end_ = got < data_.size();
    data_.resize(got);
    folder_ = &folder;
    segment_ = segment;
    start_ = offset;
  }
  const auto skip = static_cast<std::size_t>(offset - start_);
  co_return ByteView(data_).subspan(skip, std::min(want, data_.size() - skip));
}

LogScan::LogScan(Volume& volume, const SegmentInfo& segment, Lsn last)
    : volume_(volume), last_(last) {
  enter(segment);
}

void LogScan::enter(const SegmentInfo& segment) {
  segment_ = segment;
  at_ = kSegmentHeadBytes;
  expect_ = segment.first_batch;
  next_known_ = 0;
}

// The segment that goes on where this one ends: the next in log order.
const std::optional<SegmentInfo>& LogScan::next_segment() {
  if (next_known_ == volume_.segments_version) return next_;
  next_known_ = volume_.segments_version;
  next_.reset();
  for (const SegmentInfo* info : volume_.log_segments()) {
    const bool later =
        std::pair(info->first_batch, info->term) > std::pair(segment_.first_batch, segment_.term);
    if (info->id != segment_.id && later && !next_) next_ = *info;
  }
  return next_;
}

Task<Result<LogScan::Step>> LogScan::next(Ctx& ctx, const Bounds& bounds) {
  for (;;) {
    if (batch_next_ < batch_.records.size()) {
      const RecordView& record = batch_.records[batch_next_];
      if (record.head.type == RecordType::kOp && record.head.lsn.value > last_.value + 1) {
        damage_at_ = record.offset;
        co_return lost_step(last_.next(), {record.head.lsn.value - 1});
      }
      ++batch_next_;
      co_return record_step(record);
    }
    if (gap_) {
      CO_TRY(step, co_await salvage(ctx));
      if (step) co_return *step;
      continue;
    }
    CO_TRY(more, co_await load_batch(ctx, bounds));
    if (!more) co_return Step();
  }
}

LogScan::Step LogScan::record_step(const RecordView& record) {
  Step step;
  step.kind = Step::Kind::kRecord;
  step.record = record;
  step.segment = segment_;
  if (record.head.type == RecordType::kOp) last_ = record.head.lsn;
  return step;
}

LogScan::Step LogScan::lost_step(Lsn first, Lsn last) {
  Step step;
  step.kind = Step::Kind::kLost;
  step.segment = segment_;
  step.lost = {first, last, segment_.id, damage_at_};
  damaged_ = true;
  last_ = last;
  return step;
}

// Makes batch_ the next batch, or gap_ the damage before it. False at the end of the log.
Task<Result<bool>> LogScan::load_batch(Ctx& ctx, const Bounds& bounds) {
  batch_ = BatchView();
  batch_next_ = 0;
  for (;;) {
    if (bounds.stop && bounds.stop->segment == segment_.id && at_ >= bounds.stop->offset)
      co_return false;
    const std::optional<SegmentInfo> next = next_segment();
    if (next && expect_ >= next->first_batch) {
      enter(SegmentInfo(*next));
      continue;
    }
    CO_TRY(structure_good, co_await read_anywhere(ctx, bounds));
    if (structure_good && batch_.payloads_good) {
      accept_batch();
      co_return true;
    }
    co_return co_await handle_bad(ctx, bounds, structure_good);
  }
}

void LogScan::accept_batch() {
  last_batch_place_ = LogPlace{segment_.id, at_};
  last_batch_bytes_ = batch_.head.total_bytes;
  at_ += batch_.head.total_bytes;
  expect_ = batch_.head.number + 1;
  chain_ = chain_next(batch_.head.chain, batch_.footer_crc64);
  chain_known_ = true;
}

bool LogScan::fits_chain(const BatchView& batch) const {
  return batch.head.number == expect_ && (!chain_known_ || batch.head.chain == chain_);
}

Task<Result<bool>> LogScan::read_batch(Ctx& ctx, Folder& folder, std::uint64_t at) {
  const Seed seed = volume_.seed_of(segment_);
  Result<ByteView> head_bytes =
      co_await window_.view(ctx, folder, segment_.id, at, kBatchHeadBytes);
  if (!head_bytes.ok()) co_return head_bytes.error();
  Result<BatchHead> head = parse_batch_head(seed, at, head_bytes.value());
  if (!head.ok()) co_return false;
  Result<ByteView> bytes =
      co_await window_.view(ctx, folder, segment_.id, at, head.value().total_bytes);
  if (!bytes.ok()) co_return bytes.error();
  Result<BatchView> batch = parse_batch(seed, at, bytes.value(), true);
  if (!batch.ok() || !fits_chain(batch.value())) co_return false;
  batch_ = batch.take();
  co_return true;
}

// The batch at at_ from the first folder that has it whole, else with bad payloads, else false. An
// unreadable folder is as good as a damaged one while another can serve.
Task<Result<bool>> LogScan::read_anywhere(Ctx& ctx, const Bounds& bounds) {
  std::vector<Folder*> bad;
  std::optional<Error> unreadable;
  Folder* partly = nullptr;
  for (Folder* folder : volume_.to_read()) {
    Result<bool> read = co_await read_batch(ctx, *folder, at_);
    if (!read.ok()) unreadable = read.error();
    if (read.ok() && read.value() && batch_.payloads_good) {
      if (!bad.empty() && bounds.repair) CO_DO(co_await repair(ctx, *folder, bad));
      co_return true;
    }
    if (read.ok() && read.value() && partly == nullptr) partly = folder;
    bad.push_back(folder);
  }
  if (partly != nullptr) co_return co_await read_batch(ctx, *partly, at_);
  batch_ = BatchView();
  if (unreadable && bad.size() == 1) co_return *unreadable;
  co_return false;
}

// `good` holds the batch at at_ whole, and batch_ is its view.
Task<Result<Unit>> LogScan::repair(Ctx& ctx, Folder& good, const std::vector<Folder*>& bad) {
  CO_TRY(whole, co_await window_.view(ctx, good, segment_.id, at_, batch_.head.total_bytes));
  const auto bytes = std::make_shared<const Bytes>(to_bytes(whole));
  for (Folder* folder : bad) {
    Result<Unit> written = co_await folder->write_synced(ctx, segment_.id, at_, bytes);
    if (!written.ok()) folder->leave(error_text(written.error()));
    volume_.report(cat(folder->dir(), ": segment ", segment_.id, " offset ", at_,
                       written.ok() ? ": damaged batch repaired from another folder"
                                    : ": damaged batch could not be repaired"));
  }
  co_return Unit{};
}

// R4: the batch at at_ is bad in every folder. The end of the log, or damage to go around?
Task<Result<bool>> LogScan::handle_bad(Ctx& ctx, const Bounds& bounds, bool structure_good) {
  if (volume_.find(segment_.id, segment_.generation) == nullptr)
    co_return fail(ErrorCode::kNotFound,
                   cat("the log no longer holds operation ", last_.value + 1));
  const std::uint64_t file_end = bounds.stop && bounds.stop->segment == segment_.id
                                     ? bounds.stop->offset
                                     : volume_.segment_bytes;
  const std::uint64_t from = at_ + (structure_good ? batch_.head.total_bytes : kBlock);
  std::optional<LogPlace> found;
  if (!bounds.looked_behind || expect_ <= *bounds.looked_behind) {
    CO_TRY(probed, co_await probe(ctx, from, file_end));
    found = probed;
  }
  const std::optional<SegmentInfo> next = next_segment();
  const bool known = expect_ <= bounds.durable_batch || last_ < bounds.durable_lsn;
  if (!found && !next && !known) {
    tail_torn_ = true;
    batch_ = BatchView();
    co_return false;
  }
  damaged_ = true;
  if (structure_good) {  // Every operation is known; only bodies are bad, and reads will say so.
    CO_TRY(again, co_await read_anywhere(ctx, bounds));
    check(again);
    for (const RecordView& record : batch_.records)
      if (!record.payload_good) {
        ++volume_.damaged_ranges;
        volume_.report(cat("segment ", segment_.id, " offset ", record.offset,
                           ": the body of "
                           "operation ",
                           record.head.lsn.value, " does not match its checksum"));
      }
    accept_batch();
    co_return true;
  }
  Gap gap{at_, at_, file_end, {}, 0};
  if (found) {
    gap.end = found->offset;
    gap.limit = probed_->first_lsn;
    gap.next_batch = probed_->number;
  } else if (next) {
    gap.limit = next->first_lsn;
    gap.next_batch = next->first_batch;
  } else {
    gap.limit = bounds.durable_lsn > last_ ? bounds.durable_lsn.next() : Lsn{};
    gap.next_batch = std::max(bounds.durable_batch, expect_) + 1;
  }
  damage_at_ = at_;
  ++volume_.damaged_ranges;
  volume_.report(
      cat("segment ", segment_.id, ": damaged between offsets ", gap.begin, " and ", gap.end));
  gap_ = gap;
  co_return true;
}

// The next batch header in [from, to) of this segment that belongs behind expect_.
Task<Result<std::optional<LogPlace>>> LogScan::probe(Ctx& ctx, std::uint64_t from,
                                                     std::uint64_t to) {
  const Seed seed = volume_.seed_of(segment_);
  const std::optional<SegmentInfo> next = next_segment();
  for (Folder* folder : volume_.to_read()) {
    for (std::uint64_t at = from; at + kBlock <= to;) {
      Result<ByteView> bytes =
          co_await window_.view(ctx, *folder, segment_.id, at, LogWindow::kReadAhead);
      if (!bytes.ok() || bytes.value().size() < kBatchHeadBytes) break;
      const ByteView piece = bytes.value();
      bool behind = false;  // What follows belongs to the next segment.
      for (std::size_t i = 0; i + kBatchHeadBytes <= piece.size() && at + kBlock <= to;
           i += kBlock, at += kBlock) {
        if (!may_be_batch(piece.subspan(i))) continue;
        Result<BatchHead> head = parse_batch_head(seed, at, piece.subspan(i));
        if (!head.ok() || head.value().number <= expect_) continue;
        behind = next && head.value().number >= next->first_batch;
        if (behind) break;
        probed_ = head.value();
        co_return std::optional<LogPlace>(LogPlace{segment_.id, at});
      }
      if (behind) break;
    }
  }
  co_return std::optional<LogPlace>();
}

// Inside damage: the next record that still holds, else the range of those that do not; nullopt
// once the damage is behind us.
Task<Result<std::optional<LogScan::Step>>> LogScan::salvage(Ctx& ctx) {
  const Seed seed = volume_.seed_of(segment_);
  Gap& gap = *gap_;
  const std::vector<Folder*> folders = volume_.to_read();
  for (; gap.at + kRecordHeadBytes <= gap.end; gap.at += 8) {
    for (Folder* folder : folders) {
      Result<ByteView> bytes =
          co_await window_.view(ctx, *folder, segment_.id, gap.at, kRecordHeadBytes);
      if (!bytes.ok()) continue;
      Result<RecordHead> head = parse_record_head(seed, gap.at, bytes.value());
      if (!head.ok() || head.value().type != RecordType::kOp || head.value().lsn <= last_ ||
          (gap.limit.value != 0 && head.value().lsn >= gap.limit))
        continue;
      const auto total = static_cast<std::size_t>(head.value().total_bytes());
      bytes = co_await window_.view(ctx, *folder, segment_.id, gap.at, total);
      if (!bytes.ok()) continue;
      Result<RecordView> record = parse_record(seed, gap.at, bytes.value(), true);
      if (!record.ok()) continue;
      if (record.value().head.lsn.value > last_.value + 1)
        co_return lost_step(last_.next(), {record.value().head.lsn.value - 1});
      gap.at += total;
      co_return record_step(record.value());
    }
  }
  if (gap.limit.value > last_.value + 1) co_return lost_step(last_.next(), {gap.limit.value - 1});
  at_ = gap.end;
  expect_ = gap.next_batch;
  chain_known_ = false;
  gap_.reset();
  co_return std::optional<Step>();
}

}  // namespace creel::store
