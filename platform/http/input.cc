#include "platform/http/input.h"

#include <algorithm>
#include <cstring>

#include "platform/base/check.h"

namespace creel {

HttpInput::HttpInput(Stream& stream, std::size_t buffer_bytes)
    : stream_(stream), capacity_(buffer_bytes) {
  check(capacity_ >= kFirstBytes);
}

void HttpInput::consume(std::size_t bytes) {
  check(bytes <= end_ - begin_);
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

void HttpInput::release() {
  if (begin_ == end_) buffer_.reset();
}

Task<Result<std::size_t>> HttpInput::fill(Ctx& ctx) {
  if (buffer_ == nullptr) {
    const MutableBytes first(first_, kFirstBytes);
    CO_TRY(got, co_await stream_.read(ctx, first));
    if (got == 0) co_return got;
    buffer_.reset(
        new std::uint8_t[capacity_]);  // Not zeroed: only what was read is ever looked at.
    std::memcpy(buffer_.get(), first_, got);
    end_ = got;
    co_return got;
  }
  if (end_ == capacity_ && begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  check(end_ < capacity_);
  const MutableBytes room(buffer_.get() + end_, capacity_ - end_);
  CO_TRY(more, co_await stream_.read(ctx, room));
  end_ += more;
  co_return more;
}

Task<Result<std::size_t>> HttpInput::read(Ctx& ctx, MutableBytes into) {
  const std::size_t ready = std::min(into.size(), end_ - begin_);
  if (ready == 0) co_return co_await stream_.read(ctx, into);
  std::memcpy(into.data(), buffer_.get() + begin_, ready);
  consume(ready);
  co_return ready;
}

Task<Result<std::size_t>> PrefixedStream::read(Ctx& ctx, MutableBytes into) {
  const std::size_t ready = std::min(into.size(), prefix_.size() - taken_);
  if (ready == 0) co_return co_await under_.read(ctx, into);
  std::memcpy(into.data(), prefix_.data() + taken_, ready);
  taken_ += ready;
  if (taken_ == prefix_.size()) Bytes().swap(prefix_), taken_ = 0;
  co_return ready;
}

}  // namespace creel
