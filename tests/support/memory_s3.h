// S3 in memory: the real state machine over store::MemBase, blobs in a map, virtual time. No store
// below, so a test makes thousands of operations a second and looks at every row.
#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "platform/platform.h"
#include "s3/model/manifest.h"
#include "s3/model/model.h"
#include "s3/service/blobs.h"
#include "s3/service/log.h"
#include "s3/service/object_service.h"
#include "store/index/layer.h"
#include "store/index/mem_base.h"
#include "tests/support/seeds.h"
#include "tests/support/test_loop.h"

namespace creel::s3::test {

using creel::test::TestRandom;

// Every row of a table, or of all, as text: for comparing whole states.
inline std::map<std::string, std::string> rows_of(const store::MemImage& image,
                                                  std::optional<store::Table> table = {}) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : image.rows)
    if (!table || name.table == *table)
      out.emplace(cat(static_cast<unsigned>(name.table), ':', name.key), value);
  return out;
}

// Decides and publishes at once; keeps what it accepted, so that it can be replayed.
class MemoryLog final : public Log {
 public:
  explicit MemoryLog(ModelOptions options = {}, std::size_t inline_bytes_max = 1024)
      : model_(options), base_(image_, true), inline_bytes_max_(inline_bytes_max) {}

  struct Accepted {
    store::Lsn lsn;
    store::Place place;
    std::string meta;
    std::uint64_t payload_bytes = 0;
    std::uint64_t payload_crc64 = 0;
  };

  Task<Result<store::Verdict>> submit(Ctx&, store::Op op) override {
    if (before_next) std::exchange(before_next, nullptr)();
    if (fail_next) co_return std::exchange(fail_next, std::nullopt).value();
    co_return decide(std::move(op));
  }
  const store::RowReader& rows() const override { return base_; }
  std::size_t inline_bytes_max() const override { return inline_bytes_max_; }

  store::Verdict decide(store::Op op) {
    check(op.meta.size() <= store::kMetaBytesMax);
    Accepted accepted{{last_ + 1}, {1, 1, place_}, {}, op.payload.size(), crc64_nvme(op.payload)};
    place_ += 4096 + op.meta.size() + 2 * op.payload.size();
    store::Verdict verdict = run(accepted, op, false);
    if (!verdict.accepted) return verdict;
    ++last_;
    const store::OpView view{op,    accepted.lsn,           accepted.place,
                             false, accepted.payload_crc64, accepted.payload_bytes};
    payloads_[view.payload_extent().offset] = std::move(op.payload);
    accepted.meta = to_string(op.meta);
    accepted_.push_back(std::move(accepted));
    return verdict;
  }
  // The answer of the model, whatever it says; aborts if the rows failed it.
  Answer apply(std::string meta, Bytes payload = {}) {
    store::Op op;
    op.meta = to_bytes(std::string_view(meta));
    op.payload = std::move(payload);
    const store::Verdict verdict = decide(std::move(op));
    check(verdict.accepted || !verdict.answer.empty());
    return Answer::decode(as_text(verdict.answer)).take();
  }
  // Folds operations of another log's past, without their payloads, as recovery does.
  bool replay(const std::vector<Accepted>& past) {
    for (const Accepted& one : past) {
      store::Op op;
      op.meta = to_bytes(std::string_view(one.meta));
      if (!run(one, op, true).accepted) return false;
    }
    return true;
  }

  std::uint64_t last() const { return last_; }  // LSN of the last accepted operation.
  const store::MemImage& image() const { return image_; }
  const std::vector<Accepted>& accepted() const { return accepted_; }
  const std::map<std::uint64_t, Bytes>& payloads() const { return payloads_; }
  // The payload that an extent of this log names; null if there is none.
  const Bytes* payload(const store::Extent& extent) const {
    const auto found = payloads_.find(extent.offset);
    return found == payloads_.end() ? nullptr : &found->second;
  }
  std::size_t rows_in(store::Table table) const { return rows_of(image_, table).size(); }

  std::optional<Error> fail_next;     // The next submit() answers this and decides nothing.
  std::function<void()> before_next;  // Runs once, right before the next submit() is decided.

 private:
  store::Verdict run(const Accepted& at, store::Op& op, bool replay) {
    store::Layer edits;
    store::StagingRows staged(edits, {}, base_);
    const store::OpView view{op, at.lsn, at.place, replay, at.payload_crc64, at.payload_bytes};
    store::Verdict verdict = model_.decide(view, staged);
    if (!verdict.accepted) {
      staged.undo();
      check(edits.empty());
      return verdict;
    }
    std::vector<store::RowEdit> sorted;
    for (auto& [name, value] : edits) sorted.push_back({name.table, name.key, std::move(value)});
    check(base_.commit(sorted, at.lsn).ok());
    base_.publish();
    return verdict;
  }

