// The recorded changes of a drive in order, and what of them is on stable storage when.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/crash/image.h"

namespace creel::crash {

// One change, or a flush.
struct LoggedOp {
  enum class Kind : std::uint8_t {
    kCreate,
    kMakeDir,
    kWrite,
    kResize,
    kAllocate,
    kSync,
    kRename,
    kRemove
  };
  static constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();
  Kind kind = Kind::kSync;
  Inode inode = 0;
  std::uint64_t offset = 0;  // kWrite. kResize, kAllocate: the size.
  Bytes bytes;
  Inode dir = 0;
  std::string name;
  Inode to_dir = 0;
  std::string to_name;
  // The change is on stable storage once so many ops were made.
  std::uint32_t durable_at = kNever;
  bool is_name() const {
    return kind == Kind::kCreate || kind == Kind::kMakeDir || kind == Kind::kRename ||
           kind == Kind::kRemove;
  }
};

// A write of which only some pieces of `unit` bytes arrived.
struct Tear {
  enum class Mode : std::uint8_t { kWhole, kPrefix, kLost, kKept, kGarbage, kSizeOnly, kMask };
  Mode mode = Mode::kWhole;
  std::uint32_t unit = 512;
  std::uint32_t index = 0;  // kPrefix: pieces that arrived. kLost, kKept, kGarbage: which one.
  std::uint64_t mask = 0;   // kMask: seed of a draw, a piece at a time.
};

// Records what a Shim sees.
class OpLog final : public Watcher {
 public:
  // Flushes for which this says so did not happen (planted faults).
  std::function<bool(const OpLog&, Inode)> ignores_sync;
  // And a write that would have been durable on return is not.
  std::function<bool(const OpLog&, Inode)> ignores_dsync;

  void begin_with(const Image& image, const BlockPool& pool);
  // After kill -9: the kernel still has the ops `lost` of another log, and may bring them to the
  // drive later, or never.
  void begin_after_kill(const OpLog& killed, const Image& flushed,
                        const std::vector<std::uint32_t>& lost);
  const Image& base() const { return base_; }
  BlockPool& pool() { return pool_; }
  const std::vector<LoggedOp>& ops() const { return ops_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(ops_.size()); }
  std::string path_of(Inode inode) const;
  std::string text_of(std::uint32_t op) const;  // For people.

  // Applies one op to an image.
  void apply(Image& image, const LoggedOp& op, const Tear& tear = {});

  void on_create(Inode dir, std::string_view name, Inode inode, bool is_dir) override;
  void on_write(Inode inode, std::uint64_t offset, ByteView bytes, bool durable) override;
  void on_resize(Inode inode, std::uint64_t bytes) override;
  void on_allocate(Inode inode, std::uint64_t bytes) override;
  void on_sync(Inode inode) override;
  void on_sync_failed(Inode inode) override;
  void on_rename(Inode from_dir, std::string_view from, Inode to_dir, std::string_view to,
                 Inode inode) override;
  void on_remove(Inode dir, std::string_view name) override;

 private:
  void apply_write(Content& file, const LoggedOp& op, const Tear& tear);
  void cover(Inode inode);

  BlockPool pool_;
  Image base_;
  std::vector<LoggedOp> ops_;
  std::vector<std::uint32_t> open_;  // Ops not on stable storage yet.
  std::map<Inode, std::pair<Inode, std::string>> places_;
  std::set<Inode> ignored_;  // holds_nothing()
};

}  // namespace creel::crash
