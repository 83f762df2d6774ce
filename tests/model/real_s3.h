// The real thing under the model: s3/service over the real engine on a simulated machine, whose
// power can go at any moment.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/node.h"
#include "platform/http/server.h"
#include "platform/sim/world.h"
#include "s3/routes/s3_handler.h"
#include "s3/service/object_service.h"
#include "s3/service/store_log.h"
#include "store/index/mem_base.h"
#include "tests/model/link.h"
#include "tests/model/reference_s3.h"
#include "tests/model/request.h"

namespace creel::test {

struct RealOptions {
  std::uint64_t seed = 1;
  std::string lmdb_dir;  // Not empty: rows in LMDB there, else in memory.
  std::uint64_t part_bytes_min() const { return core ? 5 * MiB : 1'000; }
  bool core = false;  // Six drives, erasure coding and a mirrored log; else an edge with one.
  bool http = false;  // Through client, wires, server and routes; else straight into the service.
  double lying_sync = 0;  // A planted fault: the drive says "flushed" and did not.
};

struct Outcome {
  S3Reply reply;
  Luck luck;
};
// Changes answers on their way: planted bugs, for tests of the tests.
using Tamper = void (*)(const S3Request& request, Outcome& outcome);

class RealS3 {
 public:
  explicit RealS3(RealOptions options);
  ~RealS3();
  RealS3(const RealS3&) = delete;
  RealS3& operator=(const RealS3&) = delete;

  // Opens the store and serves. Empty, or what went wrong. "crashed" if the power went meanwhile.
  std::string open();
  // All requests side by side, to their ends or until the power goes `crash_after` from now; those
  // without an answer are nullopt. The machine is down then.
  std::vector<std::optional<Outcome>> call_all(std::vector<S3Request> requests,
                                               std::optional<Duration> crash_after = {});
  Outcome call(const S3Request& request);  // Must get an answer.
  bool alive() const { return node_.alive(); }
  // The power goes (or the process is killed), and the machine is on again, its clock perhaps set
  // differently; then open().
  void crash(SimCrash kind);
  void crash_in(Duration delay);  // During whatever comes.
  std::string stop();  // In order, with the last checkpoint; then open().
  std::string checkpoint();
  // An image of the rows, made beside whatever comes. What went wrong is said by trouble().
  void start_image();
  const std::string& trouble() const { return trouble_; }
  void drop_index();  // While down: the next open() rebuilds it from the log.

  SimWorld world;
  Tamper tamper = nullptr;
  std::vector<std::string> lines;  // What the store told its operator.

 private:
  void down();
  std::string open_edge();
  std::string open_core();
  void serve();
  store::Store& log_store() { return core_ ? core_->log_store() : *store_; }
  Task<Result<Unit>> close(Ctx& ctx);
  Task<void> make_image(Ctx& ctx);
  Result<std::unique_ptr<store::RowBase>> open_base(const std::string& dir,
                                                    const store::Uuid& store, bool fresh);
  static Task<void> listen(SimNode& node, HttpServer& server);
  Task<void> answer_into(std::shared_ptr<std::vector<std::optional<Outcome>>> into,
                         std::size_t index, S3Request request);
  Task<void> answer_over_http(std::shared_ptr<std::vector<std::optional<Outcome>>> into,
                              std::size_t index, std::shared_ptr<Link> link, S3Request request);
  Task<Outcome> perform(Ctx& ctx, S3Request request);
  Task<Outcome> get(Ctx& ctx, S3Request request);
  Task<Outcome> copy(Ctx& ctx, S3Request request);
  Task<Outcome> put_part(Ctx& ctx, S3Request request);
  Task<Outcome> copy_part(Ctx& ctx, S3Request request);
  Outcome list(const S3Request& request);
  Outcome list_versions(const S3Request& request);
  Outcome list_parts(const S3Request& request);
  Outcome list_uploads(const S3Request& request);
  Outcome list_buckets(const S3Request& request);

  RealOptions options_;
  SimNode& node_;
  std::map<std::string, store::MemImage> images_;
  s3::Model model_;
  std::string trouble_;
  std::unique_ptr<store::Store> store_;
  std::shared_ptr<core::CoreNode> core_;
  std::optional<s3::StoreLog> log_;
  std::optional<s3::StoreBlobs> blobs_;
  std::optional<s3::ObjectService> service_;
  // With http: the server, and the clients' machine with a connection for each request at once.
  SimNode* clients_ = nullptr;
  LinkOptions link_options_;
  std::vector<std::shared_ptr<Link>> links_;
  s3::Access access_;
  std::optional<s3::S3Handler> handler_;
  std::optional<HttpServer> server_;
};

}  // namespace creel::test