  Model model_;
  store::MemImage image_;
  store::MemBase base_;
  std::size_t inline_bytes_max_;
  std::uint64_t last_ = 0;
  std::uint64_t place_ = 4096;
  std::map<std::uint64_t, Bytes> payloads_;  // By offset of their extent.
  std::vector<Accepted> accepted_;
};

// Large bodies by number, in manifests of kind 'E'; small ones are the log's payloads.
class MemoryBlobs final : public Blobs {
 public:
  explicit MemoryBlobs(const MemoryLog& log) : log_(log) {}

  Result<Unit> admit(std::uint64_t bytes) const override {
    if (bytes > room) return fail(ErrorCode::kNoSpace, "the test's drives are full");
    return Unit{};
  }
  Task<Result<std::unique_ptr<BlobWriter>>> start(Ctx&, BlobHint) override {
    if (room == 0) co_return fail(ErrorCode::kNoSpace, "the test's drives are full");
    co_return std::unique_ptr<BlobWriter>(std::make_unique<Writer>(*this));
  }
  Task<Result<Unit>> read(Ctx&, std::string manifest, std::uint64_t offset,
                          MutableBytes into) override {
    ++reads;
    largest_read = std::max(largest_read, into.size());
    if (fail_reads_after && reads > *fail_reads_after)
      co_return fail(ErrorCode::kCorrupt, "the test damaged this blob");
    const Bytes* found = nullptr;
    if (is_log_manifest(manifest)) {
      CO_TRY(extents, parse_log_manifest(manifest));
      check(extents.size() == 1);
      found = log_.payload(extents[0]);
    } else if (const auto at = blobs.find(manifest); at != blobs.end()) {
      found = &at->second;
    }
    if (found == nullptr) co_return fail(ErrorCode::kNotFound, "no such blob");
    check(offset + into.size() <= found->size());
    std::copy_n(found->data() + offset, into.size(), into.data());
    co_return Unit{};
  }
  Task<void> abandon(Ctx&, SealedBlob blob) override {
    ++abandoned;
    blobs.erase(blob.manifest);
    co_return;
  }

  std::map<std::string, Bytes> blobs;  // By manifest.
  std::uint64_t room = UINT64_MAX;
  std::optional<unsigned> fail_reads_after;
  unsigned reads = 0;
  unsigned abandoned = 0;
  std::size_t largest_read = 0;

 private:
  class Writer final : public BlobWriter {
   public:
    explicit Writer(MemoryBlobs& owner) : owner_(owner) {}
    Task<Result<Unit>> write(Ctx&, ByteView piece) override {
      append(bytes_, piece);
      co_return Unit{};
    }
    Task<Result<SealedBlob>> seal(Ctx&) override {
      SealedBlob sealed;
      sealed.manifest = std::string("E\0", 2) + std::to_string(owner_.next_++);
      sealed.size = bytes_.size();
      sealed.crc64 = crc64_nvme(bytes_);
      owner_.blobs[sealed.manifest] = std::move(bytes_);
      co_return std::move(sealed);
    }

   private:
    MemoryBlobs& owner_;
    Bytes bytes_;
  };
  const MemoryLog& log_;
  unsigned next_ = 1;
};

// The five doors: time is the loop's, luck is seeded, the rest must not be used.
struct MemoryDoors {
  struct NoNetwork final : Network {
    Task<Result<std::unique_ptr<Listener>>> listen(Ctx&, Address,
                                                   std::optional<TlsSettings>) override {
      co_return fail(ErrorCode::kUnsupported, "no network here");
    }
    Task<Result<std::unique_ptr<Stream>>> connect(Ctx&, Address,
                                                  std::optional<TlsSettings>) override {
      co_return fail(ErrorCode::kUnsupported, "no network here");
    }
  };
  struct NoDisk final : Disk {
    static Error no() { return fail(ErrorCode::kUnsupported, "no disk here"); }
    Task<Result<std::unique_ptr<File>>> open(Ctx&, std::string, OpenOptions) override {
      co_return no();
    }
    Task<Result<Unit>> rename(Ctx&, std::string, std::string) override { co_return no(); }
    Task<Result<Unit>> remove(Ctx&, std::string) override { co_return no(); }
    Task<Result<Unit>> make_dir(Ctx&, std::string) override { co_return no(); }
    Task<Result<Unit>> sync_dir(Ctx&, std::string) override { co_return no(); }
    Task<Result<std::vector<std::string>>> list(Ctx&, std::string) override { co_return no(); }
    Task<Result<DiskSpace>> space(Ctx&, std::string) override { co_return no(); }
    Task<Result<std::unique_ptr<FileLock>>> lock(Ctx&, std::string) override { co_return no(); }
  };
  struct SeededRandom final : Random {
    TestRandom source{0x5eed};
    void fill(MutableBytes out) override {
      for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(source.next() >> 32);
    }
  };
  struct InlineOffload final : Offload {
    Task<void> run(Ctx&, OffloadJob& job) override {
      job.work();
      co_return;
    }
  };
  creel::test::TestLoop loop;
  NoNetwork network;
  NoDisk disk;
  SeededRandom random;
  InlineOffload offload;
  Platform platform{loop, loop, network, disk, random, offload};
};

