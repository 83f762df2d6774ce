#include "app/rule_command.h"

#include <algorithm>
#include <cstdio>

#include "app/key_files.h"
#include "app/remote.h"
#include "app/rule_dry_run.h"
#include "edge/rule_documents.h"
#include "platform/base/text.h"
#include "platform/uv/local_file.h"
#include "platform/uv/uv_world.h"

namespace creel::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;
constexpr int kWanting = 3;

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
  const Result<Arguments> arguments = parse_arguments(words, 2, {});
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
  const Result<Arguments> arguments = parse_arguments(words, 2, {});
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
  const Result<Arguments> parsed = parse_arguments(
      words, 2, {"--in", "--key", "--bucket", "--content-type", "--target", "--json"});
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

int rule_remote(const std::vector<std::string>& words) {
  const Result<Arguments> parsed = parse_arguments(words, 2, kRemoteOptions);
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
  const Result<s3::ClientOptions> options = remote_options(arguments);
  if (!options.ok()) return complain(options.error(), kFailed);
  const Result<s3::ClientAnswer> outcome = ask_server(options.value(), std::move(request));
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
