#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "s3/model/lifecycle_mark.h"
#include "s3/service/object_service.h"

namespace creel::s3 {

struct LifecycleCounts {
  std::uint64_t passes = 0;   // That came to their end.
  std::uint64_t rows = 0;     // Looked at.
  std::uint64_t objects = 0, versions = 0, markers = 0, uploads = 0;  // Expired.
  std::uint64_t waiting = 0;  // Due, but locked or not yet replicated.
};

// What the lifecycle rules of the buckets expire (s3.md §12): a pass over the rows of every bucket
// that has rules, in bounded steps, again and again. Each expiry is an operation of the log, bound
// to the version it means: what is written meanwhile, locked, or waits for replication stays. A
// pass that was cut goes on at its mark. Buckets without rules cost nothing.
class LifecycleWorker {
 public:
  explicit LifecycleWorker(ObjectService& service) : service_(service) {}
  // Pass after pass until ctx stops.
  Task<void> run(Ctx& ctx);
  // One pass, from the mark if there is one. Errors: kStopped, and those of the log.
  Task<Result<Unit>> pass(Ctx& ctx);
  const LifecycleCounts& counts() const { return counts_; }

 private:
  struct Due {
    enum class Kind : std::uint8_t { kObject, kVersion, kMarker, kUpload };
    Kind kind = Kind::kObject;
    std::string key, id;  // Of the version or upload.
    std::uint64_t lsn = 0;
  };
  // Where in the versions of one key the scan is.
  struct KeyState {
    std::string key;
    bool any = false;
    std::int64_t newer_ms = 0;  // When what is newer was written: since then it is noncurrent.
    std::uint32_t newer_noncurrent = 0;
  };
  struct Bucket {
    std::string name;
    BucketRecord record;
    std::shared_ptr<const LifecycleRules> rules;
  };
  Result<bool> next_bucket(std::string_view after, bool inclusive, Bucket& bucket);
  Task<Result<Unit>> scan(Ctx& ctx, const Bucket& bucket, LifecycleMark& mark);
  // Looks at up to kStepRows rows behind mark.after; false: the table's end of this bucket.
  Result<bool> step(const Bucket& bucket, LifecycleMark& mark, std::vector<Due>& due);
  Result<Unit> look_at_object(const Bucket& bucket, std::string_view key, std::string_view value,
                              std::vector<Due>& due);
  Result<Unit> look_at_version(const Bucket& bucket, std::string_view row_key,
                               std::string_view value, bool last_of_key, std::vector<Due>& due);
  Result<Unit> look_at_upload(const Bucket& bucket, std::string_view row_key,
                              std::string_view value, std::vector<Due>& due);
  Task<Result<Unit>> expire(Ctx& ctx, const Bucket& bucket, std::vector<Due> due);
  static Task<void> expire_one(Ctx& ctx, LifecycleWorker& worker, const Bucket& bucket,
                               const Due& due, Result<Unit>& outcome);
  Task<Result<Unit>> save(Ctx& ctx, LifecycleMark mark);
  bool is_due(std::int64_t from_ms, std::uint32_t days) const;

  ObjectService& service_;
  LifecycleCounts counts_;
  std::int64_t now_ms_ = 0;  // Of this pass.
  KeyState versions_;
  std::uint64_t unsaved_rows_ = 0;
  bool marked_ = false;  // There is a mark in the rows.
};

}  // namespace creel::s3
