#include <cstdio>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/http/response_writer.h"

namespace creel {
namespace {

// A peer that takes nothing for this long, plus one second a KiB of the write, is gone.
constexpr Duration kStallMax = 30_s;

bool is_clean(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  return true;
}

bool is_clean_name(std::string_view name) {
  for (const char c : name)
    if (c <= 0x20 || c >= 0x7f || c == ':') return false;
  return !name.empty();
}

}  // namespace

Result<Unit> append_head(std::string& out, std::string_view first_line, const HeaderList& headers) {
  if (!is_clean(first_line))
    return fail(ErrorCode::kInvalid, "control character in the first line of a message");
  out.append(first_line).append("\r\n");
  for (const Header header : headers) {
    if (!is_clean_name(header.name))
      return fail(ErrorCode::kInvalid, "a header name is not a token");
    if (!is_clean(header.value))
      return fail(ErrorCode::kInvalid,
                  cat("control character in the value of header ", header.name));
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  out.append("\r\n");
  return Unit{};
}

BodySink::BodySink(Stream& stream, std::string head, BodyLength length, bool framed)
    : stream_(stream), head_(std::move(head)), length_(length), framed_(framed) {}

Task<Result<Unit>> BodySink::write(Ctx& ctx, std::span<const ByteView> parts) {
  std::uint64_t bytes = 0;
  for (const ByteView part : parts) bytes += part.size();
  if (bytes == 0) co_return Unit{};  // An empty chunk would end the body.
  const bool chunked = length_.kind == BodyLength::Kind::kChunked;
  check(chunked || bytes <= length_.bytes - written_);
  written_ += bytes;
  gather_.clear();
  if (!head_.empty()) gather_.push_back(as_bytes(head_));
  if (chunked && framed_) {
    char size_line[24];
    frame_.assign(size_line,
                  static_cast<std::size_t>(std::snprintf(size_line, sizeof size_line, "%llx\r\n",
                                                         static_cast<unsigned long long>(bytes))));
    gather_.push_back(as_bytes(frame_));
  }
  for (const ByteView part : parts)
    if (!part.empty()) gather_.push_back(part);
  if (chunked && framed_) gather_.push_back(as_bytes("\r\n"));
  co_return co_await send(ctx);
}

Task<Result<Unit>> BodySink::finish(Ctx& ctx) {
  const bool chunked = length_.kind == BodyLength::Kind::kChunked;
  if (!chunked && written_ != length_.bytes)
    co_return fail(ErrorCode::kInvalid,
                   cat("body ended after ", written_, " of ", length_.bytes, " bytes"));
  gather_.clear();
  if (!head_.empty()) gather_.push_back(as_bytes(head_));
  if (chunked && framed_) gather_.push_back(as_bytes("0\r\n\r\n"));
  if (gather_.empty()) co_return Unit{};
  co_return co_await send(ctx);
}

Task<Result<Unit>> BodySink::send(Ctx& ctx) {
  std::uint64_t bytes = 0;
  for (const ByteView part : gather_) bytes += part.size();
  const Duration allowed = kStallMax + 1_s * static_cast<std::int64_t>(bytes / KiB);
  Ctx timed(ctx, ctx.clock().now() + allowed);
  sent_ = true;
  const std::span<const ByteView> parts(gather_);
  Result<Unit> outcome = co_await stream_.write(timed, parts);
  head_.clear();
  co_return outcome;
}

}  // namespace creel
