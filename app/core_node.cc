#include "app/node.h"

namespace creel::app {

Task<Result<std::unique_ptr<Node>>> open_core(Ctx&, Platform&, const Config&) {
  co_return fail(ErrorCode::kUnsupported, "the core role is not in this build yet");
}

}  // namespace creel::app
