#include "tests/crash/oracle.h"

#include "platform/base/text.h"
#include "s3/model/records.h"

namespace creel::crash {
namespace {

using store::Table;

// Tells several watchers.
class Both final : public Watcher {
 public:
  Both(Watcher& first, Watcher& second) : all_{&first, &second} {}
  void on_create(Inode dir, std::string_view name, Inode inode, bool is_dir) override {
    for (Watcher* one : all_) one->on_create(dir, name, inode, is_dir);
  }
  void on_write(Inode inode, std::uint64_t offset, ByteView bytes, bool durable) override {
    for (Watcher* one : all_) one->on_write(inode, offset, bytes, durable);
  }
  void on_resize(Inode inode, std::uint64_t bytes) override {
    for (Watcher* one : all_) one->on_resize(inode, bytes);
  }
  void on_allocate(Inode inode, std::uint64_t bytes) override {
    for (Watcher* one : all_) one->on_allocate(inode, bytes);
  }
  void on_sync(Inode inode) override {
    for (Watcher* one : all_) one->on_sync(inode);
  }
  void on_rename(Inode from_dir, std::string_view from, Inode to_dir, std::string_view to,
                 Inode inode) override {
    for (Watcher* one : all_) one->on_rename(from_dir, from, to_dir, to, inode);
  }
  void on_remove(Inode dir, std::string_view name) override {
    for (Watcher* one : all_) one->on_remove(dir, name);
  }

 private:
  Watcher* all_[2];
};

std::string row_text(Table table, std::string_view key) {
  return cat("row ", static_cast<unsigned>(table), ":", hex_encode(as_bytes(key)));
}

// The value without where its bytes lie: the cleaner moves them.
std::string without_places(Table table, std::string_view key, const std::string& value) {
  if (table == Table::kObject) {
    Result<s3::ObjectRecord> record = s3::ObjectRecord::decode(value);
    if (!record.ok()) return value;
    record.value().body.manifest.clear();
    return record.value().encode();
  }
  if (table == Table::kBlob) {
    Result<s3::BlobRecord> record = s3::BlobRecord::decode(value);
    if (!record.ok()) return value;
    record.value().manifest.clear();
    return record.value().encode();
  }
  if (table == Table::kManifest && key.size() > 10 && key[10] == 'm') return "m";
  return value;
}

bool model_owns(Table table, std::string_view key) {
  if (table == Table::kSys) return key == "mtime";
  return table != Table::kSegment;
}

class Inspection {
 public:
  Inspection(SmallBox& box, const Expectation& expect) : box_(box), expect_(expect) {}

  std::optional<std::string> all(bool large_put, bool empty_it) {
    if (auto wrong = status()) return wrong;
    rows_ = &expect_.timeline->rows(box_.store->status().last.value);
    if (auto wrong = compare_rows()) return wrong;
    if (auto wrong = bodies()) return wrong;
    if (auto wrong = live_bytes()) return wrong;
    if (auto wrong = log()) return wrong;
    if (auto wrong = new_put(large_put)) return wrong;
    return empty_it ? emptied() : std::nullopt;
  }

 private:
  std::optional<std::string> status() {
    const store::Status status = box_.store->status();
    if (status.read_only) return "read-only after the start: " + status.reason;
    for (const std::string& text : status.damage)
      if (expect_.flush_failed && text.find("still served") != std::string::npos) continue;
      else if (expect_.opened || text.find("the index is rebuilt") == std::string::npos)
        return "damage reported after a mere power cut: " + text;
    if (!box_.store->lost().empty()) return "operations reported as lost after a mere power cut";
    const std::uint64_t last = status.last.value;
    if (last < expect_.acked)
      return cat("the log ends with operation ", last, ", but ", expect_.acked,
                 " was acknowledged");
    if (last > expect_.decided)
      return cat("the log ends with operation ", last, ", but only ", expect_.decided,
                 " was written");
    if (box_.applied_at_open < expect_.checkpointed && !box_.index_thrown_away)
      return cat("the index is at operation ", box_.applied_at_open, ", but a checkpoint at ",
                 expect_.checkpointed, " was said to be durable");
    return std::nullopt;
  }

  std::optional<std::string> compare_rows() {
    auto expected = rows_->begin();
    for (unsigned number = 1; number <= 16; ++number) {
      const auto table = static_cast<Table>(number);
      Result<std::unique_ptr<store::RowCursor>> cursor = box_.store->cursor(table);
      if (!cursor.ok()) return error_text(cursor.error());
      Result<bool> more = cursor.value()->seek("");
      for (; more.ok() && more.value(); more = cursor.value()->next()) {
        const std::string_view key = cursor.value()->key();
        if (!model_owns(table, key)) continue;
        if (expected == rows_->end() || expected->first.table != table ||
            expected->first.key != key)
          return cat("holds ", row_text(table, key), ", which it should not, or one before is ",
                     "missing");
        const std::string_view value = cursor.value()->value();
        if (expected->second != value && without_places(table, key, expected->second) !=
                                             without_places(table, key, std::string(value)))
          return cat(row_text(table, key), " differs from what was decided");
        ++expected;
      }
      if (!more.ok()) return error_text(more.error());
    }
    if (expected != rows_->end())
      return cat(row_text(expected->first.table, expected->first.key), " is missing");
    return std::nullopt;
  }

