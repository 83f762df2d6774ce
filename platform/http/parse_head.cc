#include "platform/http/parse_head.h"

#include <llhttp.h>

#include <string>
#include <vector>

#include "platform/base/text.h"

namespace creel {
namespace {

Error refuse(std::string_view reason) { return fail(ErrorCode::kInvalid, std::string(reason)); }

bool is_token(std::string_view text) {  // RFC 9110 §5.6.2.
  static constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  for (const char c : text) {
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alpha && kOther.find(c) == std::string_view::npos) return false;
  }
  return !text.empty();
}

// What the guard itself understood of a head; compared with llhttp's view at the end.
struct Facts {
  std::string_view method, target;  // Requests.
  int status = 0;                   // Responses.
  int minor = 1;
  std::size_t fields = 0;
  std::size_t hosts = 0;
  std::size_t transfer_codings = 0;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
};

std::optional<int> minor_version(std::string_view text) {
  if (text == "HTTP/1.1") return 1;
  if (text == "HTTP/1.0") return 0;
  return std::nullopt;
}

Result<Unit> read_request_line(std::string_view line, Facts& facts) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse("request line is not method, target, version");
  facts.method = line.substr(0, first);
  facts.target = line.substr(first + 1, last - first - 1);
  if (!is_token(facts.method)) return refuse("method is not a token");
  const std::optional<int> minor = minor_version(line.substr(last + 1));
  if (!minor) return refuse("HTTP version is neither 1.0 nor 1.1");
  facts.minor = *minor;
  for (const char c : facts.target)
    if (c <= 0x20 || c >= 0x7f)
      return refuse("request target has a space or a byte outside printable ASCII");
  return facts.target.empty() ? Result<Unit>(refuse("request target is empty")) : Unit{};
}

Result<Unit> read_status_line(std::string_view line, Facts& facts) {
  const std::optional<int> minor = minor_version(line.substr(0, 8));
  if (!minor) return refuse("HTTP version is neither 1.0 nor 1.1");
  facts.minor = *minor;
  const bool shape = line.size() >= 12 && line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
  const std::optional<std::uint64_t> status = shape ? parse_u64(line.substr(9, 3)) : std::nullopt;
  if (!status || *status < 100 || *status > 599)
    return refuse("status line without a status from 100 to 599");
  facts.status = static_cast<int>(*status);
  return Unit{};
}

Result<Unit> read_field(std::string_view line, Facts& facts) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse("header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!name.empty() && (name.back() == ' ' || name.back() == '\t'))
    return refuse("space before the colon of a header");
  if (!is_token(name)) return refuse("header name is not a token");
  const std::string_view value = trim(line.substr(colon + 1));
  ++facts.fields;
  if (equal_ignore_case(name, "host")) ++facts.hosts;
  if (equal_ignore_case(name, "content-length")) {
    if (facts.content_length) return refuse("Content-Length is repeated");
    facts.content_length = parse_u64(value);
    if (!facts.content_length || *facts.content_length > INT64_MAX)
      return refuse("Content-Length is not one decimal number");
  }
  if (equal_ignore_case(name, "transfer-encoding")) {
    if (++facts.transfer_codings > 1) return refuse("Transfer-Encoding is repeated");
    if (!equal_ignore_case(value, "chunked"))
      return refuse("Transfer-Encoding is not exactly chunked");
    facts.chunked = true;
  }
  return Unit{};
}

Result<Facts> read_facts(std::string_view head, bool is_request) {
  Facts facts;
  for (std::size_t line_number = 0;; ++line_number) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return refuse("head does not end with an empty line");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.empty() && line_number > 0) break;
    if (line_number > 0) TRY_DO(read_field(line, facts));
    else if (is_request) TRY_DO(read_request_line(line, facts));
    else TRY_DO(read_status_line(line, facts));
  }
  if (!head.empty()) return refuse("bytes behind the empty line of the head");
  if (facts.chunked && facts.content_length)
    return refuse("Content-Length together with Transfer-Encoding");
  if (facts.chunked && facts.minor == 0) return refuse("Transfer-Encoding under HTTP/1.0");
  if (is_request && facts.hosts > 1) return refuse("Host is repeated");
  if (is_request && facts.hosts == 0 && facts.minor == 1) return refuse("Host is missing");
  return facts;
}

// llhttp's view of the same bytes. Its callbacks may hand over a text in several pieces.
struct Collector {
  std::string method, target, name, value;
  HeaderList headers;
  bool complete = false;

