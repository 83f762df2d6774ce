#include "app/status_command.h"

#include <cstdio>

#include "app/remote.h"
#include "platform/async/event.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/uv/uv_world.h"

namespace creel::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;
constexpr int kWanting = 3;
constexpr Duration kPoll = 300_ms;

int complain(const Error& error, int code) {
  std::fprintf(stderr, "creel: %s\n", error_text(error).c_str());
  return code;
}

s3::ClientRequest admin_request(std::string method, std::string_view name) {
  s3::ClientRequest request;
  request.method = std::move(method);
  request.bucket = "-";
  request.key = cat("admin/v1/", name);
  return request;
}

struct Asked {
  Arguments arguments;
  s3::ClientOptions options;
};

// The words of both verbs.
Result<Asked> understand(const std::vector<std::string>& words) {
  TRY(arguments, parse_arguments(words, 1, kRemoteOptions));
  if (!arguments.plain.empty())
    return fail(ErrorCode::kInvalid, cat("'", arguments.plain[0], "' is not expected here"));
  TRY(options, remote_options(arguments));
  return Asked{std::move(arguments), std::move(options)};
}

std::uint64_t number(const JsonValue& value, std::string_view name) {
  return value.find(name).as_u64().value_or(0);
}
std::string text(const JsonValue& value, std::string_view name) {
  return std::string(value.find(name).as_string().value_or(""));
}
std::string mib(std::uint64_t bytes) { return cat(bytes / MiB, " MiB"); }

void print_targets(const JsonValue& targets) {
  for (const JsonItem item : targets) {
    const JsonValue& target = item.value;
    const std::uint64_t waiting = number(target, "pending") + number(target, "log_behind");
    std::printf(
        "target %-12s %s, %llu waiting, %llu acknowledged, %llu filtered away, %llu parked\n",
        text(target, "target").c_str(), text(target, "state").c_str(),
        static_cast<unsigned long long>(waiting),
        static_cast<unsigned long long>(number(target, "acked")),
        static_cast<unsigned long long>(number(target, "filtered")),
        static_cast<unsigned long long>(number(target, "parked")));
    if (const std::string error = text(target, "last_error"); !error.empty())
      std::printf("  %s\n", error.c_str());
  }
}

// Where the operation log and its index are.
void print_mirrors(const JsonValue& mirrors) {
  for (const JsonItem item : mirrors) {
    const std::string index = text(item.value, "index");
    std::printf("mirror    %-28s %-11s %s%s%s\n", text(item.value, "folder").c_str(),
                text(item.value, "state").c_str(),
                index == "whole"     ? "log and index"
                : index == "copying" ? "log, its index being copied"
                                     : "log",
                text(item.value, "why").empty() ? "" : "  ", text(item.value, "why").c_str());
  }
}

void print_drives(const JsonValue& drives) {
  if (!drives.is_object()) return;
  std::printf("layout    %llu+%llu, %llu blobs wait for repair\n",
              static_cast<unsigned long long>(number(drives, "data")),
              static_cast<unsigned long long>(number(drives, "parity")),
              static_cast<unsigned long long>(number(drives, "heal_waiting")));
  for (const JsonItem item : drives.find("folders"))
    std::printf("drive     %-28s %-6s %8llu shards, %s free  %s\n",
                text(item.value, "folder").c_str(), text(item.value, "state").c_str(),
                static_cast<unsigned long long>(number(item.value, "shards")),
                mib(number(item.value, "free_bytes")).c_str(), text(item.value, "why").c_str());
}

