// Clients of a real server that write down what they saw, and the judgement of it.
//   creel-linear run --port P --access K --secret S --out FILE [--clients N] [--keys N] [--seconds
//   N]
//                    [--ops N] [--seed N] [--bucket B] [--races N]
//   creel-linear check FILE [--deaths FILE] [--html FILE]
// `deaths`: one moment a line, in ns of the boot clock, by which a server was gone for good.
// Exit status: 0 as it must be, 1 not, 2 cannot judge or run.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "platform/base/text.h"
#include "platform/uv/uv_world.h"
#include "tests/model/linear/workload.h"
#include "tests/model/wgl.h"

namespace creel::test {
namespace {

using Flags = std::map<std::string, std::string>;

std::uint64_t number(const Flags& flags, const std::string& name, std::uint64_t absent) {
  const auto found = flags.find(name);
  if (found == flags.end()) return absent;
  return parse_u64(found->second).value_or(absent);
}
std::string text(const Flags& flags, const std::string& name) {
  const auto found = flags.find(name);
  return found == flags.end() ? std::string() : found->second;
}

std::string slurp(const std::string& path) {
  std::string out;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return out;
  std::vector<char> block(1 << 20);
  for (std::size_t n; (n = std::fread(block.data(), 1, block.size(), file)) > 0;)
    out.append(block.data(), n);
  std::fclose(file);
  return out;
}

int run(const Flags& flags) {
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make();
  if (!world.ok()) return 2;
  WorkloadOptions options;
  options.link.port = static_cast<std::uint16_t>(number(flags, "port", 0));
  options.link.credentials = {text(flags, "access"), text(flags, "secret")};
  options.clients = static_cast<int>(number(flags, "clients", 32));
  options.keys = static_cast<int>(number(flags, "keys", 200));
  options.seed = number(flags, "seed", 1);
  options.operations_max = number(flags, "ops", UINT64_MAX);
  options.span = Duration{static_cast<std::int64_t>(number(flags, "seconds", 10)) * 1'000'000'000};
  options.races = number(flags, "races", 0);
  if (flags.contains("bucket")) options.bucket = text(flags, "bucket");
  std::FILE* out = std::fopen(text(flags, "out").c_str(), "ab");
  if (out == nullptr) return 2;
  const bool races = options.races > 0;
  Workload load(world.value()->platform(), std::move(options), out);
  Ctx root(world.value()->platform().executor, world.value()->platform().clock);
  world.value()->run(races ? load.run_races(root) : load.run(root));
  std::fclose(out);
  std::printf("%llu operations, %llu unanswered", static_cast<unsigned long long>(load.operations),
              static_cast<unsigned long long>(load.unanswered));
  if (races)
    std::printf(", %llu races with a winner who knows it, %llu disturbed",
                static_cast<unsigned long long>(load.races_won),
                static_cast<unsigned long long>(load.races_disturbed));
  std::printf("\n");
  for (const std::string& complaint : load.complaints)
    std::printf("WRONG: %s\n", complaint.c_str());
  return load.complaints.empty() ? 0 : 1;
}

// What had no answer from a server that was seen to be gone cannot act later.
void apply_deaths(History& history, const std::string& file) {
  std::vector<std::int64_t> deaths;
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t end = std::min(file.find('\n', at), file.size());
    if (const auto ns = parse_i64(file.substr(at, end - at))) deaths.push_back(*ns);
    at = end + 1;
  }
  std::sort(deaths.begin(), deaths.end());
  for (HistoryOp& op : history) {
    if (op.came != Came::kUnknown) continue;
    const auto death = std::lower_bound(deaths.begin(), deaths.end(), op.call_ns);
    if (death != deaths.end()) op.dead_ns = *death;
  }
}

void write_page(const Flags& flags, const std::string& title, const History& window) {
  const std::string path = text(flags, "html");
  if (path.empty()) return;
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return;
  const std::string page = window_html(title, window);
  std::fwrite(page.data(), 1, page.size(), file);
  std::fclose(file);
  std::printf("the window as a page: %s\n", path.c_str());
}

int judge(const std::string& path, const Flags& flags) {
  Result<History> parsed = parse_json_lines(slurp(path));
  if (!parsed.ok() || parsed.value().empty()) {
    std::printf("cannot read %s: %s\n", path.c_str(),
                parsed.ok() ? "no operation" : parsed.error().detail.c_str());
    return 2;
  }
  History& history = parsed.value();
  apply_deaths(history, slurp(text(flags, "deaths")));
  const WglVerdict verdict = check_linearizable(history);
  if (verdict.judged == Judged::kTooMany) {
    std::printf("no verdict on key %s: too much under way at once\n", verdict.key.c_str());
    return 2;
  }
  if (!verdict.good()) {
    std::printf("NOT LINEARIZABLE: key %s, no order is left for %s; the smallest window:\n%s",
                verdict.key.c_str(), to_compact(verdict.stuck).c_str(),
                window_text(verdict.window).c_str());
    write_page(flags, cat("key ", verdict.key, " is not linearizable"), verdict.window);
    return 1;
  }
  const ListVerdict listed = check_listings(history);
  if (!listed.good()) {
    std::printf("A LISTING IS WRONG: %s\n%s", listed.complaint.c_str(),
                window_text(listed.window).c_str());
    write_page(flags, listed.complaint, listed.window);
    return 1;
  }
  std::size_t lists = 0;
  std::size_t unknown = 0;
  for (const HistoryOp& op : history) {
    lists += op.did == Did::kList ? 1 : 0;
    unknown += op.came == Came::kUnknown ? 1 : 0;
  }
  std::printf("linearizable: %zu operations, %zu without an answer, %zu listings, %llu states\n",
              history.size(), unknown, lists, static_cast<unsigned long long>(verdict.states));
  return 0;
}

}  // namespace
}  // namespace creel::test

int main(int argc, char** argv) {
  creel::test::Flags flags;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--") && i + 1 < argc) flags[word.substr(2)] = argv[++i];
    else words.push_back(word);
  }
  if (words.size() == 1 && words[0] == "run") return creel::test::run(flags);
  if (words.size() == 2 && words[0] == "check") return creel::test::judge(words[1], flags);
  std::fprintf(stderr, "creel-linear: run …, or check FILE …\n");
  return 2;
}
