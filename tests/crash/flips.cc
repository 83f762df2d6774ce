#include "tests/crash/flips.h"

#include <vector>

#include "platform/base/text.h"
#include "s3/model/records.h"
#include "tests/crash/drive_dir.h"
#include "tests/crash/oracle.h"

namespace creel::crash {
namespace {

struct Flip {
  Inode file = 0;
  std::string path;
  std::size_t block = 0;
};

// Every block that holds something, but those of the state and of the identity.
std::vector<Flip> places(const Image& image) {
  std::vector<Flip> all;
  image.walk([&](const std::string& path, Inode inode, const Content* content) {
    if (content == nullptr || (!path.ends_with(".seg") && !path.ends_with("data.mdb"))) return;
    for (std::size_t i = 0; i < content->blocks.size(); ++i)
      if (content->blocks[i] != 0) all.push_back({inode, path, i});
  });
  return all;
}

// Objects that the rows at the store's end name, with what they must be.
std::optional<std::string> read_back(SmallBox& box, const Timeline& timeline) {
  const store::Status status = box.store->status();
  if (!box.store->lost().empty()) return std::nullopt;  // Said, with which operations.
  // The last batch may look like one that was being written.
  if (status.last.value + 1 < timeline.last())
    return cat("ends with operation ", status.last.value, " of ", timeline.last(),
               ", and nothing is said to be lost");
  for (const auto& [name, value] : timeline.rows(status.last.value)) {
    if (name.table != store::Table::kObject) continue;
    const Result<s3::ObjectRecord> put = s3::ObjectRecord::decode(value);
    const std::string key = name.key.substr(8);
    if (!put.ok()) continue;
    const auto stored = box.service->open(kBucket, key);
    if (!stored.ok()) {
      if (stored.error().code != s3::S3Code::kNoSuchKey) continue;
      return cat(key, " is not there, and nothing is said to be lost");
    }
    const Result<Bytes> body = box.body_of(stored.value().record);
    if (body.ok() && crc64_nvme(body.value()) != put.value().crc64)
      return cat(key, " is served with bytes that were never put");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> flip_bytes(const std::string& workload, std::uint64_t seed,
                                      std::uint64_t flips) {
  DriveDir scratch(make_scratch_dir());
  DriveDir dir(make_scratch_dir());
  Recording recording;
  {
    Shim shim(scratch.root(), &recording.log);
    WorkloadRun run(scratch.root(), {workload}, recording);
    if (!run.run(shim)) return "the workload fails";
  }
  BlockPool& pool = recording.log.pool();
  Image whole = recording.log.base();
  for (const LoggedOp& op : recording.log.ops()) recording.log.apply(whole, op);
  const std::vector<Flip> all = places(whole);
  test::TestRandom random(test::mix64(seed));
  for (std::uint64_t i = 0; i < flips; ++i) {
    const Flip& flip = all[static_cast<std::size_t>(random.below(all.size()))];
    Image image = whole;
    Bytes block = pool.bytes(image.files[flip.file].blocks[flip.block]);
    const auto at = static_cast<std::size_t>(random.below(block.size()));
    block[at] ^= static_cast<std::uint8_t>(random.between(1, 255));
    image.files[flip.file].blocks[flip.block] = pool.intern(block);
    if (i % 2 == 0 && flip.path.ends_with(".seg"))
      std::erase_if(image.entries,
                    [](const auto& entry) { return entry.first.second == "data.mdb"; });
    dir.become(image, pool);
    const Shim shim(dir.root(), &dir, image.names());
    SmallBox box(dir.root() + "/d", nullptr, 1, false, false);
    if (!box.open().ok()) continue;
    if (auto wrong = read_back(box, recording.timeline))
      return cat(flip.path, " byte ", flip.block * kImageBlock + at, ": ", *wrong);
  }
  return std::nullopt;
}

}  // namespace creel::crash
