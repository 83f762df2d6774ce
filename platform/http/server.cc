#include "platform/http/server.h"

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/http/connection.h"

namespace creel {

HttpResponse HttpHandler::refusal(int status, std::string_view reason) {
  HttpResponse answer;
  answer.status = status;
  answer.headers.add("Content-Type", "text/plain");
  answer.body = cat(reason, '\n');
  return answer;
}

HttpServer::HttpServer(HttpHandler& handler, HttpServerOptions options)
    : handler_(handler), options_(options) {}

void HttpServer::begin_drain() {
  draining_ = true;
  doors_.for_each([](Door& door) { door.ctx.request_stop(); });
  waiting_.for_each([](HttpConnection& connection) { connection.stop_waiting(); });
}

Task<Result<Unit>> HttpServer::serve(Ctx& ctx, Listener& listener) {
  Scope scope(ctx);
  Door door(ctx);
  doors_.push_back(door);
  if (draining_) door.ctx.request_stop();
  std::optional<Error> failure;
  while (!door.ctx.stopped()) {
    Result<std::unique_ptr<Stream>> stream = co_await listener.accept(door.ctx);
    if (stream.ok()) {
      ++counters_.connections;
      if (admit(*stream.value())) scope.spawn(serve_stream(scope.ctx(), stream.take()));
    } else if (!door.ctx.stopped()) {
      failure = stream.error();
      break;
    }
  }
  door.unlink();
  co_await scope.join();
  if (failure && failure->code != ErrorCode::kStopped) co_return *failure;
  co_return Unit{};
}

// Under the cap everybody comes in; at it, the connection that waited longest for a head makes
// room.
bool HttpServer::admit(const Stream& stream) {
  const auto host = hosts_.find(stream.peer().address.host);
  const std::size_t of_host = host == hosts_.end() ? 0 : host->second;
  bool room = options_.connections_per_host_max == 0 || of_host < options_.connections_per_host_max;
  if (room && active_ >= options_.connections_max) {
    room = !waiting_.empty();
    if (room) {
      HttpConnection& longest = waiting_.pop_front();  // Asked once; it ends soon.
      longest.stop_waiting();
      ++counters_.evicted;
    }
  }
  counters_.turned_away += !room;
  return room;
}

Task<void> HttpServer::serve_stream(Ctx& ctx, std::unique_ptr<Stream> stream) {
  const std::string host = stream->peer().address.host;
  ++active_;
  ++hosts_[host];
  {
    HttpConnection connection(*this, *stream);
    co_await connection.run(ctx);
  }
  stream.reset();
  --active_;
  const auto entry = hosts_.find(host);
  if (--entry->second == 0) hosts_.erase(entry);
}

std::uint64_t HttpServer::next_trace_id(Ctx& ctx) {
  // Distinct in this process, and most likely over restarts: time in the upper bits, a count in the
  // lower.
  const auto ms = static_cast<std::uint64_t>(ctx.clock().wall().ms());
  return ms << 20 | (++trace_ids_ & 0xfffff);
}

}  // namespace creel
