#pragma once
#include <optional>

#include "platform/http/input.h"
#include "platform/http/server.h"

namespace creel {

// One accepted connection of an HttpServer, from its first byte to its close. While it waits for a
// head it is in the server's list of those that may be evicted.
class HttpConnection final : public ListNode {
 public:
  HttpConnection(HttpServer& server, Stream& stream);
  Task<void> run(Ctx& ctx);
  // Ends the wait for a head. Only while in the server's list.
  void stop_waiting();

 private:
  // The next head; nullopt if the connection has ended or was refused.
  Task<std::optional<HttpRequestHead>> next_head(Ctx& ctx);
  Task<std::optional<HttpRequestHead>> scan_head(Ctx& waiting, Ctx& ctx);
  // True if another request may follow.
  Task<bool> serve_request(Ctx& ctx, HttpRequestHead head);
  Task<bool> settle(Ctx& ctx, Result<Unit> outcome, ResponseWriter& out, WireBody& body);
  Task<void> refuse(Ctx& ctx, int status, std::string reason);
  // Ends our side, then reads what still comes, so that the answer is not lost to a reset.
  Task<void> linger(Ctx& ctx);

  HttpServer& server_;
  Stream& stream_;
  HttpInput input_;
  Ctx* waiting_ = nullptr;
};

}  // namespace creel
