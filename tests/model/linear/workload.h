// Clients of a real server that write down what they saw.
#pragma once
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "platform/async/scope.h"
#include "tests/model/history.h"
#include "tests/model/link.h"
#include "tests/support/seeds.h"

namespace creel::test {

struct WorkloadOptions {
  LinkOptions link;
  int clients = 32;
  int keys = 200;
  std::uint64_t seed = 1;
  std::string bucket = "linear";
  std::uint64_t operations_max = UINT64_MAX;
  Duration span = 10_s;
  std::uint64_t races = 0;  // Instead of the mix: so many races of all clients for one key each.
};

class Workload {
 public:
  // `out` gets one JSON line an operation.
  Workload(Platform& platform, WorkloadOptions options, std::FILE* out);
  // The mix for its span, then one read of every key.
  Task<void> run(Ctx& ctx);
  // Races: exactly one of all clients may win each, also with kills in flight.
  Task<void> run_races(Ctx& ctx);

  std::vector<std::string>
      complaints;  // What is wrong whatever the order: mixed bodies, two winners.
  std::uint64_t operations = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t races_won = 0;       // With a winner that was told so.
  std::uint64_t races_disturbed = 0;  // With a request that got no answer.

 private:
  struct Client {
    int number;
    Link link;
    TestRandom random;
    std::uint64_t sequence = 0;
  };
  Task<void> client(Ctx& ctx, Client& self);
  Task<void> one(Ctx& ctx, Client& self);
  Task<void> write(Ctx& ctx, Client& self, std::string key);
  Task<void> read(Ctx& ctx, Client& self, std::string key);
  Task<void> erase(Ctx& ctx, Client& self, std::string key);
  Task<void> copy(Ctx& ctx, Client& self, std::string from, std::string to);
  Task<void> upload(Ctx& ctx, Client& self, std::string key);
  Task<void> list(Ctx& ctx, Client& self);
  Task<void> read_all(Ctx& ctx, Client& self, int first);
  Task<void> make_bucket(Ctx& ctx, Client& self);
  Task<Told> until_answered(Ctx& ctx, Client& self, Ask ask);
  Task<void> race(Ctx& ctx, std::uint64_t number);
  Task<void> racer(Ctx& ctx, Client& self, std::string path, std::string if_match, Told& told);

  std::string path_of(const std::string& key) const { return "/" + options_.bucket + "/" + key; }
  std::string draw_key(Client& self) const;
  std::string draw_body(Client& self) const;
  void record(const Client& self, HistoryOp op, const Told& told);
  void saw(const std::string& key, const std::string& etag);
  void check_body(const std::string& key, const Told& told);

  Platform& platform_;
  WorkloadOptions options_;
  std::FILE* out_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<std::string, std::string> etags_;  // Seen last, by anybody: for conditions.
  Instant end_;
};

}  // namespace creel::test
