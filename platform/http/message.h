#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/http/body.h"
#include "platform/http/header_list.h"
#include "platform/network.h"

namespace creel {

// Bounds of one message head (reliability.md §6.2 has the reasons). Bytes are those on the wire.
struct HeadLimits {
  std::size_t head_bytes_max = 16 * 1024;   // First line, fields, line ends, empty line.
  std::size_t field_bytes_max =
      8 * 1024;   // The fields with their line ends; user metadata counts too.
  std::size_t field_count_max = 200;
};

struct HttpRequestHead {
  std::string method;  // As sent: "GET".
  std::string target;  // As sent, nothing decoded: "/bucket/key?versionId=…".
  int minor = 1;       // HTTP/1.minor: 0 or 1.
  HeaderList headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;          // Never together with content_length.
  bool expect_continue = false;  // Only 100-continue counts; other expectations are ignored.
  bool keep_alive = true;        // What the peer asks for.
  PeerInfo peer;
};

struct HttpResponseHead {
  int status = 0;
  int minor = 1;
  HeaderList headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
};

// Reason phrase of a status code; "Status" if it is unknown.
std::string_view status_reason(int status);

// A small answer whose body is text that is already here.
struct HttpResponse {
  int status = 200;
  HeaderList headers;
  std::string body;
};

}  // namespace creel
