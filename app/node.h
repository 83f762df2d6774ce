#pragma once
#include <memory>

#include "app/config.h"
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
};

Task<Result<std::unique_ptr<Node>>> open_edge(Ctx& ctx, Platform& platform, const Config& config);
Task<Result<std::unique_ptr<Node>>> open_core(Ctx& ctx, Platform& platform, const Config& config);

}  // namespace creel::app
