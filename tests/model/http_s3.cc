#include "tests/model/http_s3.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/cpu/hash.h"
#include "s3/wire/etag.h"

namespace creel::test {
namespace {

constexpr const char* kAlgorithms[] = {"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"};

std::string path_of(const std::string& bucket, const std::string& key = {}) {
  return key.empty() ? "/" + bucket : cat('/', bucket, '/', percent_encode(key, true));
}
std::string parameter(std::string_view name, std::string_view value) {
  return cat(name, '=', percent_encode(value, false));
}
void add(std::string& query, std::string_view name, std::string_view value) {
  if (!query.empty()) query += '&';
  query += parameter(name, value);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#13;"; break;
      case '\n': out += "&#10;"; break;
      default: out += c;
    }
  }
  return out;
}

// Of text between two tags: the five names, and numbers below 128.
std::string unescaped(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kNames[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  std::string out;
  while (!text.empty()) {
    bool found = false;
    for (const auto& [name, c] : kNames) {
      if (!text.starts_with(name)) continue;
      out += c;
      text.remove_prefix(name.size());
      found = true;
      break;
    }
    if (found) continue;
    const std::size_t end = text.find(';');
    if (text.starts_with("&#") && end != std::string_view::npos) {
      const std::string_view digits = text.substr(2, end - 2);
      const auto code =
          digits.starts_with('x') ? parse_hex_u64(digits.substr(1)) : parse_u64(digits);
      out += static_cast<char>(code.value_or('?'));
      text.remove_prefix(end + 1);
      continue;
    }
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

// Text of the first <name>, or nullopt. Our answers have no attributes but on the root.
std::optional<std::string> element(std::string_view xml, std::string_view name) {
  const std::string open = cat('<', name, '>');
  const std::size_t at = xml.find(open);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = xml.substr(at + open.size());
  return unescaped(rest.substr(0, rest.find(cat("</", name, '>'))));
}
std::vector<std::string_view> elements(std::string_view xml, std::string_view name) {
  std::vector<std::string_view> all;
  const std::string open = cat('<', name, '>');
  const std::string close = cat("</", name, '>');
  for (std::size_t at = xml.find(open); at != std::string_view::npos;) {
    const std::size_t end = std::min(xml.find(close, at), xml.size());
    all.push_back(xml.substr(at + open.size(), end - at - open.size()));
    at = xml.find(open, end);
  }
  return all;
}

void add_conditions(const S3Request& request, Ask& ask) {
  const auto quoted = [](const std::string& etag) {
    return etag == "*" ? etag : cat('"', etag, '"');
  };
  const auto header = [&](const char* name, const std::string& etag) {
    if (!etag.empty()) ask.headers.emplace_back(name, quoted(etag));
  };
  header("If-Match", request.if_match);
  header("If-None-Match", request.if_none_match);
  header("x-amz-copy-source-if-match", request.source_if_match);
  header("x-amz-copy-source-if-none-match", request.source_if_none_match);
}

void add_body(const S3Request& request, Ask& ask) {
  ask.body = *request.body;
  const Promise& said = request.promise;
  if (said.md5) {
    Md5::Digest md5 = Md5::of(as_bytes(ask.body));
    if (said.wrong_md5) md5[0] ^= 1;
    ask.headers.emplace_back("Content-MD5", base64_encode(md5));
  }
  if (said.algorithm.empty()) return;
  Bytes raw = *base64_decode(base64_of(full_checksum(said.algorithm, ask.body)));
  if (said.wrong_checksum) raw[0] ^= 1;
  ask.headers.emplace_back(cat("x-amz-checksum-", to_lower(said.algorithm)), base64_encode(raw));
}

void add_kept_headers(const S3Request& request, Ask& ask) {
  for (const auto& [name, value] : request.headers) ask.headers.emplace_back(name, value);
}

void add_source(const S3Request& request, Ask& ask) {
  std::string source = cat(request.source_bucket, '/', percent_encode(request.source_key, true));
  if (!request.source_version.empty()) source += cat("?versionId=", request.source_version);
  ask.headers.emplace_back("x-amz-copy-source", std::move(source));
}

std::string complete_xml(const S3Request& request) {
  std::string xml = "<CompleteMultipartUpload>";
  for (const WantedPart& part : request.parts) {
    xml += cat("<Part><PartNumber>", part.number, "</PartNumber><ETag>&quot;", part.etag,
               "&quot;</ETag>");
    if (!part.checksum.empty() && !request.algorithm.empty())
      xml += cat("<Checksum", request.algorithm, '>', part.checksum, "</Checksum",
                 request.algorithm, '>');
    xml += "</Part>";
  }
  return xml + "</CompleteMultipartUpload>";
}

// Every other delete goes as DeleteObjects, if XML can name the key.
bool as_delete_objects(const S3Request& request) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  return request.key.size() % 2 == 0 && request.if_match != "*" &&
         std::none_of(request.key.begin(), request.key.end(), control);
}

void say_delete(const S3Request& request, Ask& ask) {
  if (!as_delete_objects(request)) {
    ask.method = "DELETE";
    if (!request.version.empty()) add(ask.query, "versionId", request.version);
    add_conditions(request, ask);
    return;
  }
  ask.method = "POST";
  ask.path = path_of(request.bucket);
  ask.query = "delete=";
  ask.body = cat("<Delete><Object><Key>", escaped(request.key), "</Key>",
                 request.version.empty() ? "" : cat("<VersionId>", request.version, "</VersionId>"),
                 request.if_match.empty() ? "" : cat("<ETag>", request.if_match, "</ETag>"),
                 "</Object></Delete>");
  ask.headers.emplace_back("Content-MD5", base64_encode(Md5::of(as_bytes(ask.body))));
}

bool url_encoded(const S3Request& request) { return request.count_max % 2 == 1; }
bool second_version(const S3Request& request) { return request.prefix.size() % 2 == 0; }

void say_list(const S3Request& request, Ask& ask) {
  ask.path = path_of(request.bucket);
  const bool uploads = request.verb == Verb::kListUploads;
  const bool versions = request.verb == Verb::kListVersions;
  if (uploads) ask.query = "uploads=";
  else if (versions) ask.query = "versions=";
  else if (second_version(request)) ask.query = "list-type=2";
  if (!request.prefix.empty()) add(ask.query, "prefix", request.prefix);
  if (!request.delimiter.empty()) add(ask.query, "delimiter", request.delimiter);
  if (url_encoded(request)) add(ask.query, "encoding-type", "url");
  add(ask.query, uploads ? "max-uploads" : "max-keys", cat(request.count_max));
  if (uploads || versions) {
    if (!request.after.empty()) add(ask.query, "key-marker", request.after);
    if (!request.after_id.empty())
      add(ask.query, uploads ? "upload-id-marker" : "version-id-marker", request.after_id);
  } else if (second_version(request)) {
    if (!request.after_id.empty()) add(ask.query, "continuation-token", request.after_id);
    else if (!request.after.empty()) add(ask.query, "start-after", request.after);
  } else if (!request.after.empty()) {
    add(ask.query, "marker", request.after);
  }
}

Ask ask_of(const S3Request& request) {
  Ask ask;
  ask.path = path_of(request.bucket, request.key);
  const std::string upload = parameter("uploadId", request.upload_id);
  switch (request.verb) {
    case Verb::kCreateBucket:
    case Verb::kDeleteBucket:
      ask.method = request.verb == Verb::kCreateBucket ? "PUT" : "DELETE";
      ask.path = path_of(request.bucket);
      break;
    case Verb::kListBuckets:
      ask.path = "/";
      ask.query = cat("max-buckets=", request.count_max);
      if (!request.prefix.empty()) add(ask.query, "prefix", request.prefix);
      break;
    case Verb::kPut:
      ask.method = "PUT";
      add_body(request, ask);
      add_kept_headers(request, ask);
      add_conditions(request, ask);
      break;
    case Verb::kSetVersioning:
      ask.method = "PUT";
      ask.path = path_of(request.bucket);
      ask.query = "versioning=";
      ask.body = cat("<VersioningConfiguration><Status>", request.enable ? "Enabled" : "Suspended",
                     "</Status></VersioningConfiguration>");
      ask.headers.emplace_back("Content-MD5", base64_encode(Md5::of(as_bytes(ask.body))));
      break;
    case Verb::kGet:
      if (!request.version.empty()) add(ask.query, "versionId", request.version);
      if (!request.range.empty()) ask.headers.emplace_back("Range", request.range);
      ask.headers.emplace_back("x-amz-checksum-mode", "ENABLED");
      break;
    case Verb::kDelete: say_delete(request, ask); break;
    case Verb::kCopy:
      ask.method = "PUT";
      add_source(request, ask);
      add_conditions(request, ask);
      add_kept_headers(request, ask);
      if (request.replace_headers) ask.headers.emplace_back("x-amz-metadata-directive", "REPLACE");
      if (!request.algorithm.empty())
        ask.headers.emplace_back("x-amz-checksum-algorithm", request.algorithm);
      break;
    case Verb::kList:
    case Verb::kListVersions:
    case Verb::kListUploads: say_list(request, ask); break;
    case Verb::kCreateUpload:
      ask.method = "POST";
      ask.query = "uploads=";
      add_kept_headers(request, ask);
      if (!request.algorithm.empty())
        ask.headers.emplace_back("x-amz-checksum-algorithm", request.algorithm);
      break;
    case Verb::kPutPart:
    case Verb::kCopyPart:
      ask.method = "PUT";
      ask.query = cat("partNumber=", request.part, '&', upload);
      if (request.verb == Verb::kPutPart) {
        add_body(request, ask);
        break;
      }
      add_source(request, ask);
      add_conditions(request, ask);
      if (!request.range.empty())
        ask.headers.emplace_back("x-amz-copy-source-range", request.range);
      break;
    case Verb::kListParts:
      ask.query = cat(upload, "&max-parts=", request.count_max);
      if (request.after_part > 0) add(ask.query, "part-number-marker", cat(request.after_part));
      break;
    case Verb::kComplete:
      ask.method = "POST";
      ask.query = upload;
      ask.body = complete_xml(request);
      add_conditions(request, ask);
      if (request.object_size)
        ask.headers.emplace_back("x-amz-mp-object-size", cat(*request.object_size));
      break;
    case Verb::kAbort:
      ask.method = "DELETE";
      ask.query = upload;
      break;
  }
  return ask;
}

// --- and back ---

std::string header_checksum(const Told& told) {
  for (const char* algorithm : kAlgorithms) {
    const std::string value = told.field(cat("x-amz-checksum-", to_lower(algorithm)));
    if (value.empty()) continue;
    const std::string type = told.field("x-amz-checksum-type");
    return cat(algorithm, ' ', type.empty() ? "FULL_OBJECT" : type, ' ', value);
  }
  return {};
}

void read_object(const Told& told, S3Reply& reply) {
  reply.etag = told.etag;
  reply.body = told.body;
  reply.size = told.body.size();
  reply.checksum = header_checksum(told);
  const std::string range = told.field("content-range");  // "bytes a-b/size"
  if (!range.empty()) reply.size = parse_u64(range.substr(range.find('/') + 1)).value_or(0);
  for (std::size_t at = told.head.find("\r\n"); at != std::string::npos;) {
    const std::size_t end = std::min(told.head.find("\r\n", at + 2), told.head.size());
    const std::string line = told.head.substr(at + 2, end - at - 2);
    const std::string name = to_lower(line.substr(0, line.find(':')));
    const std::string value(trim(line.substr(std::min(line.find(':') + 1, line.size()))));
    if (name == "cache-control" || name.starts_with("x-amz-meta-")) reply.headers[name] = value;
    if (name == "content-type" && value != "binary/octet-stream") reply.headers[name] = value;
    at = end == told.head.size() ? std::string::npos : end;
  }
}

void read_listing(const S3Request& request, const Told& told, S3Reply& reply) {
  const auto name = [&](std::string_view text) {
    if (!url_encoded(request)) return std::string(text);
    return percent_decode(text).value_or(cat("not percent-encoded: ", text));
  };
  const bool uploads = request.verb == Verb::kListUploads;
  const bool versions = request.verb == Verb::kListVersions;
  // Versions and markers as they stand among each other.
  std::string body = told.body;
  if (versions) {
    for (std::size_t at = 0; (at = body.find("DeleteMarker>", at)) != std::string::npos;)
      body.replace(at, 13, body[at - 1] == '/' ? "Version>" : "Version><M>1</M>");
  }
  for (std::string_view one : elements(body, uploads    ? "Upload"
                                             : versions ? "Version"
                                                        : "Contents")) {
    Entry entry;
    entry.name = name(element(one, "Key").value_or("no key"));
    if (uploads) entry.id = element(one, "UploadId").value_or("no id");
    if (versions) entry.id = element(one, "VersionId").value_or("no id");
    entry.latest = versions && element(one, "IsLatest") == "true";
    entry.marker = versions && element(one, "M").has_value();
    if (!uploads && !entry.marker) {
      entry.etag = std::string(s3::bare_etag(element(one, "ETag").value_or("")));
      entry.size = parse_u64(element(one, "Size").value_or("")).value_or(UINT64_MAX);
    }
    reply.entries.push_back(std::move(entry));
  }
  for (std::string_view one : elements(told.body, "CommonPrefixes"))
    reply.prefixes.push_back(name(element(one, "Prefix").value_or("no prefix")));
  reply.truncated = element(told.body, "IsTruncated") == "true";
  if (!reply.truncated) return;
  // Where to go on: said in several ways, and always the last name shown.
  if (!reply.entries.empty()) reply.next = reply.entries.back().name;
  if (!reply.prefixes.empty()) reply.next = std::max(reply.next, reply.prefixes.back());
  const char* const marker = uploads || versions ? "NextKeyMarker" : "NextMarker";
  if (const auto said = element(told.body, marker)) reply.next = name(*said);
  const char* const id = uploads    ? "NextUploadIdMarker"
                         : versions ? "NextVersionIdMarker"
                                    : "NextContinuationToken";
  reply.next_id = element(told.body, id).value_or("");
}

void read_xml_result(const Told& told, S3Reply& reply) {
  reply.etag = std::string(s3::bare_etag(element(told.body, "ETag").value_or("")));
  for (const char* algorithm : kAlgorithms) {
    const auto value = element(told.body, cat("Checksum", algorithm));
    if (!value) continue;
    const std::string type = element(told.body, "ChecksumType").value_or("FULL_OBJECT");
    reply.checksum = cat(algorithm, ' ', type, ' ', *value);
  }
}

void read_answer(const S3Request& request, const Told& told, Outcome& outcome) {
  S3Reply& reply = outcome.reply;
  const auto error = element(told.body, "Code");
  const bool in_result =
      request.verb == Verb::kDelete && told.body.find("<Error>") < told.body.size();
  if (told.status / 100 != 2 || in_result) {
    reply.code = error.value_or(cat("status ", told.status));
    return;
  }
  reply.version = outcome.luck.version = told.field("x-amz-version-id");
  reply.marker = told.field("x-amz-delete-marker") == "true";
  if (request.verb == Verb::kDelete && element(told.body, "DeleteMarker") == "true") {
    reply.marker = true;
    reply.version = outcome.luck.version = element(told.body, "DeleteMarkerVersionId").value_or("");
  } else if (request.verb == Verb::kDelete && element(told.body, "VersionId")) {
    reply.version = *element(told.body, "VersionId");
  }
  switch (request.verb) {
    case Verb::kPut:
    case Verb::kPutPart:
      reply.etag = told.etag;
      reply.checksum = header_checksum(told);
      break;
    case Verb::kGet: read_object(told, reply); break;
    case Verb::kCopy:
    case Verb::kCopyPart:
    case Verb::kComplete: read_xml_result(told, reply); break;
    case Verb::kList:
    case Verb::kListVersions:
    case Verb::kListUploads: read_listing(request, told, reply); break;
    case Verb::kCreateUpload:
      reply.upload_id = outcome.luck.upload_id = element(told.body, "UploadId").value_or("");
      break;
    case Verb::kListParts:
      for (std::string_view one : elements(told.body, "Part"))
        reply.entries.push_back({element(one, "PartNumber").value_or(""),
                                 {},
                                 std::string(s3::bare_etag(element(one, "ETag").value_or(""))),
                                 {},
                                 parse_u64(element(one, "Size").value_or("")).value_or(UINT64_MAX),
                                 0});
      reply.truncated = element(told.body, "IsTruncated") == "true";
      break;
    case Verb::kListBuckets:
      for (std::string_view one : elements(told.body, "Bucket"))
        reply.entries.push_back({element(one, "Name").value_or(""), {}, {}, {}, 0, 0});
      reply.truncated = element(told.body, "ContinuationToken").has_value();
      break;
    default: break;
  }
}

// Without a broken character at the end.
std::string whole_characters(std::string text) {
  while (!text.empty() && !is_utf8(text)) text.pop_back();
  return text;
}

}  // namespace

bool is_sayable_key(const std::string& key) {
  return is_utf8(key) && key.find('\0') == std::string::npos;
}

S3Request sayable(S3Request request) {
  request.promise.wrong_length = false;
  request.prefix = whole_characters(std::move(request.prefix));
  request.after = whole_characters(std::move(request.after));
  if (!is_utf8(request.delimiter)) request.delimiter = "/";
  const bool one_at_least = request.verb == Verb::kListBuckets ||
                            request.verb == Verb::kListUploads || request.verb == Verb::kListParts;
  if (one_at_least) request.count_max = std::max<std::size_t>(request.count_max, 1);
  return request;
}

Task<Outcome> perform_http(Ctx& ctx, Link& link, S3Request request) {
  Ask ask = ask_of(request);
  const Told told = co_await link.call(ctx, std::move(ask));
  Outcome outcome;
  if (told.status == 0) outcome.reply.code = "no answer";
  else read_answer(request, told, outcome);
  co_return std::move(outcome);
}

void hide_from_http(const S3Request& request, S3Reply& reply) {
  reply.mtime_ms = 0;
  reply.part_count = 0;
  for (Entry& entry : reply.entries) entry.mtime_ms = 0, entry.checksum.clear();
  if (request.verb != Verb::kGet) reply.size = 0;
  if (request.verb == Verb::kGet && !request.range.empty()) reply.checksum.clear();
  // Parts: only the algorithm of the upload is told. Complete and copies tell what they made.
  if (request.verb != Verb::kGet && request.verb != Verb::kPut) reply.checksum.clear();
  if (request.verb == Verb::kList) reply.next_id.clear();
  // Of a new null version nothing is told.
  const bool writes =
      request.verb == Verb::kPut || request.verb == Verb::kCopy || request.verb == Verb::kComplete;
  if (writes && reply.version == "null") reply.version.clear();
}

}  // namespace creel::test
