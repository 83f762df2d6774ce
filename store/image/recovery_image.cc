// The index from an image and the log above it (store.md §9). Every step may be cut and done again:
// a base that was being filled says so, and is filled anew.
#include <algorithm>

#include "platform/base/text.h"
#include "store/image/image_reader.h"
#include "store/recovery.h"

namespace creel::store {
namespace {

constexpr std::uint64_t kLoadBytes = 4 * MiB;  // Of rows, in one transaction.

}  // namespace

// Only what an image's end says: it was written after everything else had been read back.
Task<Result<Unit>> Recovery::find_images(Ctx& ctx) {
  images_.clear();
  std::vector<SegmentInfo> segments;
  for (const auto& [id, info] : volume_.segments)
    if (info.stream == StreamKind::kImage) segments.push_back(info);
  for (const SegmentInfo& info : segments) CO_DO(co_await find_image(ctx, info));
  std::stable_sort(images_.begin(), images_.end(), [](const Found& a, const Found& b) {
    return std::pair(a.info.lsn, a.info.stamp) > std::pair(b.info.lsn, b.info.stamp);
  });
  co_return Unit{};
}

Task<Result<Unit>> Recovery::find_image(Ctx& ctx, const SegmentInfo& first) {
  for (Folder* folder : volume_.to_read()) {
    Bytes block(kBlock);
    Result<FileRef> file = co_await folder->segment(ctx, first.id);
    if (!file.ok()) continue;
    Result<std::size_t> got = co_await file.value()->read(ctx, kImageEndAt, block);
    if (!got.ok()) continue;
    block.resize(got.value());
    Result<RecordView> record = parse_record(volume_.seed_of(first), kImageEndAt, block, true);
    if (!record.ok()) continue;
    Result<ImageInfo> info = parse_image_end(record.value());
    if (!info.ok()) continue;
    const auto& parts = info.value().parts;
    const bool all = std::all_of(parts.begin(), parts.end(), [&](const ImagePart& part) {
      const SegmentInfo* found = volume_.find(part.segment, part.generation);
      return found != nullptr && found->stream == StreamKind::kImage;
    });
    if (!all || parts.front().segment != first.id) continue;
    images_.push_back({info.take(), nullptr});
    break;
  }
  co_return Unit{};
}

// An operation behind `lsn` is the first that is needed.
bool Recovery::log_reaches(Lsn lsn) const {
  const std::vector<const SegmentInfo*> logs = volume_.log_segments();
  if (volume_.log_begin > lsn.next()) return false;
  return fresh_ || (!logs.empty() && logs.front()->first_lsn <= lsn.next());
}

// Whether the index may be thrown away. Errors: kCorrupt, which names what is missing.
Task<Result<Unit>> Recovery::may_rebuild(Ctx& ctx) {
  while (!images_.empty() && images_.front().verified == nullptr) {
    Found& image = images_.front();
    const Lsn lsn = image.info.lsn;
    Error why = fail(ErrorCode::kCorrupt,
                     cat("image of operation ", lsn.value, ": the log does not go on from there"));
    if (log_reaches(lsn)) {
      for (Folder* folder : volume_.to_read()) {
        Result<Unit> good = co_await verify_image(ctx, volume_, *folder, image.info);
        if (good.ok()) {
          image.verified = folder;
          break;
        }
        why = good.error();
        if (ctx.stopped()) co_return why;
      }
    }
    if (image.verified != nullptr) break;
    volume_.report(cat("not used: ", error_text(why)));
    images_.erase(images_.begin());
  }
  // Nothing but spares: the very first start was cut.
  if (!images_.empty() || log_is_complete() || volume_.segments.empty()) co_return Unit{};
  const std::vector<const SegmentInfo*> logs = volume_.log_segments();
  co_return fail(ErrorCode::kCorrupt, cat("the index cannot be rebuilt: ",
                                          logs.empty() ? std::string("no log is left")
                                                       : cat("the log begins with operation ",
                                                             logs.front()->first_lsn.value),
                                          " and no whole image of an earlier state is there"));
}

// Into the empty base. Does nothing if there is no image: then the whole log is replayed.
Task<Result<Unit>> Recovery::load_image(Ctx& ctx) {
  from_image_ = false;
  CO_DO(co_await may_rebuild(ctx));
  if (images_.empty()) co_return Unit{};
  const Found image = images_.front();
  volume_.note(cat("the index is filled from the image of operation ", image.info.lsn.value, ": ",
                   image.info.rows, " rows"));
  ImageReader reader(volume_, *image.verified, image.info);
  RowBase& base = *engine_.base_;
  std::uint64_t rows = 0;
  from_image_ = true;
  for (bool more = true; more;) {
    std::vector<RowEdit> edits;
    const std::uint64_t begun = reader.bytes_read();
    while (more && reader.bytes_read() - begun < kLoadBytes) {
      if (ctx.stopped()) co_return ctx.stop_error();
      CO_TRY(another, co_await reader.next(ctx));
      more = another;
      for (const ImageRow& row : reader.rows())
        edits.push_back({row.table, std::string(row.key), std::string(row.value)});
    }
    rows += edits.size();
    Result<Unit> loaded = Unit{};
    auto work = [&] { loaded = base.load(edits, more ? Lsn{} : image.info.lsn); };
    co_await offload_call(ctx, volume_.platform.offload, work);
    if (!loaded.ok()) co_return loaded.error();
    base.publish();
    say_progress("filling the index from the image", rows, reader.bytes_read(), image.info.bytes);
  }
  if (base.state_hash() != image.info.hash)
    co_return fail(ErrorCode::kCorrupt, "index: filled from an image, it has another hash");
  co_return engine_.ledger_.load(base);
}

// At most one line a second.
void Recovery::say_progress(std::string_view what, std::uint64_t rows, std::uint64_t bytes,
                            std::uint64_t of_bytes) {
  const Instant now = volume_.platform.clock.now();
  if (now - said_ < 1_s) return;
  said_ = now;
  volume_.note(cat(what, ": ", rows, " rows, ", bytes / MiB, " of ", of_bytes / MiB, " MiB, ",
                   of_bytes == 0 ? 100 : std::min<std::uint64_t>(100, bytes * 100 / of_bytes),
                   " %"));
}

// All of the rebuilt rows to the drive, and what is known of the state compared with them.
Task<Result<Unit>> Recovery::finish_rebuild(Ctx& ctx) {
  CO_DO(co_await engine_.checkpoint(ctx));
  const RowBase& base = *engine_.base_;
  volume_.note(cat("the index is rebuilt: ", base.row_count(), " rows as of operation ",
                   base.applied().value));
  const bool known =
      state_.clean && state_.last_lsn == base.applied() && state_.hash != StateHash();
  if (known && state_.hash != base.state_hash())
    volume_.report(cat("the rebuilt index differs from the one at the last stop, operation ",
                       base.applied().value));
  co_return Unit{};
}

// The newest that does not run ahead of the log counts; other segments of images go.
void Recovery::keep_images() {
  std::erase_if(images_, [&](const Found& image) { return image.info.lsn > engine_.durable_lsn_; });
  engine_.adopt_image(images_.empty() ? ImageInfo() : images_.front().info);
}

}  // namespace creel::store
