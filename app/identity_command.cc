#include "app/identity_command.h"

#include <cstdio>

#include "app/admin_api.h"
#include "app/remote.h"
#include "platform/base/text.h"
#include "platform/uv/local_file.h"

namespace creel::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;

// One form of a command and the call it makes: {1}, {2} are its plain words.
struct Form {
  std::string_view noun, verb;
  unsigned words;
  std::string_view method, path;
  std::string_view usage;
  bool sends_file = false;  // The second word is a file: the body.
};
constexpr Form kForms[] = {
    {"user", "list", 0, "GET", "users", ""},
    {"user", "show", 1, "GET", "users/{1}", "NAME"},
    {"user", "add", 1, "PUT", "users/{1}", "NAME"},
    {"user", "delete", 1, "DELETE", "users/{1}", "NAME"},
    {"user", "join", 2, "PUT", "users/{1}/groups/{2}", "NAME GROUP"},
    {"user", "leave", 2, "DELETE", "users/{1}/groups/{2}", "NAME GROUP"},
    {"user", "attach", 2, "PUT", "users/{1}/policies/{2}", "NAME POLICY"},
    {"user", "detach", 2, "DELETE", "users/{1}/policies/{2}", "NAME POLICY"},
    {"group", "list", 0, "GET", "groups", ""},
    {"group", "add", 1, "PUT", "groups/{1}", "NAME"},
    {"group", "delete", 1, "DELETE", "groups/{1}", "NAME"},
    {"group", "attach", 2, "PUT", "groups/{1}/policies/{2}", "NAME POLICY"},
    {"group", "detach", 2, "DELETE", "groups/{1}/policies/{2}", "NAME POLICY"},
    {"key", "list", 0, "GET", "keys", ""},
    {"key", "add", 1, "POST", "users/{1}/keys", "USER          its secret is shown once"},
    {"key", "enable", 1, "PUT", "keys/{1}/active", "ACCESS_KEY"},
    {"key", "disable", 1, "PUT", "keys/{1}/inactive", "ACCESS_KEY"},
    {"key", "delete", 1, "DELETE", "keys/{1}", "ACCESS_KEY"},
    {"policy", "list", 0, "GET", "policies", ""},
    {"policy", "show", 1, "GET", "policies/{1}", "NAME"},
    {"policy", "put", 2, "PUT", "policies/{1}", "NAME FILE", true},
    {"policy", "delete", 1, "DELETE", "policies/{1}", "NAME"},
};

int usage(std::string_view noun) {
  std::fputs("usage:\n", stderr);
  for (const Form& form : kForms)
    if (form.noun == noun)
      std::fprintf(stderr, "       creel %s %s %s\n", std::string(form.noun).c_str(),
                   std::string(form.verb).c_str(), std::string(form.usage).c_str());
  std::fputs(
      "       All: --account ID (whose; default: the root key's), --endpoint URL, --credentials "
      "FILE,\n"
      "       --region NAME, --ca FILE\n",
      stderr);
  return kNotUnderstood;
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "creel: %s\n", error.detail.c_str());
  return code;
}

const Form* form_of(const std::vector<std::string>& words) {
  for (const Form& form : kForms)
    if (form.noun == words[0] && words.size() > 1 && form.verb == words[1]) return &form;
  return nullptr;
}

std::string path_of(const Form& form, const std::vector<std::string>& plain) {
  std::string path(form.path);
  for (std::size_t word = 0; word < plain.size(); ++word) {
    const std::string hole = cat('{', word + 1, '}');
    if (const std::size_t at = path.find(hole); at != std::string::npos)
      path.replace(at, hole.size(), plain[word]);
  }
  return path;
}

}  // namespace

int run_identity(const std::vector<std::string>& words) {
  const Form* form = form_of(words);
  if (form == nullptr) return usage(words[0]);
  std::vector<std::string> known = kRemoteOptions;
  known.push_back("--account");
  const Result<Arguments> parsed = parse_arguments(words, 2, known);
  if (!parsed.ok()) return complain(parsed.error(), kNotUnderstood);
  const Arguments& arguments = parsed.value();
  if (arguments.plain.size() != form->words) return usage(words[0]);
  const Result<s3::ClientOptions> options = remote_options(arguments);
  if (!options.ok()) return complain(options.error(), kNotUnderstood);
  s3::ClientRequest request;
  request.method = form->method;
  request.bucket = "-";
  request.key = cat("admin/v1/", path_of(*form, arguments.plain));
  if (const std::string account = arguments.option("--account"); !account.empty())
    request.query = cat("account=", percent_encode(account, false));
  if (form->sends_file) {
    Result<Bytes> content = read_local_file(arguments.plain[1], kAdminBodyBytesMax);
    if (!content.ok()) return complain(content.error(), kFailed);
    request.body = to_string(content.value());
  }
  const Result<s3::ClientAnswer> answer = ask_server(options.value(), std::move(request));
  if (!answer.ok()) return complain(answer.error(), kFailed);
  std::printf("%s\n", answer.value().body.c_str());
  return kDone;
}

}  // namespace creel::app
