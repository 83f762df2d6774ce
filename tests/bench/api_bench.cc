#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/bench/bench.h"
#include "tests/bench/process.h"

namespace creel::bench {
namespace {

std::string size_name(std::size_t bytes) {
  return bytes >= (1u << 20) ? std::to_string(bytes >> 20) + " MiB"
                             : std::to_string(bytes >> 10) + " KiB";
}

struct Load {
  double per_s = 0;
  double p50_ms = 0, p99_ms = 0;
};

// `work(connection, client, round)` in `clients` threads for `seconds`, or until `rounds_max` each.
template <class Work>
Load run_load(int port, unsigned clients, double seconds, std::size_t rounds_max, Work work) {
  std::vector<std::vector<double>> times(clients);
  std::vector<std::thread> threads;
  const double begin = now_s();
  for (unsigned client = 0; client < clients; ++client)
    threads.emplace_back([&, client] {
      Connection connection(port);
      for (std::size_t round = 0; round < rounds_max && now_s() - begin < seconds; ++round) {
        const double before = now_s();
        work(connection, client, round);
        times[client].push_back((now_s() - before) * 1e3);
      }
    });
  for (std::thread& thread : threads) thread.join();
  const double took = now_s() - begin;
  std::vector<double> all;
  for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  Load load;
  load.per_s = static_cast<double>(all.size()) / took;
  load.p50_ms = all[all.size() / 2];
  load.p99_ms = all[all.size() * 99 / 100];
  return load;
}

void print(const std::string& name, const Load& load, double limit, const std::string& limit_name) {
  row(name, load.per_s, "/s", limit, limit_name);
  std::printf("  %-38s p50 %.2f ms, p99 %.2f ms\n", "", load.p50_ms, load.p99_ms);
}

void put_and_get(const Process& server, const std::string& dir, std::size_t bytes, unsigned clients,
                 double seconds, double loopback) {
  const std::string body(bytes, 'x');
  const std::string base = "/bench/" + std::to_string(bytes) + "-" + std::to_string(clients) + "-";
  const std::size_t rounds = bytes >= (1u << 20) ? 4 : 1u << 20;
  const double batches = server.metric("creel_store_batches_total");
  const Load put = run_load(
      server.port(), clients, seconds, rounds,
      [&](Connection& connection, unsigned client, std::size_t round) {
        connection.request("PUT", base + std::to_string(client) + "-" + std::to_string(round % 64),
                           "", body);
      });
  const double made = server.metric("creel_store_batches_total") - batches;
  const double per_batch = made > 0 ? put.per_s * seconds / made : 1;
  const std::string who = ", " + std::to_string(clients) + (clients == 1 ? " client" : " clients");
  if (bytes <= 256 * 1024) {
    const std::size_t batch = static_cast<std::size_t>(std::max(1.0, per_batch)) * (bytes + 512);
    const double raw =
        raw_commits_per_s(dir, (batch + 4095) / 4096 * 4096, 0.5) * std::max(1.0, per_batch);
    print("PUT " + size_name(bytes) + who, put, raw, "pwrite + fdatasync of such batches");
  } else {
    print("PUT " + size_name(bytes) + who, put, md5_bytes_per_s() / static_cast<double>(bytes),
          "MD5 of the bytes");
  }
  const Load get = run_load(server.port(), clients, seconds, rounds,
                            [&](Connection& connection, unsigned client, std::size_t) {
                              connection.drain(base + std::to_string(client) + "-0");
                            });
  print("GET " + size_name(bytes) + who, get, loopback / static_cast<double>(bytes),
        "sendfile on loopback");
}

void list(const Process& server, double loopback) {
  constexpr std::size_t kKeys = 100'000;
  std::atomic<std::size_t> next{0};
  run_load(server.port(), 32, 600, kKeys, [&](Connection& connection, unsigned, std::size_t) {
    for (int i = 0; i < 16; ++i) {
      const std::size_t number = next.fetch_add(1);
      if (number >= kKeys) return;
      char name[64];
      std::snprintf(name, sizeof name, "/listed/2026/11/sensor-%06zu", number);
      connection.request("PUT", name, "", "x");
    }
  });
  Connection connection(server.port());
  std::string token;
  std::size_t keys = 0, bytes = 0;
  const double begin = now_s();
  do {
    const std::string page = connection.request(
        "GET", "/listed",
        token.empty() ? "list-type=2" : "continuation-token=" + token + "&list-type=2", "");
    bytes += page.size();
    for (std::size_t at = page.find("<Key>"); at != std::string::npos;
         at = page.find("<Key>", at + 5))
      ++keys;
    const std::size_t at = page.find("<NextContinuationToken>");
    token = at == std::string::npos ? "" : page.substr(at + 23, page.find('<', at + 23) - at - 23);
  } while (!token.empty());
  const double seconds = now_s() - begin;
  row("LIST of 100k keys, 1 client", static_cast<double>(keys) / seconds, "keys/s",
      loopback * static_cast<double>(keys) / static_cast<double>(bytes),
      "sendfile of the same XML");
}

}  // namespace

void api(double seconds, const std::string& binary) {
  heading("S3 API over loopback, one server process, role edge");
  const std::string dir = scratch_dir();
  Process server(
      binary, {"serve", "--role", "edge", "--data", dir + "/data", "--listen", "127.0.0.1:0"}, dir);
  std::printf("  idle: %.1f MiB resident, %.1f MiB anonymous\n",
              static_cast<double>(server.status_kib("VmRSS")) / 1024,
              static_cast<double>(server.status_kib("RssAnon")) / 1024);
  const double loopback = raw_loopback_bytes_per_s(std::size_t{2} << 30);
  {
    Connection connection(server.port());
    connection.request("PUT", "/bench", "", "");
    connection.request("PUT", "/listed", "", "");
  }
  for (const std::size_t bytes :
       {std::size_t{4} << 10, std::size_t{64} << 10, std::size_t{64} << 20})
    for (const unsigned clients : {1u, 32u}) {
      if (bytes > (1u << 20) && clients > 4) {
        put_and_get(server, dir, bytes, 4, seconds, loopback);
        continue;
      }
      put_and_get(server, dir, bytes, clients, seconds, loopback);
    }
  list(server, loopback);
  std::printf("  peak: %.1f MiB resident, %.1f MiB anonymous now\n",
              static_cast<double>(server.status_kib("VmHWM")) / 1024,
              static_cast<double>(server.status_kib("RssAnon")) / 1024);
}

}  // namespace creel::bench
