// One store with the S3 service on it, small enough that a thousand fit a second: 64 KiB segments,
// bodies above 8 KiB go to BULK, a checkpoint after two dozen rows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "s3/service/object_service.h"
#include "s3/service/store_log.h"
#include "store/store.h"
#include "tests/crash/direct_world.h"
#include "tests/crash/timeline.h"

namespace creel::crash {

class SmallBox {
 public:
  SmallBox(std::string dir, Timeline* timeline, std::uint64_t seed, bool mixes, bool small);
  ~SmallBox() { kill(); }
  SmallBox(const SmallBox&) = delete;
  SmallBox& operator=(const SmallBox&) = delete;

  Result<Unit> open();
  Task<Result<Unit>> open_task(Ctx& ctx);
  Result<Unit> stop();  // In order: final checkpoint, clean flag.
  // As kill -9 does it: frames die where they are, files close.
  void kill();

  // Runs a call to its end: call(Ctx&) gives a Task.
  template <class Call>
  auto run(Call call) {
    return std::move(*world.loop.run(call(root)));
  }
  void settle() { world.loop.settle(); }
  void set_now(std::uint32_t op) { model_.now = op; }

  s3::S3Result<s3::WriteOutcome> put(std::string key, std::string body);
  // Bytes of every run of an object's body, checked by the store. Errors: those of the store.
  Result<Bytes> body_of(const s3::ObjectRecord& record);
  Result<Bytes> read_manifest(std::string manifest, std::uint64_t size);

  DirectWorld world;
  Ctx root;
  Scope scope;
  Ctx serving;
  std::unique_ptr<store::Store> store;
  std::optional<s3::StoreLog> log;
  std::optional<s3::StoreBlobs> blobs;
  std::optional<s3::ObjectService> service;
  std::uint64_t applied_at_open = 0;  // The index's position when it was opened.
  bool index_thrown_away = false;
  std::vector<std::string> lines;

 private:
  store::Options options();
  OverheardModel model_;
  std::string dir_;
  bool small_;  // A drive of few segments, to be written over.
  bool killed_ = false;
};

inline constexpr std::uint64_t kSegmentBytes = 64 * KiB;
inline constexpr const char* kBucket = "bucket";
std::string sample_body(std::uint64_t seed, std::size_t bytes);

}  // namespace creel::crash
