#include "app/command.h"

#include <cstdio>

#include "app/audit_command.h"
#include "app/certs_command.h"
#include "app/check_command.h"
#include "app/identity_command.h"
#include "app/quota_command.h"
#include "app/rule_command.h"
#include "app/serve.h"
#include "app/status_command.h"
#include "platform/base/text.h"
#include "platform/uv/environment.h"
#include "platform/uv/local_file.h"

#ifndef CREEL_VERSION
#define CREEL_VERSION "0.1.0"
#endif

namespace creel::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;
constexpr std::size_t kConfigBytesMax = 1 * MiB;

int complain(const Error& error) {
  std::fprintf(stderr, "creel: %s\n", error_text(error).c_str());
  return kFailed;
}

int usage(std::FILE* out) {
  std::fputs(
      "creel: an object store for the edge and the core, S3 API\n"
      "\n"
      "  creel serve [--config FILE] [--role edge|core] [--data DIR]… [--listen HOST:PORT]\n"
      "              [--region NAME] [--insecure-listen] [--allow-testing]\n"
      "  creel config check FILE     says what is wrong with a configuration, with line and "
      "column\n"
      "  creel config show [FILE]    the settings in force\n"
      "  creel rule check|explain FILE, rule test FILE --in OBJECT [--json]\n"
      "  creel rule put BUCKET FILE | get BUCKET | delete BUCKET --endpoint URL [--credentials "
      "FILE]\n"
      "  creel status | heal [--endpoint URL] [--credentials FILE] [--json]   of a running server\n"
      "  creel quota [--json] | quota set BUCKET BYTES|none [--objects N]   of a running server\n"
      "  creel user|group|key|policy VERB …   who may do what, of a running server\n"
      "  creel explain REQUEST_ID    what a running server did with a recent request, and why\n"
      "  creel audit verify FILE…    whether the lines of an audit log are those that were "
      "written\n"
      "  creel check [--config FILE] [--data DIR]… [--rebuild] [--json]   of a stopped server\n"
      "  creel check --endpoint URL [--credentials FILE] [--json]         of a running one\n"
      "  creel certs DIR --core-name NAME… --site N…   an authority and certificates of a fleet\n"
      "  creel version\n",
      out);
  return out == stdout ? kDone : kNotUnderstood;
}

Result<std::string> slurp(const std::string& path) {
  TRY(content, read_local_file(path, kConfigBytesMax));
  return to_string(content);
}

struct Words {
  std::string config_file;
  std::vector<Flag> flags;
};

Result<Words> parse_flags(const std::vector<std::string>& words, std::size_t from) {
  Words parsed;
  for (std::size_t i = from; i < words.size(); ++i) {
    std::string name = words[i];
    std::string value;
    const std::size_t equals = name.find('=');
    if (name == "--insecure-listen" || name == "--allow-testing") {
      parsed.flags.push_back({name, {}});
      continue;
    }
    if (!name.starts_with("--")) return fail(ErrorCode::kInvalid, cat("'", name, "' is no flag"));
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (++i < words.size()) {
      value = words[i];
    } else {
      return fail(ErrorCode::kInvalid, cat(name, " wants a value"));
    }
    if (name == "--config") parsed.config_file = std::move(value);
    else parsed.flags.push_back({std::move(name), std::move(value)});
  }
  return parsed;
}

int run_serve(const std::vector<std::string>& words) {
  const Result<Words> parsed = parse_flags(words, 1);
  if (!parsed.ok()) {
    complain(parsed.error());
    return kNotUnderstood;
  }
  Result<Config> config = gather_config(parsed.value().config_file, parsed.value().flags);
  if (!config.ok()) return complain(config.error());
  if (const Result<Unit> sound = check_config(config.value()); !sound.ok())
    return complain(sound.error());
  return serve(config.value());
}

int run_config(const std::vector<std::string>& words) {
  const std::string what = words.size() > 1 ? words[1] : "";
  const std::string file = words.size() > 2 ? words[2] : "";
  if ((what != "check" && what != "show") || (what == "check" && file.empty()))
    return usage(stderr);
  Result<Config> config = gather_config(file, {});
  if (!config.ok()) return complain(config.error());
  if (const Result<Unit> sound = check_config(config.value()); !sound.ok())
    return complain(sound.error());
  std::fputs(what == "show" ? show_config(config.value()).c_str() : "ok\n", stdout);
  return kDone;
}

}  // namespace

Result<Config> gather_config(const std::string& file, const std::vector<Flag>& flags) {
  Config config;
  if (!file.empty()) {
    TRY(text, slurp(file));
    TRY_DO(apply_file(config, text, file));
  }
  TRY_DO(apply_environment(config, env));
  TRY_DO(apply_flags(config, flags));
  return config;
}

int run_command(const std::vector<std::string>& words) {
  const std::string verb = words.empty() ? "" : words[0];
  for (const std::string& word : words)
    if (word == "--help" || word == "-h") return usage(stdout);
  if (verb == "help") return usage(stdout);
  if (verb == "serve") return run_serve(words);
  if (verb == "config") return run_config(words);
  if (verb == "status") return run_status(words);
  if (verb == "heal") return run_heal(words);
  if (verb == "quota") return run_quota(words);
  if (verb == "user" || verb == "group" || verb == "key" || verb == "policy")
    return run_identity(words);
  if (verb == "audit") return run_audit(words);
  if (verb == "explain") return run_explain(words);
  if (verb == "check") return run_check(words);
  if (verb == "rule") return run_rule(words);
  if (verb == "certs") return run_certs(words);
  if (verb == "version" || verb == "--version") {
    std::puts("creel " CREEL_VERSION);
    return kDone;
  }
  if (!verb.empty()) std::fprintf(stderr, "creel: unknown command '%s'\n", verb.c_str());
  return usage(stderr);
}

}  // namespace creel::app
