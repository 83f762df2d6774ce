// An ObjectService over a log, rows and blobs in memory: the real state machine, no store below.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "platform/platform.h"
#include "s3/model/model.h"
#include "s3/service/object_reader.h"
#include "s3/service/object_service.h"
#include "tests/support/test_loop.h"

namespace creel::edge::test {

class MapRows final : public store::StagedRows {
 public:
  using Name = std::pair<store::Table, std::string>;

  Result<std::optional<std::string>> find(store::Table table, std::string_view key) const override {
    const auto at = rows.find(Name{table, std::string(key)});
    if (at == rows.end()) return std::optional<std::string>();
    return std::optional<std::string>(at->second);
  }
  Result<std::unique_ptr<store::RowCursor>> cursor(store::Table table) const override {
    return std::unique_ptr<store::RowCursor>(std::make_unique<Cursor>(*this, table));
  }
  void put(store::Table table, std::string_view key, std::string_view value) override {
    rows[Name{table, std::string(key)}] = std::string(value);
  }
  void erase(store::Table table, std::string_view key) override {
    rows.erase(Name{table, std::string(key)});
  }
  std::map<Name, std::string> rows;

 private:
  class Cursor final : public store::RowCursor {
   public:
    Cursor(const MapRows& all, store::Table table)
        : all_(all), table_(table), at_(all.rows.end()) {}
    Result<bool> seek(std::string_view key) override {
      at_ = all_.rows.lower_bound(Name{table_, std::string(key)});
      return here();
    }
    Result<bool> next() override {
      ++at_;
      return here();
    }
    std::string_view key() const override { return at_->first.second; }
    std::string_view value() const override { return at_->second; }

   private:
    bool here() const { return at_ != all_.rows.end() && at_->first.first == table_; }
    const MapRows& all_;
    store::Table table_;
    std::map<Name, std::string>::const_iterator at_;
  };
};

class MemoryLog final : public s3::Log {
 public:
  MemoryLog() : model_(s3::ModelOptions{}) {}
  Task<Result<store::Verdict>> submit(Ctx&, store::Op op) override {
    MapRows staged = rows_;  // A refused operation leaves no edits.
    const store::Lsn lsn{last + 1};
    store::Verdict verdict = model_.decide(store::OpView{op, lsn, store::Place{}}, staged);
    if (verdict.accepted) {
      rows_ = std::move(staged);
      last = lsn.value;
    }
    co_return std::move(verdict);
  }
  const store::RowReader& rows() const override { return rows_; }
  std::size_t inline_bytes_max() const override { return 0; }  // Every body is a blob.
  std::uint64_t last = 0;

 private:
  s3::Model model_;
  MapRows rows_;
};

// Blobs by number; the manifest is the number in text.
class MemoryBlobs final : public s3::Blobs {
 public:
  Result<Unit> admit(std::uint64_t) const override { return Unit{}; }
  Task<Result<std::unique_ptr<s3::BlobWriter>>> start(Ctx&, s3::BlobHint) override {
    if (full) co_return fail(ErrorCode::kNoSpace, "the test's drive is full");
    ++started;
    co_return std::unique_ptr<s3::BlobWriter>(std::make_unique<Writer>(*this));
  }
  Task<Result<Unit>> read(Ctx&, std::string manifest, std::uint64_t offset,
                          MutableBytes into) override {
    ++reads;
    const auto at = blobs.find(manifest);
    if (at == blobs.end()) co_return fail(ErrorCode::kNotFound, "no such blob");
    check(offset + into.size() <= at->second.size());
    std::copy_n(at->second.data() + offset, into.size(), into.data());
    co_return Unit{};
  }
  Task<void> abandon(Ctx&, s3::SealedBlob blob) override {
    blobs.erase(blob.manifest);
    co_return;
  }
  std::map<std::string, Bytes> blobs;
  unsigned started = 0;
  unsigned reads = 0;
  bool full = false;

 private:
  class Writer final : public s3::BlobWriter {
   public:
    explicit Writer(MemoryBlobs& owner) : owner_(owner) {}
    Task<Result<Unit>> write(Ctx&, ByteView piece) override {
      append(bytes_, piece);
      co_return Unit{};
    }
    Task<Result<s3::SealedBlob>> seal(Ctx&) override {
      s3::SealedBlob sealed;
      sealed.manifest = cat("x", owner_.next_++);
      sealed.size = bytes_.size();
      sealed.crc64 = crc64_nvme(bytes_);
      owner_.blobs[sealed.manifest] = std::move(bytes_);
      co_return std::move(sealed);
    }

   private:
    MemoryBlobs& owner_;
    Bytes bytes_;
  };
  unsigned next_ = 1;
};

// Doors nobody here may use, and those that are used.
struct Doors {
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
    Error no() const { return fail(ErrorCode::kUnsupported, "no disk here"); }
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
  struct ZeroRandom final : Random {
    void fill(MutableBytes out) override { std::fill(out.begin(), out.end(), std::uint8_t{7}); }
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
  ZeroRandom random;
  InlineOffload offload;
  Platform platform{loop, loop, network, disk, random, offload};
};

struct MemoryService {
  Doors doors;
  MemoryLog log;
  MemoryBlobs blobs;
  s3::ObjectService service{doors.platform, log, blobs, s3::ServiceOptions{}};

  template <class T>
  T run(Task<T> task) {
    return std::move(*doors.loop.run(std::move(task)));
  }
  template <class Call>
  auto with_ctx(Call call) {  // call(Ctx&) gives a Task.
    Ctx ctx(doors.loop, doors.loop);
    return run(call(ctx));
  }
  bool make_bucket(std::string name) {
    return with_ctx(
               [&](Ctx& ctx) { return service.create_bucket(ctx, name, "tester", "us-east-1"); })
        .ok();
  }
  bool set_filter(std::string bucket, std::string document) {
    return with_ctx([&](Ctx& ctx) { return service.set_filter(ctx, bucket, document); }).ok();
  }
  bool put(std::string bucket, std::string key, std::string body,
           std::vector<s3::Header> headers = {}) {
    BytesBody bytes(std::move(body));
    s3::CopyBody upload(bytes);
    s3::PutArguments arguments;
    arguments.bucket = std::move(bucket);
    arguments.key = std::move(key);
    arguments.headers = std::move(headers);
    return with_ctx([&](Ctx& ctx) {
             return service.put_object(ctx, std::move(arguments), upload, s3::BodyPromise{});
           })
        .ok();
  }
  // The whole body of an object; nullopt if there is none.
  std::optional<std::string> get(std::string bucket, std::string key) {
    auto opened = service.open(bucket, key);
    if (!opened.ok()) return std::nullopt;
    auto reader = service.read(opened.value(), 0, opened.value().record.size);
    if (!reader.ok()) return std::nullopt;
    auto all = with_ctx([&](Ctx& ctx) { return read_all(ctx, *reader.value(), 64 * MiB); });
    if (!all.ok()) return std::nullopt;
    return all.take();
  }
  std::vector<std::string> keys(std::string bucket) {
    s3::ListArguments arguments;
    arguments.bucket = std::move(bucket);
    std::vector<std::string> names;
    auto listed = service.list(arguments);
    if (listed.ok())
      for (const s3::ListedObject& object : listed.value().objects) names.push_back(object.key);
    return names;
  }
};

}  // namespace creel::edge::test
