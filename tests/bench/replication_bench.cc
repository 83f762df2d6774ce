#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "platform/base/check.h"
#include "tests/bench/bench.h"
#include "tests/bench/process.h"

namespace creel::bench {
namespace {

void write_text(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  check(file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
}

double edge_metric(Connection& connection, const std::string& name) {
  const std::string text = connection.request("GET", "/-/metrics", "", "");
  const std::size_t at = text.find(name);
  return at == std::string::npos ? -1 : std::atof(text.c_str() + text.find(' ', at));
}

}  // namespace

// A backlog of 4 KiB objects, captured before the link is there, then drained: objects durable at
// the receiver a second, both ends on this machine.
void replication(const std::string& binary) {
  heading("replication over loopback, mutual TLS (edge to a core of one drive)");
  constexpr unsigned kClients = 16, kEach = 1'250;
  const std::string dir = scratch_dir();
  const std::string certs = dir + "/certs";
  const std::string make =
      "'" + binary + "' certs '" + certs + "' --core-name core.bench --site 1 >/dev/null";
  if (std::system(make.c_str()) != 0) {
    std::printf("  skipped: creel certs failed\n");
    return;
  }
  const std::string link_port_file = dir + "/core.toml";
  const auto tls = [&certs](const std::string& name) {
    return "[replicate.tls]\ncert = \"" + certs + "/" + name + ".pem\"\nkey = \"" + certs + "/" +
           name + ".key\"\nca = \"" + certs + "/ca.pem\"\n";
  };
  write_text(link_port_file,
             "role = \"core\"\ndata = [\"" + dir +
                 "/c1\"]\nlisten = \"127.0.0.1:0\"\n[replicate]\nlisten = \"127.0.0.1:0\"\n" +
                 tls("core") + "[log]\nrequests = false\n");
  const std::string core_dir = scratch_dir();
  Process core(binary, {"serve", "--config", link_port_file}, core_dir);
  const std::string address = core.log_value("replication_listening", "address");
  write_text(
      dir + "/edge.toml",
      "role = \"edge\"\ndata = \"" + dir +
          "/edge\"\nlisten = \"127.0.0.1:0\"\n[replicate]\nsite = 1\nsite_name = \"bench\"\n" +
          tls("site-1") + "[[replicate.target]]\nname = \"core\"\naddress = \"" + address +
          "\"\nserver_name = \"core.bench\"\n[[replicate.rule]]\nbucket = \"bench\"\ntarget = "
          "\"core\"\n[log]\nrequests = false\n");
  const std::string edge_dir = scratch_dir();
  Process edge(binary, {"serve", "--config", dir + "/edge.toml"}, edge_dir);
  {
    Connection connection(edge.port());
    connection.request("PUT", "/bench", "", "");
  }
  const std::string body(4096, 'y');
  const double begin = now_s();
  std::vector<std::thread> threads;
  for (unsigned client = 0; client < kClients; ++client)
    threads.emplace_back([&, client] {
      Connection connection(edge.port());
      for (unsigned i = 0; i < kEach; ++i)
        connection.request("PUT", "/bench/" + std::to_string(client) + "/" + std::to_string(i), "",
                           body);
    });
  for (std::thread& thread : threads) thread.join();
  const double captured = now_s();
  Connection connection(edge.port());
  while (edge_metric(connection, "creel_replicate_acked_operations_total{") < kClients * kEach) {
    if (now_s() - begin > 120) {
      std::printf("  gave up after 120 s\n");
      return;
    }
    usleep(20'000);
  }
  const double total = static_cast<double>(kClients) * kEach;
  row("objects of 4 KiB, captured and landed", total / (now_s() - begin), "/s",
      total / (captured - begin), "the capture alone in the same run");
}

}  // namespace creel::bench
