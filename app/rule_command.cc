#include "app/rule_command.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include "app/key_files.h"
#include "app/rule_dry_run.h"
#include "edge/rule_documents.h"
#include "platform/base/text.h"
#include "platform/uv/environment.h"
#include "platform/uv/local_file.h"
#include "platform/uv/uv_world.h"
#include "s3/client/s3_client.h"

namespace creel::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;
constexpr int kWanting = 3;
constexpr std::size_t kSmallFileMax = 64 * KiB;

int usage() {
  std::fputs(
      "usage: creel rule check FILE\n"
      "       creel rule explain FILE\n"
      "       creel rule test FILE --in OBJECT [--key KEY] [--bucket NAME] [--content-type TYPE]\n"
      "                            [--target NAME] [--json]\n"
      "       creel rule put BUCKET FILE --endpoint URL [--credentials FILE] [--region NAME] [--ca "
      "FILE]\n"
      "       creel rule get BUCKET --endpoint URL …\n"
      "       creel rule delete BUCKET --endpoint URL …\n",
      stderr);
  return kNotUnderstood;
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "creel: rule: %s\n", error.detail.c_str());
  return code;
}

// Plain words and --name value pairs behind the verb.
struct Arguments {
  std::vector<std::string> plain;
  std::map<std::string, std::string> options;
  bool json = false;
  std::string option(const std::string& name, std::string fallback = {}) const {
    const auto at = options.find(name);
    return at == options.end() ? std::move(fallback) : at->second;
  }
};

Result<Arguments> parse_arguments(const std::vector<std::string>& words,
                                  const std::vector<std::string_view>& known) {
  Arguments parsed;
  for (std::size_t i = 2; i < words.size(); ++i) {
    std::string name = words[i];
    if (!name.starts_with("--")) {
      parsed.plain.push_back(std::move(name));
      continue;
    }
    std::optional<std::string> value;
    if (const std::size_t equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    bool is_known = false;
    for (const std::string_view one : known) is_known = is_known || one == name;
    if (!is_known) return fail(ErrorCode::kInvalid, cat(name, " is not understood here"));
    if (name == "--json" && !value) {
      parsed.json = true;
      continue;
    }
    if (!value) {
      if (++i == words.size()) return fail(ErrorCode::kInvalid, cat(name, " wants a value"));
      value = words[i];
    }
    parsed.options[name] = std::move(*value);
  }
  return parsed;
}

struct Loaded {
  edge::Rules rules;
  std::string note;  // A key that is not here.
};

// Rules are written where their keys need not be: without them everything else is still checked.
Result<Loaded> load_rules(const std::string& path) {
  TRY(content, read_local_file(path, filters::RuleSet::kBytesMax));
  const KeyFiles keys;
  filters::RuleOptions options;
  Loaded loaded;
  Result<edge::Rules> rules = edge::compile_rules(as_text(content), keys, options);
  if (!rules.ok() && rules.error().code == ErrorCode::kUnavailable) {
    loaded.note = rules.error().detail;
    options.keys_required = false;
    options.run_tests = false;
    rules = edge::compile_rules(as_text(content), keys, options);
  }
  if (!rules.ok()) return fail(rules.error().code, cat(path, ": ", rules.error().detail));
  loaded.rules = rules.take();
  return loaded;
}

int rule_check(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = parse_arguments(words, {});
  if (!arguments.ok()) return complain(arguments.error(), kNotUnderstood);
  if (arguments.value().plain.size() != 1) return usage();
  const Result<Loaded> loaded = load_rules(arguments.value().plain[0]);
  if (!loaded.ok()) return complain(loaded.error(), kWanting);
  if (!loaded.value().note.empty())
    std::fprintf(stderr, "note: %s; without it the rule holds every object\n",
                 loaded.value().note.c_str());
  std::size_t tests = 0;
  for (const auto& rule : loaded.value().rules->rules()) {
    tests += rule->tests.size();
    for (const std::string& warning : rule->warnings)
      std::fprintf(stderr, "warning: rule '%s': %s\n", rule->name.c_str(), warning.c_str());
  }
  const bool ran = loaded.value().note.empty();
  std::printf("ok: %zu rules, %zu tests %s\n", loaded.value().rules->rules().size(), tests,
              ran ? "passed" : "not run");
  return kDone;
}

int rule_explain(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = parse_arguments(words, {});
  if (!arguments.ok()) return complain(arguments.error(), kNotUnderstood);
  if (arguments.value().plain.size() != 1) return usage();
  const Result<Loaded> loaded = load_rules(arguments.value().plain[0]);
  if (!loaded.ok()) return complain(loaded.error(), kWanting);
  for (const auto& rule : loaded.value().rules->rules())
    std::fputs(filters::explain(*rule).c_str(), stdout);
  std::printf("default: %s\n",
              std::string(filters::action_name(loaded.value().rules->default_action())).c_str());
  return kDone;
}

Task<void> dry_run_into(Ctx& ctx, Platform& platform, DryRunInput input, Result<DryRun>& outcome) {
  outcome = co_await dry_run(ctx, platform, std::move(input));
}

int rule_test(const std::vector<std::string>& words) {
  const Result<Arguments> parsed =
      parse_arguments(words, {"--in", "--key", "--bucket", "--content-type", "--target", "--json"});
  if (!parsed.ok()) return complain(parsed.error(), kNotUnderstood);
  const Arguments& arguments = parsed.value();
  const std::string path = arguments.option("--in");
  if (arguments.plain.size() != 1 || path.empty()) return usage();
  const Result<Loaded> loaded = load_rules(arguments.plain[0]);
  if (!loaded.ok()) return complain(loaded.error(), kWanting);
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make();
  if (!world.ok()) return complain(world.error(), kFailed);
  Platform& platform = world.value()->platform();
  DryRunInput input;
  input.rules = loaded.value().rules;
  input.path = path;
  input.target = arguments.option("--target");
  input.object.bucket = arguments.option("--bucket", "bucket");
  input.object.key = arguments.option("--key", path.substr(path.rfind('/') + 1));
  input.object.content_type = arguments.option("--content-type");
  input.object.version = "null";
  Ctx ctx(platform.executor, platform.clock);
  Result<DryRun> outcome = fail(ErrorCode::kUnknown, "not run");
  world.value()->run(dry_run_into(ctx, platform, std::move(input), outcome));
  if (!outcome.ok()) return complain(outcome.error(), kFailed);
  const std::string text =
      arguments.json ? dry_run_json(outcome.value()) : dry_run_text(outcome.value());
  std::fputs(text.c_str(), stdout);
  return outcome.value().verdict == edge::FilterVerdict::kHeld ? kWanting : kDone;
}

// The lines `access_key = …` and `secret_key = …`, as the server's first start writes them.
Result<s3::Credentials> read_credentials(const std::string& path) {
  s3::Credentials found;
  if (path.empty()) {
    found.access_key = env("CREEL_ROOT_ACCESS_KEY").value_or("");
    found.secret_key = env("CREEL_ROOT_SECRET_KEY").value_or("");
    if (found.access_key.empty() || found.secret_key.empty())
      return fail(ErrorCode::kNotFound,
                  "give --credentials FILE, or CREEL_ROOT_ACCESS_KEY and CREEL_ROOT_SECRET_KEY");
    return found;
  }
  TRY(content, read_secret_file(path, kSmallFileMax));
  std::string_view rest = as_text(content);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, equals));
    if (name == "access_key") found.access_key = trim(line.substr(equals + 1));
    if (name == "secret_key") found.secret_key = trim(line.substr(equals + 1));
  }
  if (found.access_key.empty() || found.secret_key.empty())
    return fail(ErrorCode::kInvalid,
                cat(path, ": needs the lines access_key = … and secret_key = …"));
  return found;
}

