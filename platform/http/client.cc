#include "platform/http/client.h"

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/http/head_scanner.h"
#include "platform/http/input.h"
#include "platform/http/parse_head.h"
#include "platform/http/response_writer.h"

namespace creel {

struct HttpExchange::Connection {
  Connection(std::unique_ptr<Stream> from, std::size_t buffer_bytes)
      : stream(std::move(from)), input(*stream, buffer_bytes) {}
  std::unique_ptr<Stream> stream;
  HttpInput input;
  bool write_failed =
      false;  // The present request could not be written; its answer may be here already.
  Instant idle_since;  // When its last answer began.
};

namespace {

using HeadResult = Result<HttpResponseHead>;

// Safe methods only (RFC 9110 §9.2.1). PUT and DELETE are idempotent by name, but a condition or a
// versioned bucket makes a second one another request: whether to repeat them is for the caller.
bool may_repeat(const HttpClientRequest& request) {
  if (request.stream != nullptr) return false;
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

bool is_ours(std::string_view name) {
  return equal_ignore_case(name, "content-length") ||
         equal_ignore_case(name, "transfer-encoding") || equal_ignore_case(name, "expect");
}

BodyFrame frame_of(const HttpResponseHead& head, std::string_view method) {
  if (method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) return {};
  if (head.chunked) return {.kind = BodyFrame::Kind::kChunked};
  if (head.content_length) return {.bytes = *head.content_length};
  return {.kind = BodyFrame::Kind::kUntilClose};
}

// One head, interim ones (but 101) skipped unless `stop_at_continue`.
Task<HeadResult> read_response_head(Ctx& ctx, HttpInput& input, HeadLimits limits,
                                    bool stop_at_continue, bool& answered) {
  constexpr int kInterimMax = 16;
  for (int heads = 0; heads < kInterimMax; ++heads) {
    HeadScanner scanner(limits);
    std::size_t scanned = 0;
    HeadScanner::State state = HeadScanner::State::kMore;
    for (;;) {
      const ByteView fresh = input.buffered().subspan(scanned);
      state = scanner.scan(fresh);
      scanned += fresh.size();
      if (state != HeadScanner::State::kMore) break;
      CO_TRY(got, co_await input.fill(ctx));
      if (got == 0)
        co_return fail(ErrorCode::kClosed, "the server closed the connection before its answer");
      answered = true;
    }
    if (state == HeadScanner::State::kBad)
      co_return fail(ErrorCode::kInvalid, cat("answer: ", scanner.reason()));
    const std::size_t skipped = scanner.skipped_bytes();
    HeadResult head =
        parse_response_head(input.buffered().subspan(skipped, scanner.used() - skipped));
    input.consume(scanner.used());
    if (!head.ok()) co_return fail(ErrorCode::kInvalid, cat("answer: ", head.error().detail));
    const int status = head.value().status;
    if (status >= 200 || status == 101 || (status == 100 && stop_at_continue)) co_return head;
  }
  co_return fail(ErrorCode::kInvalid, "answer: too many interim heads");
}

}  // namespace

HttpExchange::HttpExchange(HttpClient& client, std::unique_ptr<Connection> connection)
    : client_(client), connection_(std::move(connection)) {}

HttpExchange::~HttpExchange() {
  if (connection_ == nullptr || body_ == nullptr || !body_->at_end() || !head_.keep_alive) return;
  if (!connection_->input.buffered().empty()) return;  // Bytes nobody asked for.
  client_.keep(std::move(connection_));
}

Task<void> HttpExchange::discard(Ctx& ctx) {
  if (body_ != nullptr) co_await body_->discard(ctx, client_.options_.discard_bytes_max);
}

HttpClient::HttpClient(Network& network, Address server, std::optional<TlsSettings> tls,
                       HttpClientOptions options)
    : network_(network), server_(std::move(server)), tls_(std::move(tls)), options_(options) {}

HttpClient::~HttpClient() = default;

void HttpClient::close_idle() { idle_.reset(); }

void HttpClient::keep(std::unique_ptr<Connection> connection) {
  if (idle_ != nullptr) return;
  connection->input.release();
  idle_ = std::move(connection);
}

Task<Result<std::unique_ptr<HttpClient::Connection>>> HttpClient::connect(Ctx& ctx) {
  Ctx timed(ctx, ctx.clock().now() + options_.connect_max);
  Address address = server_;
  std::optional<TlsSettings> tls = tls_;
  Result<std::unique_ptr<Stream>> stream =
      co_await network_.connect(timed, std::move(address), std::move(tls));
  if (!stream.ok()) co_return stream.error();
  co_return std::make_unique<Connection>(stream.take(), options_.head.head_bytes_max + 64);
}

Result<std::string> HttpClient::head_text(const HttpClientRequest& request) const {
  const bool chunked =
      request.stream != nullptr && request.length.kind == BodyLength::Kind::kChunked;
  const std::uint64_t bytes =
      request.stream != nullptr ? request.length.bytes : request.body.size();
  const bool bodiless = !chunked && bytes == 0;
  const bool silent = request.method == "GET" || request.method == "HEAD" ||
                      request.method == "DELETE" || request.method == "OPTIONS";
  for (const std::string_view part :
       {std::string_view(request.method), std::string_view(request.target)})
    for (const char c : part)
      if (c <= 0x20 || c >= 0x7f)
        return fail(ErrorCode::kInvalid, "request method or target has a space or a control");
  HeaderList all;
  if (!request.headers.has("host")) {
    const bool usual = server_.port == (tls_ ? 443 : 80);
    const Address shown = server_;
    std::string host = address_text(shown);
    if (usual) host.resize(host.rfind(':'));
    all.add("Host", host);
  }
  for (const Header header : request.headers)
    if (!is_ours(header.name)) all.add(header.name, header.value);
  if (chunked) all.add("Transfer-Encoding", "chunked");
  else if (!bodiless || !silent) all.add("Content-Length", bytes);
  if (request.expect_continue && !bodiless) all.add("Expect", "100-continue");
  std::string text;
  TRY_DO(append_head(text, cat(request.method, ' ', request.target, " HTTP/1.1"), all));
  return text;
}

Task<HttpClient::ExchangeResult> HttpClient::request(Ctx& ctx, HttpClientRequest request) {
  std::unique_ptr<Connection> kept = std::move(idle_);
  if (kept != nullptr && ctx.clock().now() - kept->idle_since < options_.idle_max) {
    bool answered = false;
    ExchangeResult first = co_await attempt(ctx, request, std::move(kept), answered);
    const bool dead = !first.ok() && first.error().code == ErrorCode::kClosed && !answered;
    if (!dead || !may_repeat(request) || ctx.stopped()) co_return first;
  }
  kept.reset();
  CO_TRY(fresh, co_await connect(ctx));
  bool answered = false;
  co_return co_await attempt(ctx, request, std::move(fresh), answered);
}

Task<HttpClient::ExchangeResult> HttpClient::attempt(Ctx& ctx, HttpClientRequest& request,
                                                     std::unique_ptr<Connection> connection,
                                                     bool& answered) {
  std::unique_ptr<HttpExchange> exchange(new HttpExchange(*this, std::move(connection)));
  Connection& wire = *exchange->connection_;
  CO_TRY(text, head_text(request));
  bool sent_all = false;
  std::optional<HttpResponseHead> head;
  Result<Unit> sent = co_await send(ctx, request, wire, std::move(text), head, answered);
  if (sent.ok()) {
    sent_all = !head;
  } else if (sent.error().code != ErrorCode::kClosed || !wire.write_failed) {
    co_return sent.error();
  }
  if (!head) {
    // Also after a broken write: a server that refuses a body answers first and closes then.
    HeadResult got = co_await read_response_head(ctx, wire.input, options_.head, false, answered);
    if (!got.ok())
      co_return sent.ok() || got.error().code != ErrorCode::kClosed ? got.error() : sent.error();
    head = got.take();
  }
  exchange->head_ = std::move(*head);
  if (!sent_all) exchange->head_.keep_alive = false;
  const BodyFrame frame = frame_of(exchange->head_, request.method);
  if (frame.kind == BodyFrame::Kind::kUntilClose) exchange->head_.keep_alive = false;
  wire.idle_since = ctx.clock().now();
  exchange->body_ = std::make_unique<WireBody>(wire.input, frame, BodyPace{});
  co_return std::move(exchange);
}

// Head and body. An answer that came instead of `100 Continue` is left in `head`, and the body is
// not sent.
Task<Result<Unit>> HttpClient::send(Ctx& ctx, HttpClientRequest& request, Connection& wire,
                                    std::string text, std::optional<HttpResponseHead>& head,
                                    bool& answered) {
  const BodyLength length =
      request.stream != nullptr ? request.length : BodyLength::of(request.body.size());
  const bool bodiless = length.kind == BodyLength::Kind::kBytes && length.bytes == 0;
  wire.write_failed = true;  // Until it is known that it was not.
  if (request.expect_continue && !bodiless) {
    const ByteView parts[] = {as_bytes(text)};
    CO_DO(co_await wire.stream->write(ctx, parts));
    text.clear();
    Ctx timed(ctx, ctx.clock().now() + options_.continue_wait_max);
    HeadResult early =
        co_await read_response_head(timed, wire.input, options_.head, true, answered);
    const bool late = !early.ok() && early.error().code == ErrorCode::kTimeout && !ctx.stopped();
    wire.write_failed = early.ok() || late;
    if (!early.ok() && !late) co_return early.error();
    if (early.ok() && early.value().status != 100) {
      head = early.take();
      co_return Unit{};
    }
  }
  BodySink sink(*wire.stream, std::move(text), length, true);
  if (request.stream == nullptr) {
    const ByteView parts[] = {as_bytes(request.body)};
    CO_DO(co_await sink.write(ctx, parts));
  } else {
    CO_DO(co_await send_stream(ctx, *request.stream, sink, wire));
  }
  wire.write_failed = true;
  CO_DO(co_await sink.finish(ctx));
  wire.write_failed = false;
  co_return Unit{};
}

Task<Result<Unit>> HttpClient::send_stream(Ctx& ctx, BodyReader& from, BodySink& sink,
                                           Connection& wire) {
  constexpr std::size_t kStepBytes = 64 * 1024;
  const std::unique_ptr<std::uint8_t[]> buffer(new std::uint8_t[kStepBytes]);
  for (;;) {
    const MutableBytes into(buffer.get(), kStepBytes);
    wire.write_failed =
        false;  // A failing source is our side's; the server has nothing to say about it.
    CO_TRY(got, co_await from.read(ctx, into));
    if (got == 0) co_return Unit{};
    wire.write_failed = true;
    const ByteView parts[] = {ByteView(buffer.get(), got)};
    CO_DO(co_await sink.write(ctx, parts));
  }
}

Task<Result<std::unique_ptr<Stream>>> HttpClient::upgrade(Ctx& ctx, HttpClientRequest request) {
  request.headers.set("Connection", "Upgrade");
  CO_TRY(connection, co_await connect(ctx));
  bool answered = false;
  CO_TRY(exchange, co_await attempt(ctx, request, std::move(connection), answered));
  const int status = exchange->head().status;
  if (status == 101) {
    std::unique_ptr<Connection> wire = std::move(exchange->connection_);
    exchange->body_.reset();
    const Bytes prefix = to_bytes(wire->input.buffered());
    co_return std::unique_ptr<Stream>(new PrefixedStream(std::move(wire->stream), prefix));
  }
  Result<std::string> text = co_await read_all(ctx, exchange->body(), 4096);
  std::string detail =
      cat(address_text(server_), " answered ", status, " to ", request.method, ' ', request.target);
  if (text.ok() && is_utf8(text.value())) detail = cat(detail, ": ", text.value());
  const ErrorCode code = status == 401 || status == 403 ? ErrorCode::kDenied
                         : status >= 500                ? ErrorCode::kUnavailable
                                                        : ErrorCode::kUnsupported;
  co_return fail(code, std::move(detail));
}

}  // namespace creel
