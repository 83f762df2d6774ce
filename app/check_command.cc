#include "app/check_command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "app/check_report.h"
#include "app/command.h"
#include "app/node.h"
#include "app/remote.h"
#include "platform/async/event.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/uv/uv_world.h"

namespace creel::app {
namespace {

constexpr int kClean = 0;
constexpr int kDamaged = 1;
constexpr int kCannot = 2;
constexpr Duration kPoll = 250_ms;

struct Asked {
  bool rebuild = false;
  bool json = false;
  std::optional<s3::ClientOptions> server;  // Else offline:
  Config config;
};

int complain(const Error& error) {
  std::fprintf(stderr, "creel: %s\n", error_text(error).c_str());
  return kCannot;
}

Result<Asked> understand(const std::vector<std::string>& words) {
  Asked asked;
  std::string config_file;
  std::vector<Flag> flags;
  std::vector<std::string> others;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool ours = word == "--data" || word == "--role" || word == "--config";
    if (word == "--rebuild") {
      asked.rebuild = true;
    } else if (!ours) {
      others.push_back(word);
    } else {
      if (++i == words.size()) return fail(ErrorCode::kInvalid, cat(word, " wants a value"));
      if (word == "--config") config_file = words[i];
      else flags.push_back({word, words[i]});
    }
  }
  TRY(arguments, parse_arguments(others, 0, kRemoteOptions));
  if (!arguments.plain.empty())
    return fail(ErrorCode::kInvalid, cat("'", arguments.plain[0], "' is not expected here"));
  asked.json = arguments.json;
  if (arguments.options.contains("--endpoint")) {
    if (asked.rebuild || !flags.empty() || !config_file.empty())
      return fail(ErrorCode::kInvalid,
                  "--rebuild, --data, --role and --config are for a server that is stopped");
    TRY(server, remote_options(arguments));
    asked.server = std::move(server);
    return asked;
  }
  TRY(config, gather_config(config_file, flags));
  TRY_DO(check_config(config));
  asked.config = std::move(config);
  return asked;
}

std::uint64_t number(const JsonValue& value, std::string_view name) {
  return value.find(name).as_u64().value_or(0);
}

// How far the check is, on stderr: a bar on a terminal, else a line each tenth.
class ProgressLine {
 public:
  explicit ProgressLine(bool silent) : silent_(silent), terminal_(::isatty(STDERR_FILENO) == 1) {}
  void show(const JsonValue& report) {
    if (silent_) return;
    std::uint64_t done = 0;
    std::uint64_t expected = 1;
    std::uint64_t rows = 0;
    for (const JsonItem item : report.find("stores")) {
      done += number(item.value, "bytes");
      expected += number(item.value, "bytes_expected");
      rows += number(item.value, "rows");
    }
    const bool ended = !report.find("running").as_bool().value_or(false);
    // What is expected is the size of the files: most passes end before.
    const auto percent =
        static_cast<int>(ended ? 100 : std::min<std::uint64_t>(done * 100 / expected, 99));
    if (!terminal_ && percent / 10 == shown_ / 10 && shown_ >= 0) return;
    shown_ = percent;
    const std::string bar(static_cast<std::size_t>(percent / 4), '#');
    std::fprintf(stderr, "%s[%-25s] %3d %%  %llu MiB, %llu rows, %llu damaged%s",
                 terminal_ ? "\r" : "", bar.c_str(), percent,
                 static_cast<unsigned long long>(done / MiB), static_cast<unsigned long long>(rows),
                 static_cast<unsigned long long>(number(report, "damaged")),
                 terminal_ && !ended ? "" : "\n");
  }

