#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "platform/async/scope.h"
#include "platform/base/list.h"
#include "platform/base/units.h"
#include "platform/http/body.h"
#include "platform/http/message.h"
#include "platform/http/response_writer.h"
#include "platform/network.h"

namespace creel {

struct HttpRequest {
  HttpRequestHead head;
  BodyReader& body;
};

// What a server does with requests; s3/, replicate/ and the admin API each bring one.
class HttpHandler {
 public:
  // Answers one request through `out`. Reading the body first sends `100 Continue` if the peer
  // waits for it; answering without reading refuses it. A body that is left unread is drained
  // within bounds or costs the connection. An error, or a return without a whole answer, becomes a
  // plain 500 if no head was given, else the connection is cut. `ctx` stops at a hard stop of the
  // server.
  virtual Task<Result<Unit>> handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) = 0;

  // The answer to bytes that never became a request: broken framing (400), a head that took too
  // long (408). The reason names the rule and never quotes the peer. The connection closes after
  // it.
  virtual HttpResponse refusal(int status, std::string_view reason);

 protected:
  ~HttpHandler() = default;
};

struct HttpServerOptions {
  HeadLimits head;
  std::size_t connections_max = 1024;  // Above it the longest waiting one is closed.
  std::size_t connections_per_host_max = 256;  // 0: no limit.
  Duration head_deadline = 10_s;  // From the first byte of a head to its last.
  Duration idle_max = 30_s;  // Between requests, and before the first.
  BodyPace pace{.bytes_per_second_min = 1024, .grace = 10_s, .stall_max = 30_s};
  std::uint64_t keep_discard_bytes_max = 64 * KiB;  // Unread body read away to keep the connection.
  std::uint64_t linger_bytes_max = 1 * MiB;  // Read away before closing, so that a refusal arrives.
  Duration linger_max = 2_s;
};

struct HttpServerCounters {
  std::uint64_t connections = 0;  // Ever accepted.
  std::uint64_t requests = 0;  // Handed to the handler.
  std::uint64_t refused_heads = 0;  // Answered by refusal().
  std::uint64_t evicted = 0;  // Closed while waiting, to make room.
  std::uint64_t turned_away = 0;  // Closed at once: the cap, or one host's share.
  std::uint64_t timed_out = 0;  // Idle or slow heads.
  std::uint64_t failed = 0;  // Handlers that ended with an error.
};

class HttpConnection;

// HTTP/1.1 and 1.0 over any Stream. One loop; several listeners may be served at once.
class HttpServer {
 public:
  // The handler outlives the server.
  HttpServer(HttpHandler& handler, HttpServerOptions options);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Serves connections until begin_drain(), a stop of `ctx` or an error of the listener, and
  // returns when the last connection of this listener has ended. Stop in two steps: begin_drain()
  // lets requests under way finish and closes idle connections; a stop of `ctx` cuts what is left.
  // Errors: those of the listener but kStopped.
  Task<Result<Unit>> serve(Ctx& ctx, Listener& listener);
  // Serves one connection that is already here, as serve() would; resumes when it has ended.
  Task<void> serve_stream(Ctx& ctx, std::unique_ptr<Stream> stream);
  // No new connections or requests; every answer from here on says `Connection: close`. Idempotent.
  void begin_drain();

  std::size_t connections() const { return active_; }
  const HttpServerCounters& counters() const { return counters_; }

 private:
  friend class HttpConnection;
  struct Door : ListNode {
    explicit Door(Ctx& parent) : ctx(parent) {}
    Ctx ctx;
  };
  bool admit(const Stream& stream);
  std::uint64_t next_trace_id(Ctx& ctx);

  HttpHandler& handler_;
  HttpServerOptions options_;
  HttpServerCounters counters_;
  bool draining_ = false;
  std::size_t active_ = 0;
  std::uint64_t trace_ids_ = 0;
  List<Door> doors_;  // serve() calls that still accept.
  List<HttpConnection> waiting_;  // Without a whole head, longest first.
  std::map<std::string, std::size_t> hosts_;  // Connections a peer address.
};

}  // namespace creel
