// A server in memory and the client's end of a connection to it, byte by byte.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/http/header_list.h"
#include "platform/http/server.h"
#include "s3/routes/s3_handler.h"
#include "tests/support/duplex.h"
#include "tests/support/memory_s3.h"
#include "tests/wire/wire_case.h"

namespace creel::test {

struct WireAnswer {
  int status = 0;
  std::string head;  // As it came.
  HeaderList headers;
  std::string body;
  bool continued = false;  // A 100 came first.
  bool closed = false;     // The server has ended the connection.
};

struct WireSetup {
  WallTime clock = {1'767'323'045'000'000'000};  // 2026-01-02T03:04:05Z
  std::uint64_t part_bytes_min = 5 * MiB;
  std::vector<std::string> domains;
  std::string region = "us-east-1";
};

class WireWorld final : private Clock, private s3::BucketFilters {
 public:
  explicit WireWorld(const WireSetup& setup);
  ~WireWorld();

  // Sends one request and takes its answer; nullopt if none came. With `awaits_continue` the body
  // waits for a 100. `end`: the client closes its side behind the body.
  struct Outgoing {
    std::string head;
    std::string body;
    bool is_head = false;
    bool awaits_continue = false;
    bool end = false;
  };
  std::optional<WireAnswer> exchange(Outgoing out);
  void hang_up();  // The next exchange takes a new connection.
  WallTime wall() const override { return clock_; }
  void fill_drives() { blobs_.room = 0; }
  // Reads of bodies fail once this many more were good.
  void damage_after(unsigned reads) { blobs_.fail_reads_after = blobs_.reads + reads; }

  s3::ObjectService& service() { return service_; }
  s3::Access& access() { return access_; }
  // Operations the log has taken: a refused request leaves none.
  std::size_t operations() const { return log_.accepted().size(); }
  Platform& platform() { return platform_; }
  template <class Call>  // call(Ctx&) gives a Task.
  auto run(Call call) {
    Ctx ctx(doors_.loop, *this);
    return std::move(*doors_.loop.run(call(ctx)));
  }

 private:
  Instant now() const override { return doors_.loop.now(); }
  void arm(Timer& timer, Instant when) override { doors_.loop.arm(timer, when); }
  void disarm(Timer& timer) override { doors_.loop.disarm(timer); }
  Result<Unit> check(std::string_view document) override;

  void connect();
  void send(std::string_view bytes);
  void settle();  // Runs the server and takes what it wrote.
  std::optional<WireAnswer> take_answer(bool is_head);

  s3::test::MemoryDoors doors_;
  WallTime clock_;
  Platform platform_;
  s3::test::MemoryLog log_;
  s3::test::MemoryBlobs blobs_;
  s3::ObjectService service_;
  s3::Access access_;
  s3::S3Handler handler_;
  HttpServer server_;
  Ctx root_;
  Scope scope_;
  std::unique_ptr<Stream> client_;
  std::shared_ptr<Link> link_;
  std::string received_;
};

}  // namespace creel::test
