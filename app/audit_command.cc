#include "app/audit_command.h"

#include <cstdio>

#include "app/audit_log.h"
#include "app/remote.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/uv/local_file.h"

namespace creel::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;
constexpr std::size_t kFileBytesMax = 1 * GiB;

int complain(const Error& error, int code) {
  std::fprintf(stderr, "creel: %s\n", error.detail.c_str());
  return code;
}

}  // namespace

int run_audit(const std::vector<std::string>& words) {
  if (words.size() < 3 || words[1] != "verify") {
    std::fputs("usage: creel audit verify FILE…    (oldest first: audit.log.1 audit.log)\n",
               stderr);
    return kNotUnderstood;
  }
  std::string text;
  for (std::size_t i = 2; i < words.size(); ++i) {
    Result<Bytes> content = read_local_file(words[i], kFileBytesMax);
    if (!content.ok()) return complain(content.error(), kFailed);
    text += as_text(content.value());
  }
  const AuditVerdict verdict = verify_audit(text);
  std::printf("%llu lines hold\n", static_cast<unsigned long long>(verdict.lines));
  if (verdict.problem.empty()) return kDone;
  std::printf("%s\n", verdict.problem.c_str());
  return kFailed;
}

int run_explain(const std::vector<std::string>& words) {
  const Result<Arguments> parsed = parse_arguments(words, 1, kRemoteOptions);
  if (!parsed.ok()) return complain(parsed.error(), kNotUnderstood);
  if (parsed.value().plain.size() != 1) {
    std::fputs("usage: creel explain REQUEST_ID [--json] [--endpoint URL] [--credentials FILE]\n",
               stderr);
    return kNotUnderstood;
  }
  const Result<s3::ClientOptions> options = remote_options(parsed.value());
  if (!options.ok()) return complain(options.error(), kNotUnderstood);
  s3::ClientRequest request;
  request.bucket = "-";
  request.key = cat("admin/v1/explain/", parsed.value().plain[0]);
  const Result<s3::ClientAnswer> answer = ask_server(options.value(), std::move(request));
  if (!answer.ok()) return complain(answer.error(), kFailed);
  const Result<JsonDoc> doc = JsonDoc::parse(as_bytes(answer.value().body));
  if (parsed.value().json || !doc.ok()) {
    std::printf("%s\n", answer.value().body.c_str());
    return kDone;
  }
  for (const JsonItem item : doc.value().root()) {
    std::string text(item.value.as_string().value_or(""));
    if (const auto number = item.value.as_i64()) text = cat(*number);
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3)
      text.replace(at, 1, "\n  ");
    std::printf("%s: %s%s\n", std::string(item.name).c_str(),
                text.find('\n') != std::string::npos ? "\n  " : "", text.c_str());
  }
  return kDone;
}

}  // namespace creel::app
