#pragma once
#include "store/store.h"

namespace creel::s3 {

// The operation log below the state machine: local segments at the edge, mirrored segments in a
// core. Owned by s3/service; implemented in edge/ and core/. The S3 code cannot tell which.
class Log {
 public:
  // Decided and durable on return; kUnknown: it may have happened, ask the rows after a restart.
  virtual Task<Result<store::Verdict>> submit(Ctx& ctx, store::Op op) = 0;
  // The newest published state. Never held across co_await.
  virtual const store::RowReader& rows() const = 0;
  // Largest body that may ride inside an operation.
  virtual std::size_t inline_bytes_max() const = 0;
  // Bytes of this object are damaged: for the operator's eyes.
  virtual void mark_damaged(std::string name, std::string why) { (void)name, (void)why; }

 protected:
  ~Log() = default;
};

}  // namespace creel::s3