  std::optional<std::string> bodies() {
    for (const auto& [name, value] : *rows_) {
      if (name.table == Table::kObject) {
        const std::string_view key(name.key);
        std::uint64_t bucket = 0;
        for (int i = 0; i < 8; ++i) bucket = bucket << 8 | static_cast<std::uint8_t>(key[i]);
        const auto record = s3::load_object(*box_.store, bucket, key.substr(8));
        if (!record.ok() || !record.value()) return cat("object ", key.substr(8), " not found");
        const Result<Bytes> body = box_.body_of(*record.value());
        if (!body.ok()) return cat("object ", key.substr(8), ": ", error_text(body.error()));
        if (crc64_nvme(body.value()) != record.value()->crc64)
          return cat("object ", key.substr(8), " has other bytes than were put");
      } else if (name.table == Table::kBlob) {
        const auto id = s3::RowId::parse(as_bytes(name.key).size() >= 10 ? name.key : "");
        if (!id) return row_text(name.table, name.key) + " has no id";
        const auto record = s3::load_blob(*box_.store, *id);
        if (!record.ok() || !record.value()) return "a blob row is not found";
        const Result<Bytes> body =
            box_.read_manifest(record.value()->manifest, record.value()->size);
        if (!body.ok()) return "a blob: " + error_text(body.error());
        if (crc64_nvme(body.value()) != record.value()->crc64)
          return "a blob has other bytes than were written";
      }
    }
    return std::nullopt;
  }

  // What the store counts as alive is what rows name.
  std::optional<std::string> live_bytes() {
    std::uint64_t named = 0;
    std::vector<std::size_t> spots;
    for (const Table table : store::kExtentTables) {
      Result<std::unique_ptr<store::RowCursor>> cursor = box_.store->cursor(table);
      if (!cursor.ok()) return error_text(cursor.error());
      Result<bool> more = cursor.value()->seek("");
      for (; more.ok() && more.value(); more = cursor.value()->next()) {
        spots.clear();
        s3::find_manifest_extents(table, cursor.value()->key(), cursor.value()->value(), spots);
        for (const std::size_t at : spots) {
          const Result<store::Extent> extent =
              store::parse_extent(as_bytes(cursor.value()->value()), at);
          if (!extent.ok()) return error_text(extent.error());
          if (extent.value().length > 0) named += store::footprint(extent.value());
        }
      }
      if (!more.ok()) return error_text(more.error());
    }
    const std::uint64_t counted = box_.store->status().space.live;
    if (counted == named) return std::nullopt;
    return cat("counts ", counted, " bytes as alive, but rows name ", named);
  }

