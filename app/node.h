#pragma once
#include <memory>

#include "app/check_report.h"
#include "app/config.h"
#include "app/metrics.h"
#include "platform/async/scope.h"
#include "platform/platform.h"
#include "s3/service/object_service.h"
#include "store/store.h"

namespace creel::app {

// What lies under the S3 service: one store at the edge, many drives in a core. Opened before
// anything listens, closed after everything has stopped.
class Node {
 public:
  virtual ~Node() = default;
  virtual s3::Log& log() = 0;
  virtual s3::Blobs& blobs() = 0;
  virtual store::Store& log_store() = 0;  // The operation log: what replication reads.
  // Background work until ctx stops: log writer, checkpoints, repair.
  virtual Task<void> run(Ctx& ctx) = 0;
  virtual Task<Result<Unit>> close(Ctx& ctx) = 0;

  // Every store of this process that is open now: the log's first.
  virtual std::vector<NamedStore> stores() = 0;

  // A core's drives; an edge has none of these.
  virtual void add_metrics(Metrics& metrics) const { (void)metrics; }
  virtual std::string drives_json() const { return {}; }
  // What runs out of room, for people; empty: nothing does.
  virtual std::string space_warning() { return log_store().status().space.warning; }
  // Starts repairing everything (if asked) and tells how far it is, as JSON.
  virtual Task<Result<std::string>> heal(Ctx& ctx, bool start) {
    (void)ctx, (void)start;
    co_return fail(ErrorCode::kUnsupported,
                   "an edge has one drive: there is nothing to heal it from");
  }
};

// Every index is thrown away and made anew if `rebuild_index`.
Task<Result<std::unique_ptr<Node>>> open_edge(Ctx& ctx, Platform& platform, const Config& config,
                                              bool rebuild_index = false);
Task<Result<std::unique_ptr<Node>>> open_core(Ctx& ctx, Platform& platform, const Config& config,
                                              bool rebuild_index = false);

}  // namespace creel::app
