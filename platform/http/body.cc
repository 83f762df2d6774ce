#include "platform/http/body.h"

#include <algorithm>
#include <cstring>

#include "platform/base/text.h"

namespace creel {

Task<Result<std::size_t>> BytesBody::read(Ctx&, MutableBytes into) {
  const std::size_t count = std::min(left_.size(), into.size());
  if (count != 0) std::memcpy(into.data(), left_.data(), count);
  left_ = left_.subspan(count);
  co_return count;
}

Task<Result<std::string>> read_all(Ctx& ctx, BodyReader& body, std::uint64_t bytes_max) {
  constexpr std::size_t kStepBytes = 16 * 1024;
  std::string all;
  for (;;) {
    const std::size_t begin = all.size();
    all.resize(begin + kStepBytes);
    const MutableBytes room(reinterpret_cast<std::uint8_t*>(all.data()) + begin, kStepBytes);
    CO_TRY(count, co_await body.read(ctx, room));
    all.resize(begin + count);
    if (count == 0) co_return std::move(all);
    if (all.size() > bytes_max)
      co_return fail(ErrorCode::kTooLarge, cat("content passes ", bytes_max, " bytes"));
  }
}

}  // namespace creel
