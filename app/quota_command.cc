#include "app/quota_command.h"

#include <cstdio>

#include "app/remote.h"
#include "app/space_report.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"

namespace creel::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;

int usage() {
  std::fputs(
      "usage: creel quota [--json]\n"
      "       creel quota set BUCKET BYTES|none [--objects N|none]\n"
      "       BYTES may end in K, M, G or T. Both: --endpoint URL, --credentials FILE, --region "
      "NAME, --ca FILE\n",
      stderr);
  return kNotUnderstood;
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "creel: quota: %s\n", error.detail.c_str());
  return code;
}

std::string bound_text(std::uint64_t value) { return value == 0 ? "none" : cat(value); }

int print_list(const std::string& body) {
  const Result<JsonDoc> parsed = JsonDoc::parse(as_bytes(body));
  if (!parsed.ok()) return complain(parsed.error(), kFailed);
  std::printf("%-32s %15s %10s %15s %15s %10s\n", "bucket", "bytes", "objects", "in uploads",
              "quota bytes", "objects");
  for (const JsonItem item : parsed.value().root()) {
    const auto number = [&item](std::string_view name) {
      return item.value.find(name).as_u64().value_or(0);
    };
    std::printf("%-32s %15llu %10llu %15llu %15s %10s\n",
                std::string(item.value.find("bucket").as_string().value_or("")).c_str(),
                static_cast<unsigned long long>(number("bytes")),
                static_cast<unsigned long long>(number("objects")),
                static_cast<unsigned long long>(number("upload_bytes")),
                bound_text(number("quota_bytes")).c_str(),
                bound_text(number("quota_objects")).c_str());
  }
  return kDone;
}

}  // namespace

int run_quota(const std::vector<std::string>& words) {
  const bool sets = words.size() > 1 && words[1] == "set";
  std::vector<std::string> known = kRemoteOptions;
  if (sets) known.push_back("--objects");
  const Result<Arguments> parsed = parse_arguments(words, sets ? 2 : 1, known);
  if (!parsed.ok()) return complain(parsed.error(), kNotUnderstood);
  const Arguments& arguments = parsed.value();
  if (arguments.plain.size() != (sets ? 2u : 0u)) return usage();
  const Result<s3::ClientOptions> options = remote_options(arguments);
  if (!options.ok()) return complain(options.error(), kNotUnderstood);
  s3::ClientRequest request;
  request.method = sets ? "POST" : "GET";
  request.bucket = "-";
  request.key = "admin/v1/quota";
  if (sets)
    request.key += cat('/', arguments.plain[0], '/', arguments.plain[1], '/',
                       arguments.option("--objects", "none"));
  const Result<s3::ClientAnswer> answer = ask_server(options.value(), std::move(request));
  if (!answer.ok()) return complain(answer.error(), kFailed);
  if (!arguments.json) return print_list(answer.value().body);
  std::printf("%s\n", answer.value().body.c_str());
  return kDone;
}

}  // namespace creel::app
