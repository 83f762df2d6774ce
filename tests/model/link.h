// One client's connection to a real server. Never sends a request twice: whether an unanswered one
// took effect is what the checkers are about.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.h"
#include "s3/wire/sigv4_sign.h"

namespace creel::test {

struct Ask {
  std::string method = "GET";
  std::string path;  // As it is sent.
  std::string query;
  std::vector<s3::NameValue> headers;
  std::string body;
};

struct Told {
  bool sent = false;      // Bytes of it may have reached a server.
  int status = 0;         // 0: no answer.
  std::int64_t call_ns = 0;
  std::int64_t return_ns = 0;
  std::string etag;       // Bare.
  std::string head;       // Of the answer.
  std::string body;
  std::string field(std::string_view name) const;  // Of the head; empty if it is not there.
  // Nothing is known of a write: no answer, or one that promises nothing.
  bool unknown() const { return sent && (status == 0 || status == 500); }
  bool happened() const { return status / 100 == 2; }
};

struct LinkOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  s3::Credentials credentials;
  Duration answer_max = 10_s;
};

class Link {
 public:
  Link(Platform& platform, const LinkOptions& options) : platform_(platform), options_(options) {}
  Task<Told> call(Ctx& ctx, Ask ask);

 private:
  Task<Result<Unit>> exchange(Ctx& ctx, std::string head, std::string body, bool is_head,
                              Told& told);
  std::string head_of(const Ask& ask) const;

  Platform& platform_;
  const LinkOptions& options_;
  std::unique_ptr<Stream> stream_;
  bool wanted_close_ = false;
};

}  // namespace creel::test
