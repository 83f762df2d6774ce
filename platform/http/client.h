#pragma once
#include <memory>
#include <optional>
#include <string>

#include "platform/base/units.h"
#include "platform/http/body.h"
#include "platform/http/message.h"
#include "platform/http/wire_body.h"
#include "platform/network.h"

namespace creel {

struct HttpClientOptions {
  HeadLimits head{
      .head_bytes_max = 32 * 1024, .field_bytes_max = 24 * 1024, .field_count_max = 200};
  Duration connect_max = 10_s;        // Name look-up, TCP and TLS together.
  Duration continue_wait_max = 1_s;   // For `100 Continue` before the body is sent anyway.
  Duration idle_max = 20_s;           // A kept connection older than this is not used again.
  std::uint64_t discard_bytes_max = 64 * KiB;  // Unread answer read away to keep the connection.
};

struct HttpClientRequest {
  std::string method = "GET";
  std::string target = "/";
  HeaderList headers;  // Host is added if missing; framing fields are the client's business.
  std::string body;    // Sent if `stream` is null.
  BodyReader* stream = nullptr;  // Borrowed until the request is sent.
  BodyLength length;             // Of `stream`.
  bool expect_continue = false;  // Wait for the server's consent before the body.
};

class BodySink;
class HttpClient;

// The answer to a request; its connection goes back to the client once the body was read to the
// end, and is closed if it is dropped before. Must not outlive the client. Its body may be read
// while other requests run.
class HttpExchange final {
 public:
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  const HttpResponseHead& head() const { return head_; }
  BodyReader& body() { return *body_; }
  // Reads the rest of a short body away, so that the connection is kept; a long one costs it.
  Task<void> discard(Ctx& ctx);

 private:
  friend class HttpClient;
  struct Connection;
  HttpExchange(HttpClient& client, std::unique_ptr<Connection> connection);

  HttpClient& client_;
  std::unique_ptr<Connection> connection_;
  HttpResponseHead head_;
  std::unique_ptr<WireBody> body_;
};

// HTTP/1.1 to one server. Keeps one connection for the next request; requests side by side each get
// their own. No redirects, no proxies, no cookies. One loop.
class HttpClient {
 public:
  // The network outlives the client.
  HttpClient(Network& network, Address server, std::optional<TlsSettings> tls,
             HttpClientOptions options = {});
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // Sends the request and waits for the final answer's head; interim answers are skipped. An answer
  // that comes before the body was sent ends the sending. If a kept connection turns out dead
  // before any byte of an answer, a GET, HEAD or OPTIONS without `stream` is sent once more on a
  // new one; whether anything else may be sent twice only the caller knows, whose next request gets
  // a new connection. Deadlines are ctx's. Errors: those of Network::connect; kClosed (no whole
  // answer; the request may have been carried out); kInvalid (the answer is not HTTP, or the
  // request cannot be written); those of `stream`; kTimeout, kStopped.
  Task<Result<std::unique_ptr<HttpExchange>>> request(Ctx& ctx, HttpClientRequest request);

  // Sends a request that asks to upgrade (its Upgrade field given) and returns the raw connection
  // after a 101. Errors: as request(); kDenied for an answer 401 or 403, kUnavailable for 5xx,
  // kUnsupported for any other but 101.
  Task<Result<std::unique_ptr<Stream>>> upgrade(Ctx& ctx, HttpClientRequest request);

  // Closes the kept connection.
  void close_idle();
  const Address& server() const { return server_; }

 private:
  friend class HttpExchange;
  using Connection = HttpExchange::Connection;
  using ExchangeResult = Result<std::unique_ptr<HttpExchange>>;
  Task<Result<std::unique_ptr<Connection>>> connect(Ctx& ctx);
  Task<ExchangeResult> attempt(Ctx& ctx, HttpClientRequest& request,
                               std::unique_ptr<Connection> connection, bool& answered);
  Task<Result<Unit>> send(Ctx& ctx, HttpClientRequest& request, Connection& wire, std::string text,
                          std::optional<HttpResponseHead>& head, bool& answered);
  Task<Result<Unit>> send_stream(Ctx& ctx, BodyReader& from, BodySink& sink, Connection& wire);
  Result<std::string> head_text(const HttpClientRequest& request) const;
  void keep(std::unique_ptr<Connection> connection);

  Network& network_;
  Address server_;
  std::optional<TlsSettings> tls_;
  HttpClientOptions options_;
  std::unique_ptr<Connection> idle_;
};

}  // namespace creel
