#include "tests/crash/op_log.h"

#include <algorithm>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "tests/support/seeds.h"

namespace creel::crash {

using Kind = LoggedOp::Kind;

std::string OpLog::path_of(Inode inode) const {
  std::string path;
  for (int depth = 0; inode != kRootInode && depth < 16; ++depth) {
    const auto found = places_.find(inode);
    if (found == places_.end()) return path.empty() ? "?" : path;
    path = path.empty() ? found->second.second : found->second.second + "/" + path;
    inode = found->second.first;
  }
  return path.empty() ? "." : path;
}

std::string OpLog::text_of(std::uint32_t index) const {
  const LoggedOp& op = ops_[index];
  switch (op.kind) {
    case Kind::kCreate: return cat("create ", op.name);
    case Kind::kMakeDir: return cat("mkdir ", op.name);
    case Kind::kWrite:
      return cat("write ", path_of(op.inode), " at ", op.offset, ", ", op.bytes.size(), " bytes",
                 op.durable_at == index + 1 ? " (O_DSYNC)" : "");
    case Kind::kResize: return cat("truncate ", path_of(op.inode), " to ", op.offset);
    case Kind::kAllocate: return cat("allocate ", path_of(op.inode), " to ", op.offset);
    case Kind::kSync: return cat("sync ", path_of(op.inode));
    case Kind::kRename: return cat("rename ", op.name, " to ", op.to_name);
    case Kind::kRemove: return cat("remove ", op.name);
  }
  return "?";
}

void OpLog::begin_with(const Image& image, const BlockPool& pool) {
  base_ = image;
  for (auto& [inode, content] : base_.files)
    for (BlockId& id : content.blocks)
      if (id != 0) id = pool_.intern(pool.bytes(id));
  base_.walk([&](const std::string& path, Inode inode, const Content*) {
    if (holds_nothing(path.substr(path.rfind('/') + 1))) ignored_.insert(inode);
  });
  for (const auto& [entry, inode] : base_.entries) places_[inode] = entry;
}

void OpLog::begin_after_kill(const OpLog& killed, const Image& flushed,
                             const std::vector<std::uint32_t>& lost) {
  begin_with(flushed, killed.pool_);
  places_ = killed.places_;
  ignored_ = killed.ignored_;
  for (const std::uint32_t index : lost) {
    open_.push_back(size());
    ops_.push_back(killed.ops_[index]);
    ops_.back().durable_at = LoggedOp::kNever;
  }
}

void OpLog::on_create(Inode dir, std::string_view name, Inode inode, bool is_dir) {
  LoggedOp op;
  op.kind = is_dir ? Kind::kMakeDir : Kind::kCreate;
  op.inode = inode;
  op.dir = dir;
  op.name = name;
  places_[inode] = {dir, op.name};
  if (holds_nothing(name)) ignored_.insert(inode);
  open_.push_back(size());
  ops_.push_back(std::move(op));
}

void OpLog::on_write(Inode inode, std::uint64_t offset, ByteView bytes, bool durable) {
  if (ignored_.contains(inode)) return;
  LoggedOp op;
  op.kind = Kind::kWrite;
  op.inode = inode;
  op.offset = offset;
  op.bytes = to_bytes(bytes);
  if (durable && (!ignores_dsync || !ignores_dsync(*this, inode))) op.durable_at = size() + 1;
  else open_.push_back(size());
  ops_.push_back(std::move(op));
}

void OpLog::on_resize(Inode inode, std::uint64_t bytes) {
  if (ignored_.contains(inode)) return;
  LoggedOp op;
  op.kind = Kind::kResize;
  op.inode = inode;
  op.offset = bytes;
  open_.push_back(size());
  ops_.push_back(std::move(op));
}

void OpLog::on_allocate(Inode inode, std::uint64_t bytes) {
  if (ignored_.contains(inode)) return;
  LoggedOp op;
  op.kind = Kind::kAllocate;
  op.inode = inode;
  op.offset = bytes;
  open_.push_back(size());
  ops_.push_back(std::move(op));
}

// A flush of a file covers its bytes and size, one of a folder the names in it.
void OpLog::on_sync(Inode inode) {
  if (ignored_.contains(inode)) return;
  if (ignores_sync && ignores_sync(*this, inode)) return;
  LoggedOp op;
  op.kind = Kind::kSync;
  op.inode = inode;
  ops_.push_back(std::move(op));
  cover(inode);
}

void OpLog::cover(Inode inode) {
  std::erase_if(open_, [&](std::uint32_t index) {
    LoggedOp& op = ops_[index];
    const bool covered = op.is_name() ? op.dir == inode : op.inode == inode;
    if (covered) op.durable_at = size();
    return covered;
  });
}

// The kernel has marked the pages clean: no later flush brings them to the drive.
void OpLog::on_sync_failed(Inode inode) {
  std::erase_if(open_, [&](std::uint32_t index) {
    const LoggedOp& op = ops_[index];
    return !op.is_name() && op.inode == inode;
  });
}

void OpLog::on_rename(Inode from_dir, std::string_view from, Inode to_dir, std::string_view to,
                      Inode inode) {
  LoggedOp op;
  op.kind = Kind::kRename;
  op.inode = inode;
  op.dir = from_dir;
  op.name = from;
  op.to_dir = to_dir;
  op.to_name = to;
  places_[inode] = {to_dir, op.to_name};
  open_.push_back(size());
  ops_.push_back(std::move(op));
}

void OpLog::on_remove(Inode dir, std::string_view name) {
  LoggedOp op;
  op.kind = Kind::kRemove;
  op.dir = dir;
  op.name = name;
  open_.push_back(size());
  ops_.push_back(std::move(op));
}

void OpLog::apply(Image& image, const LoggedOp& op, const Tear& tear) {
  switch (op.kind) {
    case Kind::kSync: return;
    case Kind::kCreate:
      image.files.try_emplace(op.inode);
      image.entries[{op.dir, op.name}] = op.inode;
      return;
    case Kind::kMakeDir:
      image.dirs.insert(op.inode);
      image.entries[{op.dir, op.name}] = op.inode;
      return;
    case Kind::kRename: {
      const auto old = image.entries.find({op.dir, op.name});
      if (old != image.entries.end() && old->second == op.inode) image.entries.erase(old);
      image.entries[{op.to_dir, op.to_name}] = op.inode;
      return;
    }
    case Kind::kRemove: image.entries.erase({op.dir, op.name}); return;
    case Kind::kWrite: apply_write(image.files[op.inode], op, tear); return;
    case Kind::kResize: image.files[op.inode].resize(pool_, op.offset); return;
    case Kind::kAllocate: {
      Content& file = image.files[op.inode];
      if (file.size < op.offset) file.resize(pool_, op.offset);
      return;
    }
  }
}

void OpLog::apply_write(Content& file, const LoggedOp& op, const Tear& tear) {
  if (tear.mode == Tear::Mode::kWhole) {
    file.write(pool_, op.offset, op.bytes);
    return;
  }
  const std::uint64_t end = op.offset + op.bytes.size();
  if (tear.mode != Tear::Mode::kPrefix && file.size < end) file.resize(pool_, end);
  if (tear.mode == Tear::Mode::kSizeOnly) return;
  const ByteView bytes(op.bytes);
  for (std::size_t at = 0, index = 0; at < bytes.size(); at += tear.unit, ++index) {
    const ByteView piece = bytes.subspan(at, std::min<std::size_t>(tear.unit, bytes.size() - at));
    bool arrived = true;
    switch (tear.mode) {
      case Tear::Mode::kPrefix: arrived = index < tear.index; break;
      case Tear::Mode::kLost: arrived = index != tear.index; break;
      case Tear::Mode::kKept: arrived = index == tear.index; break;
      case Tear::Mode::kMask:
        arrived = (test::mix64(tear.mask ^ (index * 0x51ed27u)) & 1) != 0;
        break;
      default: break;
    }
    if (!arrived) continue;
    // Where something lay already a drive leaves old or new: sectors are atomic. In fresh space
    // nothing is taken for granted.
    if (tear.mode == Tear::Mode::kGarbage && index == tear.index &&
        file.is_zero(pool_, op.offset + at, piece.size())) {
      Bytes garbage = to_bytes(piece);
      garbage[test::mix64(op.offset + at) % garbage.size()] ^= 0x40;
      file.write(pool_, op.offset + at, garbage);
    } else {
      file.write(pool_, op.offset + at, piece);
    }
  }
}

}  // namespace creel::crash