  // From where it says it begins to its end, without a gap.
  std::optional<std::string> log() {
    const std::uint64_t last = box_.store->status().last.value;
    std::uint64_t after = box_.store->log_begin().value - 1;
    while (after < last) {
      const auto ops = box_.run(
          [&](Ctx& ctx) { return box_.store->read_log(ctx, store::Lsn{after}, 256 * KiB, false); });
      if (!ops.ok()) return cat("the log behind ", after, ": ", error_text(ops.error()));
      if (ops.value().empty()) return cat("the log ends at ", after, " instead of ", last);
      for (const store::LoggedOp& op : ops.value()) {
        if (op.lsn.value != after + 1)
          return cat("the log has operation ", op.lsn.value, " behind ", after);
        after = op.lsn.value;
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> empty_bucket() {
    s3::ListArguments all;
    all.bucket = kBucket;
    const auto listed = box_.service->list(all);
    if (!listed.ok()) return "no listing: " + listed.error().message;
    for (const s3::ListedObject& object : listed.value().objects) {
      const auto gone = box_.run([&](Ctx& ctx) {
        return box_.service->delete_object(ctx, {kBucket, object.key, {}, {}});
      });
      if (!gone.ok()) return cat("DELETE of ", object.key, ": ", gone.error().message);
    }
    const auto uploads = box_.service->list_uploads(all, "");
    if (!uploads.ok()) return "no listing of uploads: " + uploads.error().message;
    for (const s3::ListedUpload& upload : uploads.value().uploads) {
      const auto gone = box_.run([&](Ctx& ctx) {
        return box_.service->abort_upload(ctx, kBucket, upload.key, upload.record.upload_id);
      });
      if (!gone.ok()) return cat("abort of ", upload.key, ": ", gone.error().message);
    }
    return std::nullopt;
  }

  // After everything was deleted, an image and a round of reclaiming leave the segments that are
  // being written to, and the log while there is plenty of room.
  std::optional<std::string> emptied() {
    if (auto wrong = empty_bucket()) return wrong;
    const Result<Unit> image = box_.run([&](Ctx& ctx) { return box_.store->make_image(ctx); });
    if (!image.ok()) return "no image: " + error_text(image.error());
    const Result<Unit> saved = box_.run([&](Ctx& ctx) { return box_.store->checkpoint(ctx); });
    if (!saved.ok()) return "no checkpoint: " + error_text(saved.error());
    const Instant until = box_.world.loop.now() + 60_s;
    while (box_.world.loop.now() < until)
      if (!box_.world.loop.step()) return "the emptied store got stuck";
    const store::Status status = box_.store->status();
    if (status.read_only) return "read-only after it was emptied: " + status.reason;
    if (status.space.live != 0)
      return cat(status.space.live, " bytes are alive after everything was deleted");
    if (status.bulk_bytes > 2 * kSegmentBytes)  // One being filled by clients, one by the cleaner.
      return cat("bodies keep ", status.bulk_bytes, " bytes after everything was deleted");
    return std::nullopt;
  }

  std::optional<std::string> new_put(bool large) {
    box_.settle();  // Room is measured and made ahead by the running store.
    if (!box_.service->find_bucket(kBucket).ok()) {
      const auto made = box_.run([&](Ctx& ctx) {
        return box_.service->create_bucket(ctx, kBucket, "owner", "us-east-1");
      });
      if (!made.ok()) return "no bucket can be made: " + made.error().message;
    }
    const std::string body = sample_body(77, large ? 20'000 : 1'500);
    const auto done = box_.put("new", body);
    if (!done.ok()) {
      const Result<Unit> admitted = box_.store->admit(body.size());
      return cat("a new PUT of ", body.size(), " bytes fails: ", done.error().message, " ",
                 admitted.ok() ? "" : error_text(admitted.error()));
    }
    const auto opened = box_.service->open(kBucket, "new");
    if (!opened.ok()) return "a new object is not there";
    const Result<Bytes> read = box_.body_of(opened.value().record);
    if (!read.ok()) return "a new object: " + error_text(read.error());
    if (as_text(read.value()) != body) return "a new object has other bytes";
    return std::nullopt;
  }

  SmallBox& box_;
  const Expectation& expect_;
  const Rows* rows_ = nullptr;
};

}  // namespace

Expectation expectation_at(const Recording& recording, std::uint32_t at) {
  Expectation expect;
  expect.timeline = &recording.timeline;
  expect.acked = recording.acked(at);
  expect.decided = recording.decided(at);
  expect.checkpointed = recording.checkpointed(at);
  expect.opened = recording.index_holds(at);
  expect.small = recording.small;
  return expect;
}

Expectation expectation_again(const Recording& recovery, std::uint32_t at,
                              const Expectation& before) {
  Expectation expect = expectation_at(recovery, at);
  expect.acked = std::max(expect.acked, before.acked);
  expect.decided = recovery.timeline.last();
  expect.checkpointed = recovery.checkpointed(at, before.checkpointed);
  expect.opened = recovery.index_holds(at, before.opened);
  expect.small = before.small;
  return expect;
}

std::optional<std::string> check_image(DriveDir& dir, const Image& image, const BlockPool& pool,
                                       const Expectation& expect, bool large_put, bool empty_it,
                                       Recording* recovery) {
  dir.become(image, pool);
  std::optional<Both> both;
  if (recovery != nullptr) {
    if (recovery->log.size() == 0) recovery->log.begin_with(image, pool);
    recovery->timeline = expect.timeline->prefix(expect.decided);
    both.emplace(dir, recovery->log);
  }
  const Shim shim(dir.root(), both ? static_cast<Watcher*>(&*both) : &dir, image.names());
  SmallBox box(dir.root() + "/d", recovery != nullptr ? &recovery->timeline : nullptr, 1, false,
               expect.small);
  const auto mark = [&](Mark::Kind kind) {
    if (recovery == nullptr) return;
    recovery->marks.push_back({kind, recovery->log.size(), box.store->status().last.value});
  };
  const Result<Unit> opened = box.open();
  if (box.index_thrown_away && recovery != nullptr)
    recovery->marks.push_back({Mark::Kind::kIndexThrownAway, 0, 0});
  if (!opened.ok()) return "does not open: " + error_text(opened.error());
  mark(Mark::Kind::kOpened);
  mark(Mark::Kind::kAcked);
  Inspection inspection(box, expect);
  std::optional<std::string> wrong = inspection.all(large_put, empty_it);
  if (!wrong) {
    mark(Mark::Kind::kAcked);
    box.settle();
  }
  return wrong;
}

}  // namespace creel::crash
