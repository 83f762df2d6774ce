// What it costs to hold many objects: the same requests at 10,000 objects, at a million and at the
// end, each by the server's own processor time and by the clock; restarts; the rebuild of the
// index.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>
#include <vector>

#include "platform/base/check.h"
#include "tests/bench/bench.h"
#include "tests/bench/process.h"

namespace creel::bench {
namespace {

constexpr unsigned kWriters = 32;
const std::string kBody(100, 'x');

// A thousand sensors, each with names that rise.
std::string name_of(std::size_t number) {
  char name[64];
  std::snprintf(name, sizeof name, "/scale/s%03zu/%010zu", number % 1'000, number / 1'000);
  return name;
}

void fill(int port, std::size_t from, std::size_t to) {
  std::atomic<std::size_t> next{from};
  std::vector<std::thread> threads;
  for (unsigned w = 0; w < kWriters; ++w)
    threads.emplace_back([&] {
      Connection connection(port);
      for (std::size_t i = next++; i < to; i = next++)
        connection.request("PUT", name_of(i), "", kBody);
    });
  for (std::thread& thread : threads) thread.join();
}

struct Cost {
  double cpu_us = 0;   // Of the server, a request.
  double wall_us = 0;  // One client, one request after the other.
};

struct Costs {
  Cost put, get, head;
  double list_p50_ms = 0, list_max_ms = 0;
};

template <class Work>
Cost cost_of(const Process& server, std::size_t rounds, Work work) {
  Connection connection(server.port());
  work(connection, 0);
  const double cpu = server.cpu_s();
  const double begin = now_s();
  for (std::size_t i = 1; i <= rounds; ++i) work(connection, i);
  return {(server.cpu_s() - cpu) * 1e6 / static_cast<double>(rounds),
          (now_s() - begin) * 1e6 / static_cast<double>(rounds)};
}

std::size_t scattered(std::size_t i, std::size_t objects) {
  return static_cast<std::size_t>(i * 0x9e3779b97f4a7c15u % objects);
}

Costs measure(const Process& server, std::size_t objects) {
  constexpr std::size_t kRounds = 20'000;
  Costs costs;
  // Overwrites of objects all over the index: their number stays.
  costs.put = cost_of(server, kRounds, [&](Connection& connection, std::size_t i) {
    connection.request("PUT", name_of(scattered(i, objects)), "", kBody);
  });
  costs.get = cost_of(server, kRounds, [&](Connection& connection, std::size_t i) {
    connection.request("GET", name_of(scattered(i, objects)), "", "");
  });
  costs.head = cost_of(server, kRounds, [&](Connection& connection, std::size_t i) {
    connection.request("HEAD", name_of(scattered(i, objects)), "", "");
  });
  std::vector<double> pages;
  Connection connection(server.port());
  for (std::size_t i = 0; i < 400; ++i) {
    const std::string after = name_of(scattered(i, objects)).substr(7);
    std::string escaped;
    for (const char c : after) escaped += c == '/' ? std::string("%2F") : std::string(1, c);
    const double begin = now_s();
    connection.request("GET", "/scale", "list-type=2&start-after=" + escaped, "");
    pages.push_back((now_s() - begin) * 1e3);
  }
  std::sort(pages.begin(), pages.end());
  costs.list_p50_ms = pages[pages.size() / 2];
  costs.list_max_ms = pages.back();
  return costs;
}

void print(std::size_t objects, const Costs& now, const Costs& base) {
  const auto line = [&](const char* what, const Cost& cost, const Cost& first) {
    char name[64];
    std::snprintf(name, sizeof name, "%s at %zu objects, server CPU", what, objects);
    row(name, cost.cpu_us, "us", first.cpu_us, "at 10,000 objects; goal 1.3");
    std::printf("  %-38s %12.1f us by the clock, %.2f of that at 10,000\n", "", cost.wall_us,
                cost.wall_us / first.wall_us);
  };
  line("PUT", now.put, base.put);
  line("GET", now.get, base.get);
  line("HEAD", now.head, base.head);
  char name[64];
  std::snprintf(name, sizeof name, "LIST page at %zu objects, p50", objects);
  row(name, now.list_p50_ms, "ms", 5, "goal");
  std::printf("  %-38s %12.2f ms the slowest of 400\n", "", now.list_max_ms);
}

void print_memory(const Process& server) {
  std::printf("  %-38s %12.1f MiB anonymous (goal 64), %.1f MiB resident\n", "memory",
              static_cast<double>(server.status_kib("RssAnon")) / 1024,
              static_cast<double>(server.status_kib("VmRSS")) / 1024);
}

}  // namespace

void scale(const std::string& binary, std::size_t objects) {
  heading("scale: bodies of 100 bytes, a thousand rising series of names, role edge");
  const std::string dir = scratch_dir();
  const std::vector<std::string> words = {"serve",       "--role",   "edge",       "--data",
                                          dir + "/data", "--listen", "127.0.0.1:0"};
  std::optional<Process> server;
  const auto start = [&](const char* name, double goal) {
    const double begin = now_s();
    server.emplace(binary, words, dir);
    row(name, now_s() - begin, "s", goal, "goal");
  };
  server.emplace(binary, words, dir);
  {
    Connection connection(server->port());
    connection.request("PUT", "/scale", "", "");
  }
  std::size_t have = 0;
  const auto grow_to = [&](std::size_t number) {
    const double begin = now_s();
    fill(server->port(), have, number);
    std::printf("  %-38s %12.1f s, %.0f PUT/s with %u clients\n",
                ("filled to " + std::to_string(number)).c_str(), now_s() - begin,
                static_cast<double>(number - have) / (now_s() - begin), kWriters);
    have = number;
  };
  grow_to(std::min<std::size_t>(10'000, objects));
  const Costs base = measure(*server, have);
  print(have, base, base);
  for (const std::size_t stage : {std::size_t{1'000'000}, objects}) {
    if (stage <= have || stage > objects) continue;
    grow_to(stage);
    print(have, measure(*server, have), base);
    print_memory(*server);
    const std::string what = std::to_string(have) + " objects";
    server->stop(SIGTERM);
    start(("clean restart, " + what).c_str(), 1);
    print_memory(*server);
    fill(server->port(), 0, 20'000);  // Something to replay.
    server->stop(SIGKILL);
    start(("restart after kill -9, " + what).c_str(), 3);
    server->stop(SIGTERM);
    if (std::system(("rm -rf '" + dir + "/data/idx'").c_str()) != 0) std::perror("rm");
    start(("index deleted: rebuild, " + what).c_str(), 60);
    print_memory(*server);
  }
}

}  // namespace creel::bench
