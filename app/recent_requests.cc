#include "app/recent_requests.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "s3/wire/sigv4_canonical.h"

namespace creel::app {
namespace {

// Headers whose values are secrets, or buy something.
constexpr std::string_view kSecretHeaders[] = {
    "x-amz-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "x-amz-security-token",
    "cookie",
};

bool is_secret(std::string_view name) {
  return std::any_of(std::begin(kSecretHeaders), std::end(kSecretHeaders),
                     [name](std::string_view secret) { return equal_ignore_case(name, secret); });
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

// The names that the client signed: of the header form, or of a presigned query.
std::string signed_headers_of(std::string_view authorization, std::string_view raw_query) {
  for (std::string_view text : {authorization, raw_query}) {
    const std::size_t at = text.find("SignedHeaders=");
    if (at == std::string_view::npos) continue;
    text.remove_prefix(at + 14);
    return percent_decode(trim(text.substr(0, text.find_first_of(",& ")))).value_or("");
  }
  return {};
}

// As the signature's check sees the request; SSE keys and tokens are left out, so a request that
// signed one shows a gap there.
std::string canonical_of(std::string_view head) {
  const std::string_view method = take_line(head), path = take_line(head), query = take_line(head);
  std::vector<s3::HeaderField> fields;
  std::string_view authorization, payload = "UNSIGNED-PAYLOAD";
  while (!head.empty()) {
    const std::string_view line = take_line(head);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields.push_back({line.substr(0, colon), line.substr(colon + 1)});
    if (equal_ignore_case(fields.back().name, "authorization")) authorization = fields.back().value;
    if (equal_ignore_case(fields.back().name, "x-amz-content-sha256"))
      payload = fields.back().value;
  }
  const std::string names = signed_headers_of(authorization, query);
  if (names.empty()) return {};
  std::vector<std::string> list;
  for (std::string_view rest = names; !rest.empty();) {
    list.emplace_back(rest.substr(0, rest.find(';')));
    rest.remove_prefix(std::min(rest.size(), list.back().size() + 1));
  }
  const std::string canonical_headers = s3::canonical_headers(s3::Headers(fields), list);
  return s3::canonical_request({.method = method,
                                .path = s3::canonical_path(path),
                                .query = s3::canonical_query(query, "X-Amz-Signature"),
                                .headers = canonical_headers,
                                .signed_headers = names,
                                .payload = payload});
}

std::string name_of(const std::string& account, const std::string& user) {
  if (account.empty()) return "anonymous";
  s3::Principal principal;
  principal.id = account;
  principal.user = user;
  return s3::arn_of(principal);
}

std::string resource_of(const std::string& bucket, const std::string& key) {
  return key.empty() ? bucket : cat(bucket, '/', key);
}

std::string_view why_of(const s3::Call& call) {
  return call.action.empty() ? "not asked" : s3::why_name(call.decision.why);
}

void add_text(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.field(name, text);
}

}  // namespace

ReportedRights rights_of(const s3::RequestReport& report) {
  ReportedRights rights;
  const s3::Call& call = *report.call;
  rights.who = name_of(call.principal.id, call.principal.user);
  rights.from = call.http.head.peer.address.host;
  rights.resource = resource_of(call.name.bucket, call.name.key);
  rights.why = why_of(call);
  return rights;
}

void RecentRequests::add(const s3::RequestReport& report, WallTime now) {
  Entry& entry = entries_[next_++ % kKept];
  const s3::Call& call = *report.call;
  entry.request_id = report.request_id;
  entry.account = call.principal.id;
  entry.user = call.principal.user;
  entry.access_key = report.access_key;
  entry.from = call.http.head.peer.address.host;
  entry.action = call.action;
  entry.bucket = call.name.bucket;
  entry.key = call.name.key;
  entry.why = why_of(call);
  entry.statement = call.decision.statement;
  entry.allowed = call.decision.allowed;
  entry.judged = !call.action.empty();
  entry.code = report.code;
  entry.status = report.status;
  entry.time = now;
  entry.head.clear();  // As of all its texts: the memory is used again.
  entry.head.append(report.method).append(1, '\n').append(call.target.raw_path).append(1, '\n');
  entry.head.append(call.target.raw_query).append(1, '\n');
  for (const s3::HeaderField& field : call.fields) {
    if (entry.head.size() + field.name.size() + field.value.size() > kHeadBytesMax) break;
    entry.head.append(field.name).append(1, ':');
    entry.head.append(is_secret(field.name) ? std::string_view("(not kept)") : field.value);
    entry.head.append(1, '\n');
  }
}

std::optional<std::string> RecentRequests::explain(std::string_view request_id) const {
  for (const Entry& entry : entries_) {
    if (entry.request_id.empty() || entry.request_id != request_id) continue;
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("request_id", entry.request_id);
    json.field("time", iso8601_ms(entry.time)).field("who", name_of(entry.account, entry.user));
    add_text(json, "access_key", entry.access_key);
    add_text(json, "from", entry.from);
    add_text(json, "action", entry.action);
    add_text(json, "resource", resource_of(entry.bucket, entry.key));
    if (entry.judged) json.field("decision", entry.allowed ? "allow" : "deny");
    add_text(json, "why", entry.why);
    add_text(json, "statement", entry.statement);
    json.field("status", entry.status);
    add_text(json, "code", entry.code);
    add_text(json, "canonical_request", canonical_of(entry.head));
    json.end_object();
    return out;
  }
  return std::nullopt;
}

}  // namespace creel::app
