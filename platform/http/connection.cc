#include "platform/http/connection.h"

#include "platform/base/text.h"
#include "platform/http/head_scanner.h"
#include "platform/http/parse_head.h"

namespace creel {

HttpConnection::HttpConnection(HttpServer& server, Stream& stream)
    : server_(server), stream_(stream), input_(stream, server.options_.head.head_bytes_max + 64) {}

void HttpConnection::stop_waiting() {
  check(waiting_ != nullptr);
  waiting_->request_stop();
}

Task<void> HttpConnection::run(Ctx& ctx) {
  for (;;) {
    std::optional<HttpRequestHead> head = co_await next_head(ctx);
    if (!head) co_return;
    const bool more = co_await serve_request(ctx, std::move(*head));
    if (!more || server_.draining_ || ctx.stopped()) co_return;
    input_.release();
  }
}

Task<std::optional<HttpRequestHead>> HttpConnection::next_head(Ctx& ctx) {
  Ctx waiting(ctx, ctx.clock().now() + server_.options_.idle_max);
  waiting_ = &waiting;
  server_.waiting_.push_back(*this);
  std::optional<HttpRequestHead> head = co_await scan_head(waiting, ctx);
  unlink();
  waiting_ = nullptr;
  co_return head;
}

Task<std::optional<HttpRequestHead>> HttpConnection::scan_head(Ctx& waiting, Ctx& ctx) {
  HeadScanner scanner(server_.options_.head);
  std::size_t scanned = 0;
  bool started = false;
  for (;;) {
    const ByteView fresh = input_.buffered().subspan(scanned);
    if (!fresh.empty() && !started) {
      started = true;
      waiting.set_deadline(ctx.clock().now() + server_.options_.head_deadline);
    }
    const HeadScanner::State state = scanner.scan(fresh);
    scanned += fresh.size();
    if (state == HeadScanner::State::kDone) break;
    if (state == HeadScanner::State::kBad) {
      co_await refuse(ctx, 400, std::string(scanner.reason()));
      co_return std::nullopt;
    }
    Result<std::size_t> got = co_await input_.fill(waiting);
    if (got.ok() && got.value() > 0) continue;
    const bool late = !got.ok() && got.error().code == ErrorCode::kTimeout && !ctx.stopped();
    server_.counters_.timed_out += late;
    if (late && started) co_await refuse(ctx, 408, "request head did not arrive in time");
    co_return std::nullopt;
  }
  const std::size_t skipped = scanner.skipped_bytes();
  Result<HttpRequestHead> head =
      parse_request_head(input_.buffered().subspan(skipped, scanner.used() - skipped));
  input_.consume(scanner.used());
  if (!head.ok()) {
    co_await refuse(ctx, 400, head.error().detail);
    co_return std::nullopt;
  }
  head.value().peer = stream_.peer();
  co_return head.take();
}

Task<bool> HttpConnection::serve_request(Ctx& ctx, HttpRequestHead head) {
  ResponseWriter out(stream_, {.is_head = head.method == "HEAD",
                               .minor = head.minor,
                               .keep_alive = head.keep_alive,
                               .expect_continue = head.expect_continue,
                               .discard_bytes_max = server_.options_.keep_discard_bytes_max,
                               .draining = &server_.draining_});
  BodyFrame frame{.bytes = head.content_length.value_or(0)};
  if (head.chunked) frame.kind = BodyFrame::Kind::kChunked;
  WireBody body(input_, frame, server_.options_.pace, out.continue_hook());
  out.bind(input_, body);
  HttpRequest request{.head = std::move(head), .body = body};
  Ctx request_ctx(ctx);
  request_ctx.set_trace_id(server_.next_trace_id(ctx));
  ++server_.counters_.requests;
  Result<Unit> outcome = co_await server_.handler_.handle(request_ctx, request, out);
  co_return co_await settle(ctx, std::move(outcome), out, body);
}

Task<bool> HttpConnection::settle(Ctx& ctx, Result<Unit> outcome, ResponseWriter& out,
                                  WireBody& body) {
  server_.counters_.failed += !outcome.ok();
  if (out.upgraded() || out.broken() || ctx.stopped()) co_return false;
  if (!out.head_given()) {
    HttpResponse sorry;
    sorry.status = 500;
    sorry.headers.add("Connection", "close");
    Result<Unit> sent = co_await out.respond(ctx, std::move(sorry));
    if (!sent.ok()) co_return false;
  } else if (!out.finished()) {
    if (!outcome.ok()) co_return false;  // The answer is cut: only closing tells the peer.
    Result<Unit> sent = co_await out.finish(ctx);
    if (!sent.ok()) co_return false;
  }
  if (!out.keep_alive()) {
    co_await linger(ctx);
    co_return false;
  }
  if (body.at_end()) co_return true;
  Ctx timed(ctx, ctx.clock().now() + server_.options_.linger_max);
  co_return co_await body.discard(timed, server_.options_.keep_discard_bytes_max);
}

Task<void> HttpConnection::refuse(Ctx& ctx, int status, std::string reason) {
  unlink();  // Being answered: no longer to be evicted.
  ++server_.counters_.refused_heads;
  HttpResponse answer = server_.handler_.refusal(status, reason);
  answer.headers.set("Connection", "close");
  ResponseWriter out(stream_, {.keep_alive = false});
  WireBody none(input_, {}, {});
  out.bind(input_, none);
  Result<Unit> sent = co_await out.respond(ctx, std::move(answer));
  if (sent.ok()) co_await linger(ctx);
}

Task<void> HttpConnection::linger(Ctx& ctx) {
  Ctx timed(ctx, ctx.clock().now() + server_.options_.linger_max);
  Result<Unit> ended = co_await stream_.finish(timed);
  if (!ended.ok()) co_return;
  std::uint64_t dropped = input_.buffered().size();
  input_.consume(input_.buffered().size());
  std::uint8_t scrap[4096];
  while (dropped <= server_.options_.linger_bytes_max) {
    const MutableBytes into(scrap, sizeof scrap);
    Result<std::size_t> got = co_await stream_.read(timed, into);
    if (!got.ok() || got.value() == 0) co_return;
    dropped += got.value();
  }
}

}  // namespace creel
