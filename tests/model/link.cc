#include "tests/model/link.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/wire/etag.h"

namespace creel::test {
namespace {

// The value of a field in an answer's head; empty if it is not there.
std::string field_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equal_ignore_case(line.substr(0, colon), name))
      return std::string(trim(line.substr(colon + 1)));
  }
  return {};
}

}  // namespace

std::string Told::field(std::string_view name) const { return field_of(head, name); }

std::string Link::head_of(const Ask& ask) const {
  s3::OutgoingHead head;
  head.method = ask.method;
  head.raw_path = ask.path;
  head.raw_query = ask.query;
  head.headers = ask.headers;
  head.headers.emplace_back("Host", cat(options_.host, ':', options_.port));
  s3::sign_request(head, options_.credentials, "us-east-1", "UNSIGNED-PAYLOAD",
                   platform_.clock.wall());
  std::string text =
      cat(ask.method, ' ', ask.path, ask.query.empty() ? "" : "?", ask.query, " HTTP/1.1\r\n");
  for (const s3::NameValue& field : head.headers)
    text += cat(field.first, ": ", field.second, "\r\n");
  if (!ask.body.empty() || ask.method == "PUT" || ask.method == "POST")
    text += cat("Content-Length: ", ask.body.size(), "\r\n");
  return text + "\r\n";
}

Task<Told> Link::call(Ctx& parent, Ask ask) {
  Told told;
  Ctx ctx(parent, parent.clock().now() + options_.answer_max);
  if (!stream_) {
    Address address{options_.host, options_.port};
    auto connected = co_await platform_.network.connect(ctx, std::move(address), std::nullopt);
    told.call_ns = told.return_ns = platform_.clock.now().ns;
    if (!connected.ok()) co_return std::move(told);
    stream_ = connected.take();
  }
  std::string head = head_of(ask);
  told.call_ns = platform_.clock.now().ns;
  told.sent = true;
  const Result<Unit> done =
      co_await exchange(ctx, std::move(head), std::move(ask.body), ask.method == "HEAD", told);
  told.return_ns = platform_.clock.now().ns;
  if (!done.ok()) {
    stream_.reset();
    told.status = 0;
  }
  co_return std::move(told);
}

Task<Result<Unit>> Link::exchange(Ctx& ctx, std::string head, std::string body, bool is_head,
                                  Told& told) {
  const ByteView parts[] = {as_bytes(head), as_bytes(body)};
  const std::span<const ByteView> out(parts, body.empty() ? 1 : 2);
  CO_DO(co_await stream_->write(ctx, out));
  std::string in;
  Bytes buffer(64 * KiB);
  std::size_t wanted = std::string::npos;  // Of head and body.
  std::size_t body_at = 0;
  while (wanted == std::string::npos || in.size() < wanted) {
    CO_TRY(got, co_await stream_->read(ctx, buffer));
    if (got == 0) co_return fail(ErrorCode::kClosed, "the server closed");
    in.append(as_text(ByteView(buffer).first(got)));
    if (wanted != std::string::npos) continue;
    const std::size_t end = in.find("\r\n\r\n");
    if (end == std::string::npos || in.size() < 12) continue;
    const std::string_view top(in.data(), end);
    told.status = static_cast<int>(parse_u64(top.substr(9, 3)).value_or(0));
    const bool bodyless = is_head || told.status == 204 || told.status == 304;
    const auto length = parse_u64(field_of(top, "content-length"));
    if (!bodyless && !length) co_return fail(ErrorCode::kInvalid, "an answer without a length");
    body_at = end + 4;
    wanted = body_at + (bodyless ? 0 : static_cast<std::size_t>(*length));
    told.head = std::string(top);
    told.etag = std::string(s3::bare_etag(field_of(top, "etag")));
    if (equal_ignore_case(field_of(top, "connection"), "close")) wanted_close_ = true;
  }
  told.body = in.substr(body_at);
  if (std::exchange(wanted_close_, false)) stream_.reset();
  co_return Unit{};
}

}  // namespace creel::test