 private:
  bool silent_;
  bool terminal_;
  int shown_ = -1;
};

int print_result(const std::string& text, bool as_json) {
  const Result<JsonDoc> parsed = JsonDoc::parse(as_bytes(text));
  if (!parsed.ok()) return complain(parsed.error());
  const JsonValue report = parsed.value().root();
  const std::uint64_t damaged = number(report, "damaged");
  const bool whole = report.find("whole").as_bool().value_or(false);
  if (as_json) std::printf("%s\n", text.c_str());
  for (const JsonItem item : report.find("stores")) {
    if (as_json) break;
    std::printf("%s: %llu rows, %llu bodies, %llu operations of the log, %llu MiB\n",
                std::string(item.value.find("folder").as_string().value_or("")).c_str(),
                static_cast<unsigned long long>(number(item.value, "rows")),
                static_cast<unsigned long long>(number(item.value, "bodies")),
                static_cast<unsigned long long>(number(item.value, "log_operations")),
                static_cast<unsigned long long>(number(item.value, "bytes") / MiB));
    for (const JsonItem finding : item.value.find("findings"))
      std::printf("DAMAGE  %s\n", std::string(finding.value.as_string().value_or("")).c_str());
  }
  if (!as_json && damaged == 0 && whole) std::printf("nothing is damaged\n");
  if (damaged > 0) return kDamaged;
  return whole ? kClean : kCannot;
}

Task<Result<int>> watch_server(Ctx& ctx, Platform& platform, const Asked& asked) {
  s3::S3Client client(platform, *asked.server);
  ProgressLine line(asked.json);
  s3::ClientRequest request;
  request.method = "POST";
  request.bucket = "-";
  request.key = "admin/v1/check";
  for (;;) {
    s3::ClientRequest one = request;
    CO_TRY(answer, co_await client.must(ctx, std::move(one)));
    CO_TRY(parsed, JsonDoc::parse(as_bytes(answer.body)));
    line.show(parsed.root());
    if (!parsed.root().find("running").as_bool().value_or(false))
      co_return print_result(answer.body, asked.json);
    request.method = "GET";
    CO_DO(co_await sleep_for(ctx, kPoll));
  }
}

Task<Result<std::string>> check_node(Ctx& ctx, Node& node, bool silent) {
  ProgressLine line(silent);
  for (const NamedStore& named : node.stores()) named.store->start_check();
  for (;;) {
    CO_DO(co_await sleep_for(ctx, kPoll));
    std::string report = checks_json(node.stores());
    CO_TRY(parsed, JsonDoc::parse(as_bytes(report)));
    line.show(parsed.root());
    if (!parsed.root().find("running").as_bool().value_or(false)) co_return std::move(report);
  }
}

Task<Result<int>> check_folders(Ctx& ctx, Platform& platform, const Asked& asked) {
  const bool edge = asked.config.role == Role::kEdge;
  Result<std::unique_ptr<Node>> opened = fail(ErrorCode::kStopped, "not opened");
  if (edge) opened = co_await open_edge(ctx, platform, asked.config, asked.rebuild);
  else opened = co_await open_core(ctx, platform, asked.config, asked.rebuild);
  if (!opened.ok()) co_return opened.error();
  Node& node = *opened.value();
  Scope work(ctx);
  work.spawn(node.run(work.ctx()));
  Result<std::string> report = co_await check_node(ctx, node, asked.json);
  work.request_stop();
  co_await work.join();
  const Result<Unit> closed = co_await node.close(ctx);
  if (!report.ok()) co_return report.error();
  const int code = print_result(report.value(), asked.json);
  if (!closed.ok()) co_return closed.error();
  co_return code;
}

Task<void> run_into(Ctx& ctx, Platform& platform, const Asked& asked, Result<int>& outcome) {
  if (asked.server) outcome = co_await watch_server(ctx, platform, asked);
  else outcome = co_await check_folders(ctx, platform, asked);
}

}  // namespace

int run_check(const std::vector<std::string>& words) {
  const Result<Asked> asked = understand(words);
  if (!asked.ok()) return complain(asked.error());
  UvOptions options;
  if (asked.value().config.role == Role::kCore) options.io_threads = 4;
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make(options);
  if (!world.ok()) return complain(world.error());
  Platform& platform = world.value()->platform();
  Ctx ctx(platform.executor, platform.clock);
  Result<int> outcome = kCannot;
  world.value()->run(run_into(ctx, platform, asked.value(), outcome));
  return outcome.ok() ? outcome.value() : complain(outcome.error());
}

}  // namespace creel::app
