#include "platform/http/wire_body.h"

#include <algorithm>

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel {

WireBody::WireBody(HttpInput& input, BodyFrame frame, BodyPace pace, BeforeBody* before)
    : input_(input), frame_(frame), pace_(pace), before_(before) {
  if (frame.kind != BodyFrame::Kind::kBytes) return;
  left_ = frame.bytes;
  ended_ = left_ == 0;
}

std::optional<std::uint64_t> WireBody::left() const {
  if (ended_) return 0;
  if (frame_.kind == BodyFrame::Kind::kBytes) return left_;
  return std::nullopt;
}

Task<Result<std::size_t>> WireBody::read(Ctx& ctx, MutableBytes into) {
  check(!into.empty());
  if (failure_) co_return *failure_;
  if (ended_) co_return std::size_t{0};
  if (BeforeBody* before = std::exchange(before_, nullptr);
      before != nullptr && input_.buffered().empty())
    CO_DO(co_await before->before_body(ctx));
  const bool chunked = frame_.kind == BodyFrame::Kind::kChunked;
  // Not `?:` around two co_awaits: g++ 12.2 then destroys the result twice.
  Task<Result<std::size_t>> next = chunked ? read_chunked(ctx, into) : read_counted(ctx, into);
  Result<std::size_t> got = co_await next;
  if (!got.ok()) failure_ = got.error();
  co_return got;
}

Task<Result<std::size_t>> WireBody::read_counted(Ctx& ctx, MutableBytes into) {
  const bool counted = frame_.kind == BodyFrame::Kind::kBytes;
  if (counted)
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_)));
  CO_TRY(got, co_await pull(ctx, into));
  taken_ += got;
  if (!counted) {
    ended_ = got == 0;
    co_return got;
  }
  if (got == 0)
    co_return fail(ErrorCode::kClosed, cat("peer closed the connection after ", taken_, " of ",
                                           frame_.bytes, " body bytes"));
  left_ -= got;
  ended_ = left_ == 0;
  co_return got;
}

void WireBody::skip_framing() {
  std::size_t used = 0;
  const ChunkDecoder::State state = chunks_.framing(input_.buffered(), used);
  input_.consume(used);
  ended_ = state == ChunkDecoder::State::kEnd;
  if (state == ChunkDecoder::State::kBad)
    failure_ = fail(ErrorCode::kInvalid,
                    cat("chunked body, near content byte ", taken_, ": ", chunks_.reason()));
}

Task<Result<std::size_t>> WireBody::read_chunked(Ctx& ctx, MutableBytes into) {
  while (chunks_.data_left() == 0) {
    skip_framing();
    if (failure_) co_return *failure_;
    if (ended_) co_return std::size_t{0};
    if (chunks_.data_left() > 0) break;
    const MutableBytes to_buffer;
    CO_TRY(more, co_await pull(ctx, to_buffer));
    if (more == 0)
      co_return fail(
          ErrorCode::kClosed,
          cat("peer closed the connection inside a chunked body, after ", taken_, " bytes"));
  }
  into = into.first(
      static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), chunks_.data_left())));
  CO_TRY(got, co_await pull(ctx, into));
  if (got == 0)
    co_return fail(ErrorCode::kClosed,
                   cat("peer closed the connection inside a chunk, after ", taken_, " bytes"));
  chunks_.took(got);
  taken_ += got;
  // Look at the last chunk now if it is here, so that at_end() is known when the content is.
  if (chunks_.data_left() == 0 && !input_.buffered().empty()) skip_framing();
  co_return got;
}

Task<Result<std::size_t>> WireBody::pull(Ctx& ctx, MutableBytes into) {
  const bool ready = !into.empty() && !input_.buffered().empty();
  if (ready) co_return co_await input_.read(ctx, into);
  if (pace_.bytes_per_second_min == 0) {
    if (into.empty()) co_return co_await input_.fill(ctx);
    co_return co_await input_.read(ctx, into);
  }
  const Duration earned = 1_s * static_cast<std::int64_t>(std::min<std::uint64_t>(
                                    taken_ / pace_.bytes_per_second_min, 1'000'000));
  const Duration allowed = std::min(pace_.stall_max, pace_.grace + earned - waited_);
  const Instant start = ctx.clock().now();
  Ctx timed(ctx, start + allowed);
  Task<Result<std::size_t>> next = into.empty() ? input_.fill(timed) : input_.read(timed, into);
  Result<std::size_t> got = co_await next;
  waited_ = waited_ + (ctx.clock().now() - start);
  if (!got.ok() && got.error().code == ErrorCode::kTimeout && !ctx.stopped())
    co_return fail(ErrorCode::kTimeout, cat("body came slower than ", pace_.bytes_per_second_min,
                                            " bytes a second; ", taken_, " bytes so far"));
  co_return got;
}

Task<bool> WireBody::discard(Ctx& ctx, std::uint64_t bytes_max) {
  before_ = nullptr;
  std::uint8_t scrap[4096];
  std::uint64_t dropped = 0;
  while (!ended_ && dropped <= bytes_max) {
    const MutableBytes into(scrap, sizeof scrap);
    Result<std::size_t> got = co_await read(ctx, into);
    if (!got.ok()) co_return false;
    dropped += got.value();
  }
  co_return ended_;
}

}  // namespace creel
