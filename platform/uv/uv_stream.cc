#include "platform/uv/uv_stream.h"

#include <cerrno>
#include <utility>

#include "platform/uv/errno_table.h"
#include "platform/uv/parts_cursor.h"

namespace creel {

namespace {
Error aborted_error() { return fail(ErrorCode::kClosed, "connection aborted"); }
}  // namespace

UvStream::UvStream(std::unique_ptr<Socket> socket, Address peer) : socket_(std::move(socket)) {
  peer_.address = std::move(peer);
}

Task<Result<std::size_t>> UvStream::read(Ctx& ctx, MutableBytes into) {
  check(!into.empty());
  if (!socket_->is_within_turn()) co_await YieldNow(ctx);
  for (;;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    if (socket_->aborted()) co_return aborted_error();
    if (!socket_->may_read()) {
      CO_DO(co_await socket_->readable().wait(ctx));
      continue;
    }
    const IoCount got = socket_->try_read(into);
    if (got.failed != 0) co_return fail(ErrorCode::kClosed, errno_text(got.failed));
    if (!got.blocked) co_return got.bytes;
  }
}

Task<Result<Unit>> UvStream::write(Ctx& ctx, std::span<const ByteView> parts) {
  if (!socket_->is_within_turn()) co_await YieldNow(ctx);
  PartsCursor cursor(parts);
  while (!cursor.done()) {
    if (socket_->aborted()) co_return aborted_error();
    if (!socket_->may_write()) {
      CO_DO(socket_->want_writable());
      CO_DO(co_await socket_->writable().wait(ctx));
      continue;
    }
    iovec vectors[PartsCursor::kVectors];
    const std::size_t count = cursor.fill(vectors);
    const IoCount sent = socket_->try_write({vectors, count});
    if (sent.failed != 0) co_return fail(ErrorCode::kClosed, errno_text(sent.failed));
    cursor.advance(sent.bytes);
  }
  co_return Unit{};
}

Task<Result<Unit>> UvStream::finish(Ctx&) {
  if (socket_->aborted()) co_return aborted_error();
  if (::shutdown(socket_->fd(), SHUT_WR) < 0) co_return fail(ErrorCode::kClosed, errno_text(errno));
  co_return Unit{};
}

}  // namespace creel
