#include "platform/sim/disk.h"

#include <algorithm>
#include <set>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/sim/world.h"

namespace creel {

namespace {

constexpr std::string_view kOpNames[kSimDiskOps] = {
    "open",   "read",   "write",    "sync",     "allocate", "truncate",
    "rename", "remove", "make_dir", "sync_dir", "list",     "lock",
};

bool is_below(std::string_view path, std::string_view folder) {
  if (folder.empty()) return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

SimDisk::SimDisk(SimWorld& world, const std::string& node)
    : world_(world), luck_(world.seed(), node, "disk") {
  auto main = std::make_unique<SimDrive>();
  drives_.emplace("", std::move(main));
}

std::string SimDisk::normal(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view piece = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (piece.empty() || piece == ".") continue;
    if (!out.empty()) out.push_back('/');
    out.append(piece);
  }
  return out;
}

std::string SimDisk::parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

SimDrive& SimDisk::drive(std::string_view prefix) {
  const std::string path = normal(prefix);
  auto found = drives_.find(path);
  if (found != drives_.end()) return *found->second;
  for (const auto& entry : cached_)  // Files keep the drive they were made on.
    check(!is_below(entry.first, path) || (entry.first == path && entry.second->is_dir()));
  auto made = std::make_unique<SimDrive>();
  made->prefix = path;
  SimDrive& drive = *drives_.emplace(path, std::move(made)).first->second;
  wipe(path);
  return drive;
}

SimDrive& SimDisk::drive_of(std::string_view path) {
  SimDrive* best = nullptr;
  for (auto& entry : drives_)  // In order: a longer prefix of the same path comes later.
    if (is_below(path, entry.first)) best = entry.second.get();
  return *best;
}

void SimDisk::fail_nth(SimDiskOp op, std::uint64_t n, ErrorCode code, std::string_view prefix) {
  check(n > 0);
  planned_.push_back({op, n, code, normal(prefix)});
}

void SimDisk::clear_faults() {
  planned_.clear();
  for (auto& entry : drives_) {
    const std::uint64_t capacity = entry.second->faults.capacity;
    entry.second->faults = SimDiskFaults();
    entry.second->faults.capacity = capacity;
    entry.second->available = true;
  }
}

double SimDisk::rate_of(SimDiskOp op, const SimDiskFaults& faults) const {
  switch (op) {
    case SimDiskOp::kRead: return faults.read_error;
    case SimDiskOp::kWrite: return faults.write_error;
    case SimDiskOp::kSync: return faults.sync_error;
    default: return 0;
  }
}

std::optional<Error> SimDisk::begin(SimDiskOp op, SimDrive& drive, const std::string& path) {
  const auto index = static_cast<std::size_t>(op);
  ++drive.counters.calls[index];
  world_.note(SimWorld::kDisk, index, drive.counters.calls[index]);
  std::optional<ErrorCode> code;
  for (std::size_t i = 0; i < planned_.size();) {
    Planned& plan = planned_[i];
    const bool hit = plan.op == op && is_below(path, plan.prefix) && --plan.left == 0;
    if (hit) code = plan.code;
    if (hit) planned_.erase(planned_.begin() + static_cast<std::ptrdiff_t>(i));
    else ++i;
  }
  if (luck_.chance(rate_of(op, drive.faults))) code = ErrorCode::kIo;
  if (!drive.available) code = ErrorCode::kIo;
  if (!code) return std::nullopt;
  ++drive.counters.errors;
  return fail(*code, cat(kOpNames[index], " ", path, ": simulated fault"));
}

bool SimDisk::flip(std::string_view path, std::uint64_t offset, unsigned bit) {
  InodeRef inode = find(normal(path));
  if (!inode || inode->is_dir() || offset >= inode->cached().size()) return false;
  inode->flip(offset, bit);
  return true;
}

void SimDisk::make_unavailable(std::string_view prefix) {
  SimDrive& pulled = drive(prefix);
  if (!pulled.available) return;
  lose_below(SimLoss::kDrawn, &pulled);
  pulled.available = false;
  ++pulled.epoch;
}

void SimDisk::make_available(std::string_view prefix) { drive(prefix).available = true; }

void SimDisk::wipe(std::string_view prefix) { restore(prefix, SimDiskImage()); }

SimDiskImage SimDisk::snapshot(std::string_view prefix) {
  const std::string folder = normal(prefix);
  SimDiskImage image;
  for (const auto& entry : cached_) {
    if (!is_below(entry.first, folder) || entry.first == folder) continue;
    const std::string name = entry.first.substr(folder.empty() ? 0 : folder.size() + 1);
    image.entries[name] = {entry.second->is_dir(), entry.second->cached()};
  }
  return image;
}

void SimDisk::restore(std::string_view prefix, const SimDiskImage& image) {
  const std::string folder = normal(prefix);
  std::erase_if(pending_,
                [&](const NameChange& change) { return is_below(change.sets[0].first, folder); });
  std::erase_if(cached_, [&](const auto& entry) { return is_below(entry.first, folder); });
  std::erase_if(durable_, [&](const auto& entry) { return is_below(entry.first, folder); });
  std::string made;  // The folder and those above it, durably.
  for (std::size_t slash = 0; slash != std::string::npos && !folder.empty();) {
    slash = folder.find('/', slash == 0 ? 0 : slash + 1);
    made = folder.substr(0, slash);
    if (!cached_.contains(made))
      cached_[made] = std::make_shared<SimInode>(drive_of(made), ++inodes_, true);
    durable_[made] = cached_[made];
  }
  for (const auto& entry : image.entries) {
    const std::string path = folder.empty() ? entry.first : cat(folder, '/', entry.first);
    auto inode = std::make_shared<SimInode>(drive_of(path), ++inodes_, entry.second.is_dir);
    inode->set_content(entry.second.content);
    cached_[path] = durable_[path] = std::move(inode);
  }
}

namespace {
Bytes all_of(const SimContent& content) {
  Bytes out(static_cast<std::size_t>(content.size()));
  content.read(0, out);
  return out;
}
}  // namespace

std::optional<Bytes> SimDisk::peek(std::string_view path) {
  InodeRef inode = find(normal(path));
  if (!inode || inode->is_dir()) return std::nullopt;
  return all_of(inode->cached());
}

std::optional<Bytes> SimDisk::peek_durable(std::string_view path) {
  auto found = durable_.find(normal(path));
  if (found == durable_.end() || found->second->is_dir()) return std::nullopt;
  return all_of(found->second->durable());
}

bool SimDisk::put(std::string_view path, ByteView bytes) {
  const std::string name = normal(path);
  InodeRef old = find(name);
  if (name.empty() || (old && old->is_dir())) return false;
  for (std::size_t slash = name.find('/'); slash != std::string::npos;
       slash = name.find('/', slash + 1)) {
    const std::string folder = name.substr(0, slash);
    if (!find(folder))
      durable_[folder] = cached_[folder] =
          std::make_shared<SimInode>(drive_of(folder), ++inodes_, true);
    durable_[folder] = cached_[folder];
  }
  if (!old) old = cached_[name] = std::make_shared<SimInode>(drive_of(name), ++inodes_, false);
  durable_[name] = old;
  SimContent content;
  content.write(0, bytes);
  old->set_content(std::move(content));
  return true;
}

std::vector<std::string> SimDisk::paths(std::string_view prefix) {
  const std::string folder = normal(prefix);
  std::vector<std::string> all;
  for (const auto& entry : cached_)
    if (is_below(entry.first, folder) && entry.first != folder) all.push_back(entry.first);
  return all;
}

bool SimDisk::dirty() const {
  if (!pending_.empty()) return true;
  for (const auto& entry : cached_)
    if (entry.second->dirty()) return true;
  return false;
}

std::optional<Error> SimDisk::reserve(SimInode& inode, std::uint64_t after,
                                      const std::string& path) {
  const std::uint64_t before = inode.cached().size();
  if (after <= before) return std::nullopt;
  SimDrive& drive = inode.drive();
  const std::uint64_t used = drive.used_bytes + sim_blocks(after) - sim_blocks(before);
  const std::uint64_t most =
      std::min(drive.faults.capacity, drive.faults.no_space_at.value_or(UINT64_MAX));
  if (used <= most) return std::nullopt;
  return fail(ErrorCode::kNoSpace, cat(path, ": ", used, " bytes do not fit into ", most));
}

}  // namespace creel
