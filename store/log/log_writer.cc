#include "store/log/log_writer.h"

#include "platform/base/text.h"

namespace creel::store {

LogWriter::LogWriter(Volume& volume)
    : volume_(volume), jobs_(volume.platform.executor), progress_(volume.platform.executor) {}

Task<Result<Unit>> LogWriter::resume(Ctx& ctx, const SegmentInfo& segment) {
  const std::uint32_t id = segment.id;
  segment_ = segment;
  const auto open = [&](Folder& folder) { return folder.open_log(ctx, id, Bytes()); };
  co_return co_await volume_.on_all(ctx, open);
}

Task<Result<Unit>> LogWriter::take(Ctx& ctx, Lsn first_lsn, std::uint64_t first_batch,
                                   std::size_t reserve) {
  CO_TRY(info, co_await volume_.claim(ctx, StreamKind::kLog, reserve));
  info.first_lsn = first_lsn;
  info.first_batch = first_batch;
  const Bytes header = volume_.header_of(info);
  Result<Unit> written = Unit{};
  if (lanes_.empty()) {
    const auto open = [&](Folder& folder) { return folder.open_log(ctx, info.id, header); };
    written = co_await volume_.on_all(ctx, open);
  } else {
    auto shared = std::make_shared<const Bytes>(header);
    written = co_await send(0, std::move(shared), info.id);
  }
  if (!written.ok()) {
    volume_.give_back(info);
    co_return written.error();
  }
  volume_.add(info);
  segment_ = info;
  co_return Unit{};
}

Task<Result<Unit>> LogWriter::append(Ctx& ctx, std::uint64_t offset,
                                     std::shared_ptr<const Bytes> bytes) {
  if (lanes_.empty()) {
    check(volume_.folders.size() == 1);
    co_return co_await volume_.folders[0]->append(ctx, offset, std::move(bytes));
  }
  co_return co_await send(offset, std::move(bytes), 0);
}

void LogWriter::start(Scope& scope) {
  finishing_ = false;
  if (volume_.folders.size() == 1) return;
  for (const auto& folder : volume_.folders) {
    lanes_.push_back(std::make_unique<Lane>(Lane{folder.get(), {}, 0, sequence_, false}));
    scope.spawn(work(scope.ctx(), *lanes_.back()));
  }
}

void LogWriter::finish() {
  finishing_ = true;
  jobs_.notify();
}

Task<void> LogWriter::work(Ctx& ctx, Lane& lane) {
  for (;;) {
    while (lane.jobs.empty() && !finishing_) co_await jobs_.wait();
    if (lane.jobs.empty()) break;
    if (lane.folder->live()) {
      lane.busy = true;
      Result<Unit> done = co_await run_job(ctx, lane, lane.jobs.front());
      lane.busy = false;
      if (!done.ok()) lane.folder->leave(error_text(done.error()));
    }
    if (lane.folder->live()) {
      lane.done = lane.jobs.front().sequence;
      lane.queued_bytes -= lane.jobs.front().bytes->size();
      lane.jobs.pop_front();
    } else {
      lane.jobs.clear();
      lane.queued_bytes = 0;
    }
    mark_behind();
    progress_.notify();
  }
}

bool LogWriter::idle(const Folder& folder) const {
  for (const auto& lane : lanes_)
    if (lane->folder == &folder) return !lane->busy && lane->jobs.empty();
  return false;
}

void LogWriter::admit(const Folder& folder) {
  for (const auto& lane : lanes_)
    if (lane->folder == &folder) {
      check(!lane->busy && lane->jobs.empty());
      lane->queued_bytes = 0;
      lane->done = sequence_;
    }
  mark_behind();
}

void LogWriter::mark_behind() {
  for (const auto& lane : lanes_) lane->folder->behind = lane->done < durable_;
}

Task<Result<Unit>> LogWriter::run_job(Ctx& ctx, Lane& lane, Job job) {
  if (job.new_segment != 0)
    co_return co_await lane.folder->open_log(ctx, job.new_segment, *job.bytes);
  co_return co_await lane.folder->append(ctx, job.offset, std::move(job.bytes));
}

Task<Result<Unit>> LogWriter::send(std::uint64_t offset, std::shared_ptr<const Bytes> bytes,
                                   std::uint32_t new_segment) {
  const std::uint64_t mine = ++sequence_;
  for (const auto& lane : lanes_) {
    if (!lane->folder->live()) continue;
    lane->queued_bytes += bytes->size();
    lane->jobs.push_back({mine, offset, bytes, new_segment, volume_.platform.clock.now()});
  }
  drop_laggards();
  jobs_.notify();
  while (count_done(mine) < volume_.majority()) {
    if (volume_.live_count() < volume_.majority()) {
      std::string text = "no majority of the log folders is left";
      for (const auto& folder : volume_.folders)
        if (!folder->live()) text += cat("; ", folder->dir(), ": ", folder->why_down());
      co_return fail(ErrorCode::kIo, text);
    }
    co_await progress_.wait();
  }
  durable_ = mine;
  mark_behind();
  co_return Unit{};
}

// Only while a majority keeps up: the last ones needed are waited for.
void LogWriter::drop_laggards() {
  const Instant now = volume_.platform.clock.now();
  for (const auto& lane : lanes_) {
    if (!lane->folder->live() || lane->jobs.empty() || volume_.live_count() <= volume_.majority())
      continue;
    if (lane->queued_bytes <= kLagBytesMax && now - lane->jobs.front().since <= kLagMax) continue;
    lane->folder->leave(cat("lags by ", lane->queued_bytes / KiB, " KiB"));
    volume_.report(cat("log folder ", lane->folder->dir(), ": ", lane->folder->why_down()));
  }
}

std::size_t LogWriter::count_done(std::uint64_t sequence) const {
  std::size_t done = 0;
  for (const auto& lane : lanes_)
    if (lane->folder->live() && lane->done >= sequence) ++done;
  return done;
}

}  // namespace creel::store
