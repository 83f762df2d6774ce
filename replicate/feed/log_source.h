#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "replicate/feed/source.h"
#include "s3/model/ops.h"
#include "s3/service/blobs.h"
#include "s3/service/key_ring.h"
#include "s3/service/log.h"
#include "store/store.h"

namespace creel::replicate {

struct LogSourceOptions {
  std::string stream;  // Its parked operations come again when a retry is logged.
  // Which objects the target wants; empty: all. Pure: the same answer for the same names.
  std::function<bool(std::string_view bucket, std::string_view key)> wants;
  const s3::KeyRing* keys = nullptr;  // Opens encrypted objects; null: there is none.
};

// Reads the operations of one store's log for one stream. Operations that came from another site
// are left out: what was replicated here is not sent on.
class LogSource final : public Source {
 public:
  LogSource(store::Store& store, s3::Log& log, s3::Blobs& blobs, LogSourceOptions options)
      : store_(store), log_(log), blobs_(blobs), options_(std::move(options)) {}

  Task<Result<FeedBatch>> read(Ctx& ctx, std::uint64_t after, FeedBounds bounds) override;
  Task<Result<std::unique_ptr<FeedBody>>> open(Ctx& ctx, FeedItem item) override;
  Task<Result<Unit>> wait_beyond(Ctx& ctx, std::uint64_t after) override;
  std::uint64_t end() const override;

 private:
  const s3::KeyRing& keys() const;
  Result<bool> deletes_only_a_version(const s3::DeleteObject& op) const;
  // nullopt: concerns nobody. Errors: those of the rows.
  Result<std::optional<FeedItem>> item_of(const store::LoggedOp& logged) const;
  Result<std::optional<FeedItem>> put_item(std::uint64_t lsn, std::uint64_t version_lsn,
                                           std::int64_t time_ms, std::string bucket,
                                           std::string key) const;
  Result<std::optional<FeedItem>> retry_item(std::uint64_t lsn, std::string_view meta) const;
  // What the log no longer tells, for a target that was named late: the objects as they are now.
  Task<Result<FeedBatch>> existing(Ctx& ctx, std::uint64_t after, std::uint64_t end,
                                   std::size_t count_max) const;
  Result<FeedBatch> past_damage(std::uint64_t after, Error why) const;

  store::Store& store_;
  s3::Log& log_;
  s3::Blobs& blobs_;
  LogSourceOptions options_;
};

}  // namespace creel::replicate
