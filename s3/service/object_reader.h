#pragma once
#include <algorithm>
#include <vector>

#include "platform/http/body.h"
#include "s3/model/records.h"
#include "s3/service/blobs.h"
#include "s3/service/log.h"
#include "s3/service/upload_body.h"

namespace creel::s3 {

// Who is told that the bytes of an object are damaged, and by what name. `log` may be null.
struct DamageReport {
  Log* log = nullptr;
  std::string name;
};

// Reads runs of blobs as one body. Every byte was checked by the blobs before it is handed on;
// damaged ones end the body with kCorrupt.
class ObjectReader final : public BodyReader {
 public:
  // In the step that made `runs` from rows.
  ObjectReader(Blobs& blobs, std::vector<BodyRun> runs, DamageReport damage = {})
      : blobs_(blobs), runs_(std::move(runs)), damage_(std::move(damage)) {
    for (const BodyRun& run : runs_)
      if (auto hold = blobs_.hold(run.manifest)) holds_.push_back(std::move(hold));
  }

  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    if (at_ == runs_.size()) co_return std::size_t{0};
    BodyRun& run = runs_[at_];
    const std::size_t take =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), run.length));
    const Result<Unit> read = co_await blobs_.read(ctx, run.manifest, run.offset, into.first(take));
    if (!read.ok()) {
      if (read.error().code == ErrorCode::kCorrupt && damage_.log != nullptr)
        damage_.log->mark_damaged(damage_.name, read.error().detail);
      co_return read.error();
    }
    run.offset += take;
    run.length -= take;
    if (run.length == 0) ++at_;
    co_return take;
  }

 private:
  Blobs& blobs_;
  std::vector<BodyRun> runs_;
  DamageReport damage_;
  std::vector<std::unique_ptr<store::ReadHold>> holds_;
  std::size_t at_ = 0;
};

// The bytes of one object on their way into another: copies that must not share.
class CopyBody final : public UploadBody {
 public:
  explicit CopyBody(BodyReader& reader) : reader_(reader) {}
  Task<S3Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    CO_TRY(got, co_await reader_.read(ctx, into));
    co_return got;
  }
  S3Result<std::optional<Checksum>> trailer_checksum(const BodyChecks&) const override {
    return std::optional<Checksum>();
  }

 private:
  BodyReader& reader_;
};

}  // namespace creel::s3