void print_drive_life(const JsonValue& drives) {
  for (const JsonItem item : drives) {
    const JsonValue& drive = item.value;
    std::printf("flash     %s, %s: %s written in %.1f days", text(drive, "folder").c_str(),
                text(drive, "device").c_str(), mib(number(drive, "written_bytes")).c_str(),
                static_cast<double>(number(drive, "up_seconds")) / 86'400);
    if (const std::uint64_t days = number(drive, "life_days"); days != 0)
      std::printf("; at that rate the drive lasts about %.1f years (%llu cycles)",
                  static_cast<double>(days) / 365.25,
                  static_cast<unsigned long long>(number(drive, "cycles")));
    if (const std::uint64_t worn = number(drive, "worn_percent"); worn != 0)
      std::printf("; worn %llu %% by its own account", static_cast<unsigned long long>(worn));
    std::printf("\n");
  }
}

void print_space(const JsonValue& status) {
  const JsonValue space = status.find("space");
  std::printf("free      %s of %s; reserve %s, promised %s\n",
              mib(number(space, "free_bytes")).c_str(), mib(number(space, "size_bytes")).c_str(),
              mib(number(space, "reserve_bytes")).c_str(),
              mib(number(space, "promised_bytes")).c_str());
  std::printf("live      %s, garbage %s, held by consumers of the log %s\n",
              mib(number(space, "live_bytes")).c_str(), mib(number(space, "garbage_bytes")).c_str(),
              mib(number(space, "held_by_cursors_bytes")).c_str());
  std::printf("allocated %s for the index, %s of them used\n",
              mib(number(space, "index_allocated_bytes")).c_str(),
              mib(number(space, "index_used_bytes")).c_str());
  const std::uint64_t refused = number(space, "refused_full") + number(space, "refused_index");
  if (refused + number(space, "refused_quota") > 0)
    std::printf("refused   %llu for lack of room, %llu over a quota\n",
                static_cast<unsigned long long>(refused),
                static_cast<unsigned long long>(number(space, "refused_quota")));
  if (const std::string warning = text(space, "warning"); !warning.empty())
    std::printf("WARNING   %s\n", warning.c_str());
}

void print_buckets(const JsonValue& buckets) {
  for (const JsonItem item : buckets) {
    const std::uint64_t quota = number(item.value, "quota_bytes");
    std::printf("bucket    %-28s %8llu objects, %s%s\n", text(item.value, "bucket").c_str(),
                static_cast<unsigned long long>(number(item.value, "objects")),
                mib(number(item.value, "bytes") + number(item.value, "upload_bytes")).c_str(),
                quota == 0 ? "" : cat(" of ", mib(quota)).c_str());
  }
}

int print_status(const std::string& body) {
  const Result<JsonDoc> parsed = JsonDoc::parse(as_bytes(body));
  if (!parsed.ok()) return complain(parsed.error(), kFailed);
  const JsonValue status = parsed.value().root();
  const bool ready = status.find("ready").as_bool().value_or(false);
  std::printf("role      %s, %s\n", text(status, "role").c_str(), ready ? "ready" : "not ready");
  if (status.find("read_only").as_bool().value_or(false))
    std::printf("READ-ONLY %s\n", text(status, "reason").c_str());
  std::printf("log       %llu operations, %llu segments, %s bodies beside them\n",
              static_cast<unsigned long long>(number(status, "last_lsn")),
              static_cast<unsigned long long>(number(status, "segments")),
              mib(number(status, "bulk_bytes")).c_str());
  std::printf("index     %llu rows, %s\n", static_cast<unsigned long long>(number(status, "rows")),
              mib(number(status, "index_bytes")).c_str());
  print_space(status);
  for (const JsonItem item : status.find("damage"))
    std::printf("DAMAGE    %s\n", std::string(item.value.as_string().value_or("")).c_str());
  const JsonValue scrub = status.find("scrub");
  const std::uint64_t completed = number(scrub, "completed_ms");
  std::printf("scrub     %s, %s\n",
              scrub.find("running").as_bool().value_or(false) ? "under way" : "waiting",
              completed == 0
                  ? "no whole pass yet"
                  : cat("last whole pass ",
                        iso8601_ms(WallTime::from_ms(static_cast<std::int64_t>(completed))))
                        .c_str());
  for (const JsonItem item : status.find("damaged_names"))
    std::printf("DAMAGED   %s\n", std::string(item.value.as_string().value_or("")).c_str());
  print_mirrors(status.find("mirrors"));
  print_buckets(status.find("buckets"));
  print_drives(status.find("drives"));
  print_drive_life(status.find("drive_life"));
  print_targets(status.find("targets"));
  return ready ? kDone : kWanting;
}

}  // namespace

int run_status(const std::vector<std::string>& words) {
  const Result<Asked> asked = understand(words);
  if (!asked.ok()) return complain(asked.error(), kNotUnderstood);
  const Result<s3::ClientAnswer> answer =
      ask_server(asked.value().options, admin_request("GET", "status"));
  if (!answer.ok()) return complain(answer.error(), kFailed);
  if (!asked.value().arguments.json) return print_status(answer.value().body);
  std::printf("%s\n", answer.value().body.c_str());
  return kDone;
}

namespace {

void print_progress(const JsonValue& heal, bool running) {
  std::printf("\r%s%llu of %llu blobs, %llu shards rebuilt (%s)%s",
              running ? "" : "done: ", static_cast<unsigned long long>(number(heal, "blobs_done")),
              static_cast<unsigned long long>(number(heal, "blobs")),
              static_cast<unsigned long long>(number(heal, "shards_rebuilt")),
              mib(number(heal, "bytes_rebuilt")).c_str(), running ? "   " : "\n");
  std::fflush(stdout);
}

// Starts the repair and asks again until it has ended. The result is the exit code.
Task<Result<int>> heal_to_the_end(Ctx& ctx, Platform& platform, const Asked& asked) {
  s3::S3Client client(platform, asked.options);
  std::string method = "POST";
  for (;;) {
    CO_TRY(answer, co_await client.must(ctx, admin_request(method, "heal")));
    CO_TRY(parsed, JsonDoc::parse(as_bytes(answer.body)));
    const JsonValue heal = parsed.root();
    const bool running = heal.find("running").as_bool().value_or(false);
    if (!asked.arguments.json) print_progress(heal, running);
    if (!running) {
      if (asked.arguments.json) std::printf("%s\n", answer.body.c_str());
      const std::uint64_t left = number(heal, "blobs_incomplete") + number(heal, "blobs_failed");
      if (left == 0) co_return kDone;
      std::fprintf(stderr, "creel: %llu blobs still lack shards: %s\n",
                   static_cast<unsigned long long>(left), text(heal, "last_error").c_str());
      co_return kWanting;
    }
    method = "GET";
    CO_DO(co_await sleep_for(ctx, kPoll));
  }
}

Task<void> heal_into(Ctx& ctx, Platform& platform, const Asked& asked, Result<int>& outcome) {
  outcome = co_await heal_to_the_end(ctx, platform, asked);
}

}  // namespace

int run_heal(const std::vector<std::string>& words) {
  const Result<Asked> asked = understand(words);
  if (!asked.ok()) return complain(asked.error(), kNotUnderstood);
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make();
  if (!world.ok()) return complain(world.error(), kFailed);
  Platform& platform = world.value()->platform();
  Ctx ctx(platform.executor, platform.clock);
  Result<int> outcome = kFailed;
  world.value()->run(heal_into(ctx, platform, asked.value(), outcome));
  if (!outcome.ok()) return complain(outcome.error(), kFailed);
  return outcome.value();
}

}  // namespace creel::app
