#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "platform/base/units.h"
#include "platform/http/message.h"
#include "platform/http/wire_body.h"

namespace creel {

// The status line or request line, the fields and the empty line. Errors: kInvalid if a name is no
// token or a text holds a control character: nothing that came from outside can add a line of its
// own.
Result<Unit> append_head(std::string& out, std::string_view first_line, const HeaderList& headers);

// One body going out with a length or in chunks; gathers framing and content into single writes.
// Shared by both ends.
class BodySink {
 public:
  // `head` goes out together with the first bytes of content.
  BodySink(Stream& stream, std::string head, BodyLength length, bool framed);
  // Errors: those of the stream.
  Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts);
  // Sends what is left, the last chunk too. Errors: kInvalid if less was written than announced;
  // the stream's.
  Task<Result<Unit>> finish(Ctx& ctx);
  bool anything_sent() const { return sent_; }

 private:
  Task<Result<Unit>> send(Ctx& ctx);

  Stream& stream_;
  std::string head_;   // Not yet sent.
  std::string frame_;  // Chunk size line.
  BodyLength length_;
  bool framed_;        // False: raw bytes until the connection closes.
  bool sent_ = false;
  std::uint64_t written_ = 0;
  std::vector<ByteView> gather_;
};

// The answer to one request. Order: head(), any number of write(), finish(); or respond(); or
// upgrade(). For HEAD, 204 and 304 the content is dropped.
class ResponseWriter final : BeforeBody {
 public:
  struct Setting {
    bool is_head = false;         // The request's method is HEAD.
    int minor = 1;
    bool keep_alive = true;       // The peer wants it.
    bool expect_continue = false;
    std::uint64_t discard_bytes_max =
        64 * KiB;  // Unread body up to here does not cost the connection.
    const bool* draining = nullptr;  // Borrowed; looked at when the head is given.
  };
  ResponseWriter(Stream& stream, Setting setting);

  // Fixes status and fields; nothing is sent before the first write() or finish(). Connection,
  // Content-Length, Transfer-Encoding and a missing Date are this writer's business: those given
  // are left out, but for `Connection: close`, which is obeyed. Errors: kInvalid (append_head);
  // then another head may be given.
  Result<Unit> head(Ctx& ctx, int status, const HeaderList& headers, BodyLength length);
  // Resumes when the parts may be reused. More than announced is our bug and aborts. Errors:
  // kTimeout (the peer does not read), kClosed, kStopped; the connection is then lost.
  Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts);
  Task<Result<Unit>> write(Ctx& ctx, ByteView part);
  // Errors: as write(); also kInvalid when less was written than announced: the peer sees a cut
  // connection.
  Task<Result<Unit>> finish(Ctx& ctx);

  // head(), the body and finish() in one write.
  Task<Result<Unit>> respond(Ctx& ctx, HttpResponse response);

  // Answers 101 with these fields (`Upgrade: …` among them) and hands over the connection, with
  // what the peer already sent behind its request. The stream is good until the handler returns,
  // which closes it. Errors: kInvalid if the request has a body that was not read, else as write().
  Task<Result<Stream*>> upgrade(Ctx& ctx, HeaderList headers);

  bool head_given() const { return sink_ != nullptr || upgraded_ != nullptr; }

  // For the connection: what became of it.
  void bind(HttpInput& input, WireBody& body) { input_ = &input, body_ = &body; }
  BeforeBody* continue_hook() { return this; }
  bool finished() const { return finished_; }
  bool broken() const { return broken_; }
  bool upgraded() const { return upgraded_ != nullptr; }
  bool keep_alive() const { return keep_alive_ && !broken_; }

 private:
  Task<Result<Unit>> before_body(Ctx& ctx) override;
  bool may_keep(const HeaderList& headers) const;
  Result<Unit> note(Result<Unit> outcome);

  Stream& stream_;
  Setting setting_;
  HttpInput* input_ = nullptr;
  WireBody* body_ = nullptr;
  std::unique_ptr<BodySink> sink_;
  std::unique_ptr<PrefixedStream> upgraded_;
  bool bodiless_ = false;
  bool finished_ = false;
  bool broken_ = false;
  bool keep_alive_ = false;
};

}  // namespace creel
