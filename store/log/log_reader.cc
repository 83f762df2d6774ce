#include "store/log/log_reader.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::store {

Result<std::unique_ptr<LogReader::Cursor>> LogReader::take_cursor(Lsn after) {
  for (auto it = cursors_.begin(); it != cursors_.end(); ++it)
    if ((*it)->at == after) {
      std::unique_ptr<Cursor> cursor = std::move(*it);
      cursors_.erase(it);
      return cursor;
    }
  if (after.value + 1 < volume_.log_begin.value)
    return fail(ErrorCode::kNotFound, cat("the log no longer holds operation ", after.value + 1));
  const SegmentInfo* start = nullptr;
  for (const SegmentInfo* info : volume_.log_segments())
    if (start == nullptr || info->first_lsn.value <= after.value + 1) start = info;
  if (start == nullptr || start->first_lsn.value > after.value + 1)
    return fail(ErrorCode::kNotFound, cat("the log no longer holds operation ", after.value + 1));
  auto cursor = std::make_unique<Cursor>(LogScan(volume_, *start, {start->first_lsn.value - 1}));
  cursor->at = after;
  return cursor;
}

Task<Result<std::vector<LoggedOp>>> LogReader::read(Ctx& ctx, Lsn after, std::size_t bytes_max,
                                                    bool with_payload, LogScan::Bounds bounds) {
  std::vector<LoggedOp> ops;
  if (after >= bounds.durable_lsn) co_return std::move(ops);
  CO_TRY(cursor, take_cursor(after));
  cursor->scan.refresh();
  std::size_t bytes = 0;
  std::optional<Error> lost;
  while (!lost) {
    CO_TRY(step, co_await cursor->scan.next(ctx, bounds));
    if (step.kind == LogScan::Step::Kind::kEnd) break;
    if (step.kind == LogScan::Step::Kind::kLost) {
      if (step.lost.last <= after) continue;
      lost = fail(ErrorCode::kCorrupt,
                  cat("operations ", step.lost.first.value, " to ", step.lost.last.value,
                      " are lost: segment ", step.lost.segment, " offset ", step.lost.offset));
      if (std::find(volume_.lost.begin(), volume_.lost.end(), step.lost) == volume_.lost.end() &&
          volume_.lost.size() < kLostRangesMax)
        volume_.lost.push_back(step.lost);
      break;
    }
    const RecordView& record = step.record;
    if (record.head.type != RecordType::kOp || record.head.lsn <= after) continue;
    if (record.head.lsn > bounds.durable_lsn) break;
    LoggedOp op;
    op.lsn = record.head.lsn;
    op.op.meta = to_bytes(record.meta);
    if (with_payload) {
      if (!record.payload_good) {
        lost = fail(ErrorCode::kCorrupt, cat("the body of operation ", op.lsn.value,
                                             " does not match its checksum: segment ",
                                             step.segment.id, " offset ", record.offset));
        break;
      }
      op.op.payload = to_bytes(record.payload);
    }
    if (!record.payload.empty()) {
      op.payload.segment = step.segment.id;
      op.payload.generation = step.segment.generation;
      op.payload.offset =
          record.offset + kRecordHeadBytes + record.head.key_bytes + record.head.meta_bytes;
      op.payload.length = record.payload.size();
      op.payload.crc64 = record.head.crc64;
    }
    bytes += static_cast<std::size_t>(record.head.total_bytes());
    cursor->at = op.lsn;
    ops.push_back(std::move(op));
    if (bytes >= bytes_max) break;
  }
  if (lost && ops.empty()) co_return *lost;
  if (!lost && !ops.empty()) {
    if (cursors_.size() >= kCursorsMax) cursors_.erase(cursors_.begin());
    cursors_.push_back(std::move(cursor));
  }
  co_return std::move(ops);
}

}  // namespace creel::store