  static Collector& of(llhttp_t* parser) { return *static_cast<Collector*>(parser->data); }
  static int on_method(llhttp_t* p, const char* at, size_t size) {
    return add(of(p).method, at, size);
  }
  static int on_url(llhttp_t* p, const char* at, size_t size) {
    return add(of(p).target, at, size);
  }
  static int on_name(llhttp_t* p, const char* at, size_t size) { return add(of(p).name, at, size); }
  static int on_value(llhttp_t* p, const char* at, size_t size) {
    return add(of(p).value, at, size);
  }
  static int on_field_end(llhttp_t* p) {
    Collector& self = of(p);
    self.headers.add(self.name, trim(self.value));
    self.name.clear();
    self.value.clear();
    return 0;
  }
  static int on_headers_complete(llhttp_t* p) {
    of(p).complete = true;
    return HPE_PAUSED;  // Bodies are framed by ChunkDecoder and by counting, not by llhttp.
  }

 private:
  static int add(std::string& to, const char* at, size_t size) {
    to.append(at, size);
    return 0;
  }
};

const llhttp_settings_t& settings() {
  static const llhttp_settings_t all = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_method = Collector::on_method;
    s.on_url = Collector::on_url;
    s.on_header_field = Collector::on_name;
    s.on_header_value = Collector::on_value;
    s.on_header_value_complete = Collector::on_field_end;
    s.on_headers_complete = Collector::on_headers_complete;
    return s;
  }();
  return all;
}

// Runs llhttp and checks that it agrees with the guard on everything that decides where the message
// ends.
Result<Unit> run_llhttp(std::string_view head, const Facts& facts, llhttp_type type, Collector& out,
                        llhttp_t& parser) {
  llhttp_init(&parser, type, &settings());
  parser.data = &out;
  const llhttp_errno status = llhttp_execute(&parser, head.data(), head.size());
  if (status != HPE_PAUSED || !out.complete) {
    const char* reason = llhttp_get_error_reason(&parser);
    return refuse(cat("malformed head: ",
                      reason != nullptr && *reason != '\0' ? reason : llhttp_errno_name(status)));
  }
  const bool chunked = (parser.flags & F_CHUNKED) != 0;
  const bool counted = (parser.flags & F_CONTENT_LENGTH) != 0;
  const bool agrees = parser.http_major == 1 && parser.http_minor == facts.minor &&
                      out.headers.size() == facts.fields && out.method == facts.method &&
                      out.target == facts.target && chunked == facts.chunked &&
                      counted == facts.content_length.has_value() &&
                      (!counted || parser.content_length == *facts.content_length) &&
                      (type == HTTP_REQUEST || parser.status_code == facts.status);
  return agrees ? Result<Unit>(Unit{}) : refuse("ambiguous head");
}

bool wants_keep_alive(const HeaderList& headers, int minor) {
  if (headers.has_token("connection", "close")) return false;
  return minor == 1 || headers.has_token("connection", "keep-alive");
}

}  // namespace

Result<HttpRequestHead> parse_request_head(ByteView head) {
  TRY(facts, read_facts(as_text(head), true));
  Collector seen;
  llhttp_t parser;
  TRY_DO(run_llhttp(as_text(head), facts, HTTP_REQUEST, seen, parser));
  HttpRequestHead out;
  out.method = std::move(seen.method);
  out.target = std::move(seen.target);
  out.minor = facts.minor;
  out.headers = std::move(seen.headers);
  out.content_length = facts.content_length;
  out.chunked = facts.chunked;
  const std::optional<std::string_view> expect = out.headers.find("expect");
  out.expect_continue = out.minor == 1 && expect && equal_ignore_case(*expect, "100-continue");
  out.keep_alive = wants_keep_alive(out.headers, out.minor);
  return out;
}

Result<HttpResponseHead> parse_response_head(ByteView head) {
  TRY(facts, read_facts(as_text(head), false));
  Collector seen;
  llhttp_t parser;
  TRY_DO(run_llhttp(as_text(head), facts, HTTP_RESPONSE, seen, parser));
  HttpResponseHead out;
  out.status = facts.status;
  out.minor = facts.minor;
  out.headers = std::move(seen.headers);
  out.content_length = facts.content_length;
  out.chunked = facts.chunked;
  out.keep_alive = wants_keep_alive(out.headers, out.minor);
  return out;
}

}  // namespace creel