Result<s3::ClientOptions> client_options(const Arguments& arguments) {
  s3::ClientOptions options;
  TRY(endpoint, s3::parse_endpoint(arguments.option("--endpoint")));
  options.endpoint = std::move(endpoint);
  TRY(credentials, read_credentials(arguments.option("--credentials")));
  options.credentials = std::move(credentials);
  options.region = arguments.option("--region", options.region);
  if (const std::string ca = arguments.option("--ca"); !ca.empty()) {
    TRY(pem, read_local_file(ca, kSmallFileMax));
    options.ca_pem = to_string(pem);
  }
  return options;
}

Task<void> ask(Ctx& ctx, Platform& platform, s3::ClientOptions options, s3::ClientRequest request,
               Result<s3::ClientAnswer>& outcome) {
  s3::S3Client client(platform, std::move(options));
  outcome = co_await client.must(ctx, std::move(request));
}

int rule_remote(const std::vector<std::string>& words) {
  const Result<Arguments> parsed =
      parse_arguments(words, {"--endpoint", "--credentials", "--region", "--ca"});
  if (!parsed.ok()) return complain(parsed.error(), kNotUnderstood);
  const Arguments& arguments = parsed.value();
  const bool puts = words[1] == "put";
  if (arguments.plain.size() != (puts ? 2u : 1u) || arguments.option("--endpoint").empty())
    return usage();
  s3::ClientRequest request;
  request.method = puts ? "PUT" : words[1] == "get" ? "GET" : "DELETE";
  request.bucket = arguments.plain[0];
  request.query = "filter";
  if (puts) {
    // As it was written, so that the server's complaints name its lines.
    Result<Bytes> content = read_local_file(arguments.plain[1], filters::RuleSet::kBytesMax);
    if (!content.ok()) return complain(content.error(), kFailed);
    request.body = to_string(content.value());
  }
  Result<s3::ClientOptions> options = client_options(arguments);
  if (!options.ok()) return complain(options.error(), kFailed);
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make();
  if (!world.ok()) return complain(world.error(), kFailed);
  Platform& platform = world.value()->platform();
  Ctx ctx(platform.executor, platform.clock);
  ctx.set_deadline(platform.clock.now() + 60_s);
  Result<s3::ClientAnswer> outcome = fail(ErrorCode::kUnknown, "not asked");
  world.value()->run(ask(ctx, platform, options.take(), std::move(request), outcome));
  if (!outcome.ok())
    return complain(outcome.error(),
                    puts && outcome.error().code == ErrorCode::kInvalid ? kWanting : kFailed);
  std::fputs(outcome.value().body.c_str(), stdout);
  return kDone;
}

}  // namespace

int run_rule(const std::vector<std::string>& words) {
  const std::string verb = words.size() > 1 ? words[1] : "";
  if (verb == "check") return rule_check(words);
  if (verb == "explain") return rule_explain(words);
  if (verb == "test") return rule_test(words);
  if (verb == "put" || verb == "get" || verb == "delete") return rule_remote(words);
  return usage();
}

}  // namespace creel::app
