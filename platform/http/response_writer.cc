#include "platform/http/response_writer.h"

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel {
namespace {

bool is_ours(std::string_view name) {
  return equal_ignore_case(name, "connection") || equal_ignore_case(name, "content-length") ||
         equal_ignore_case(name, "transfer-encoding");
}

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

ResponseWriter::ResponseWriter(Stream& stream, Setting setting)
    : stream_(stream), setting_(setting) {}

Result<Unit> ResponseWriter::note(Result<Unit> outcome) {
  if (!outcome.ok()) broken_ = true;
  return outcome;
}

Task<Result<Unit>> ResponseWriter::before_body(Ctx& ctx) {
  if (!setting_.expect_continue || head_given()) co_return Unit{};
  setting_.expect_continue = false;
  const ByteView text[] = {as_bytes("HTTP/1.1 100 Continue\r\n\r\n")};
  co_return note(co_await stream_.write(ctx, text));
}

// A body that is still unread costs the connection if it may be long, or if it is unknown whether
// the peer, who waits for 100 Continue, will send it at all: the next bytes could be either.
bool ResponseWriter::may_keep(const HeaderList& headers) const {
  if (!setting_.keep_alive || headers.has_token("connection", "close")) return false;
  if (body_->failed() || (setting_.draining != nullptr && *setting_.draining)) return false;
  const std::optional<std::uint64_t> left = body_->left();
  if (left == 0u) return true;
  return !setting_.expect_continue && left && *left <= setting_.discard_bytes_max;
}

Result<Unit> ResponseWriter::head(Ctx& ctx, int status, const HeaderList& headers,
                                  BodyLength length) {
  check(!head_given() && status >= 200 && status <= 999);
  const bool chunked = length.kind == BodyLength::Kind::kChunked;
  const bool framed = !chunked || setting_.minor == 1;  // HTTP/1.0 reads until the end instead.
  const bool keep = may_keep(headers) && framed;
  const bool bodiless = setting_.is_head || has_no_body(status);
  HeaderList all;
  for (const Header header : headers)
    if (!is_ours(header.name)) all.add(header.name, header.value);
  if (!all.has("date")) all.add("Date", http_date(ctx.clock().wall()));
  if (!chunked && !has_no_body(status)) all.add("Content-Length", length.bytes);
  if (chunked && framed && !has_no_body(status)) all.add("Transfer-Encoding", "chunked");
  if (!keep) all.add("Connection", "close");
  else if (setting_.minor == 0) all.add("Connection", "keep-alive");
  std::string text;
  // Expected over an empty body: a client that waits for its 100 falls out of step on a kept
  // connection that answers without one (botocore then waits for the close).
  if (keep && setting_.expect_continue) text = "HTTP/1.1 100 Continue\r\n\r\n";
  TRY_DO(append_head(text, cat("HTTP/1.1 ", status, ' ', status_reason(status)), all));
  // Without content there is nothing to frame.
  sink_ = std::make_unique<BodySink>(stream_, std::move(text),
                                     bodiless ? BodyLength::of(0) : length, framed);
  bodiless_ = bodiless;
  keep_alive_ = keep;
  body_->forbid_continue();
  return Unit{};
}

Task<Result<Unit>> ResponseWriter::write(Ctx& ctx, std::span<const ByteView> parts) {
  check(sink_ != nullptr && !finished_);
  if (bodiless_) co_return Unit{};
  co_return note(co_await sink_->write(ctx, parts));
}

Task<Result<Unit>> ResponseWriter::write(Ctx& ctx, ByteView part) {
  const ByteView parts[] = {part};
  co_return co_await write(ctx, parts);
}

Task<Result<Unit>> ResponseWriter::finish(Ctx& ctx) {
  check(sink_ != nullptr && !finished_);
  finished_ = true;
  co_return note(co_await sink_->finish(ctx));
}

Task<Result<Unit>> ResponseWriter::respond(Ctx& ctx, HttpResponse response) {
  const BodyLength length = BodyLength::of(response.body.size());
  CO_DO(head(ctx, response.status, response.headers, length));
  // One write: finish() would send a head alone.
  if (!response.body.empty()) CO_DO(co_await write(ctx, as_bytes(response.body)));
  co_return co_await finish(ctx);
}

Task<Result<Stream*>> ResponseWriter::upgrade(Ctx& ctx, HeaderList headers) {
  check(!head_given());
  if (!body_->at_end()) co_return fail(ErrorCode::kInvalid, "a request to upgrade has a body");
  headers.set("Connection", "Upgrade");
  std::string text;
  CO_DO(append_head(text, "HTTP/1.1 101 Switching Protocols", headers));
  const ByteView parts[] = {as_bytes(text)};
  CO_DO(note(co_await stream_.write(ctx, parts)));
  upgraded_ = std::make_unique<PrefixedStream>(stream_, input_->buffered());
  input_->consume(input_->buffered().size());
  co_return static_cast<Stream*>(upgraded_.get());
}

}  // namespace creel