// A body in pieces of at most `piece` bytes, with a checksum behind it if one is given.
class TextBody final : public UploadBody {
 public:
  explicit TextBody(std::string text, std::size_t piece = SIZE_MAX)
      : text_(std::move(text)), piece_(piece) {}
  Task<S3Result<std::size_t>> read(Ctx&, MutableBytes into) override {
    if (at_ == text_.size() && error) co_return *error;
    const std::size_t take = std::min({into.size(), piece_, text_.size() - at_});
    std::copy_n(text_.data() + at_, take, into.data());
    at_ += take;
    co_return take;
  }
  S3Result<std::optional<Checksum>> trailer_checksum(const BodyChecks&) const override {
    return trailer;
  }
  std::optional<Checksum> trailer;
  std::optional<S3Error> error;  // Instead of the end.

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

// All of it together.
struct MemoryS3 {
  explicit MemoryS3(ModelOptions model = {}, std::size_t inline_bytes_max = 1024,
                    ServiceOptions options = {})
      : log(model, inline_bytes_max), service(doors.platform, log, blobs, std::move(options)) {}

  MemoryDoors doors;
  MemoryLog log;
  MemoryBlobs blobs{log};
  ObjectService service;

  template <class Call>  // call(Ctx&) gives a Task.
  auto run(Call call) {
    Ctx ctx(doors.loop, doors.loop);
    return std::move(*doors.loop.run(call(ctx)));
  }
  S3Result<Unit> make_bucket(std::string name) {
    return run([&](Ctx& ctx) { return service.create_bucket(ctx, name, "owner", "us-east-1"); });
  }
  S3Result<WriteOutcome> put(std::string bucket, std::string key, std::string text,
                             std::vector<Header> headers = {}, Conditions conditions = {}) {
    TextBody body(std::move(text));
    PutArguments arguments{bucket, key, std::move(headers), std::move(conditions)};
    return run([&](Ctx& ctx) {
      return service.put_object(ctx, std::move(arguments), body, BodyPromise());
    });
  }
  S3Result<DeleteOutcome> erase(std::string bucket, std::string key) {
    return run([&](Ctx& ctx) { return service.delete_object(ctx, {bucket, key, {}, {}}); });
  }
  S3Result<std::string> upload(std::string bucket, std::string key, ChecksumChoice choice = {}) {
    UploadArguments arguments{bucket, key, "owner", {}, choice};
    return run([&](Ctx& ctx) { return service.create_upload(ctx, std::move(arguments)); });
  }
  S3Result<WriteOutcome> part(std::string bucket, std::string key, std::string upload_id,
                              std::uint16_t number, std::string text, BodyPromise promise = {}) {
    TextBody body(std::move(text));
    PartArguments arguments{bucket, key, upload_id, number};
    return run([&](Ctx& ctx) {
      return service.put_part(ctx, std::move(arguments), body, std::move(promise));
    });
  }
  S3Result<WriteOutcome> complete(CompleteArguments arguments) {
    return run([&](Ctx& ctx) { return service.complete_upload(ctx, std::move(arguments)); });
  }
  S3Result<WriteOutcome> copy(std::string from, std::string to, std::string bucket = "bucket") {
    CopyArguments arguments;
    arguments.bucket = bucket;
    arguments.key = to;
    arguments.source.bucket = bucket;
    arguments.source.key = from;
    return run([&](Ctx& ctx) { return service.copy_object(ctx, std::move(arguments)); });
  }
  // [offset, offset + length) of an object, to its end if no length is given.
  S3Result<std::string> get(std::string_view bucket, std::string_view key, std::uint64_t offset = 0,
                            std::optional<std::uint64_t> length = {}) {
    TRY(opened, service.open(bucket, key));
    TRY(reader, service.read(opened, offset, length.value_or(opened.record.size - offset)));
    Result<std::string> text = run([&](Ctx& ctx) { return read_all(ctx, *reader, 64 * MiB); });
    if (!text.ok()) return text.error();
    return text.take();
  }
};

}  // namespace creel::s3::test
