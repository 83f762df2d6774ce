// The names of a SimDisk: which of them processes see, and which a power cut leaves.
#include <set>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/sim/disk.h"

namespace creel {

SimDisk::InodeRef SimDisk::find(const std::string& path) {
  auto found = cached_.find(path);
  return found == cached_.end() ? nullptr : found->second;
}

void SimDisk::apply(Names& names, const NameChange& change) {
  for (const auto& set : change.sets) {
    if (set.second) names[set.first] = set.second;
    else names.erase(set.first);
  }
}

void SimDisk::set_names(NameChange change) {
  apply(cached_, change);
  pending_.push_back(std::move(change));
}

SimDisk::InodeRef SimDisk::create(const std::string& path, bool is_dir) {
  auto inode = std::make_shared<SimInode>(drive_of(path), ++inodes_, is_dir);
  NameChange change;
  change.sets.emplace_back(path, inode);
  set_names(std::move(change));
  return inode;
}

std::optional<Error> SimDisk::check_parent(const std::string& path) {
  if (path.empty()) return fail(ErrorCode::kInvalid, "the top folder cannot be used so");
  const std::string folder = parent(path);
  if (folder.empty()) return std::nullopt;
  InodeRef above = find(folder);
  if (!above) return fail(ErrorCode::kNotFound, cat(path, ": no such folder"));
  if (!above->is_dir()) return fail(ErrorCode::kInvalid, cat(folder, ": not a folder"));
  return std::nullopt;
}

void SimDisk::rename(const std::string& from, const std::string& to) {
  InodeRef inode = find(from);
  check(inode != nullptr && from != to);
  NameChange change;
  change.sets.emplace_back(from, nullptr);
  change.sets.emplace_back(to, std::move(inode));
  set_names(std::move(change));
}

void SimDisk::remove(const std::string& path) {
  NameChange change;
  change.sets.emplace_back(path, nullptr);
  set_names(std::move(change));
}

std::vector<std::string> SimDisk::names_in(const std::string& dir) {
  std::vector<std::string> names;
  for (const auto& entry : cached_)
    if (!entry.first.empty() && parent(entry.first) == dir)
      names.push_back(entry.first.substr(dir.empty() ? 0 : dir.size() + 1));
  return names;
}

// A journal keeps the changes of one name in order, so a change takes along the earlier ones of the
// names it touches.
void SimDisk::sync_names(const std::string& dir) {
  std::set<std::string> wanted;
  std::vector<bool> chosen(pending_.size());
  for (std::size_t i = pending_.size(); i-- > 0;) {
    for (const auto& set : pending_[i].sets)
      if (parent(set.first) == dir || wanted.contains(set.first)) chosen[i] = true;
    if (!chosen[i]) continue;
    for (const auto& set : pending_[i].sets) wanted.insert(set.first);
  }
  std::vector<NameChange> rest;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (chosen[i]) apply(durable_, pending_[i]);
    else rest.push_back(std::move(pending_[i]));
  }
  pending_ = std::move(rest);
}

void SimDisk::lose_names(SimLoss loss, const SimDrive* only) {
  std::set<std::string> lost;  // A later change of a lost name is lost too.
  std::vector<NameChange> rest;
  for (NameChange& change : pending_) {
    const SimDrive& drive = drive_of(change.sets[0].first);
    if (only != nullptr && &drive != only) {
      rest.push_back(std::move(change));
      continue;
    }
    bool gone = loss == SimLoss::kAll || luck_.chance(drive.faults.lost_name);
    for (const auto& set : change.sets) gone = gone || lost.contains(set.first);
    if (!gone) apply(durable_, change);
    else
      for (const auto& set : change.sets) lost.insert(set.first);
  }
  pending_ = std::move(rest);
}

void SimDisk::drop_orphans(const SimDrive* only) {
  for (auto entry = durable_.begin();
       entry != durable_.end();) {  // A folder comes before its files.
    const std::string folder = parent(entry->first);
    auto above = durable_.find(folder);
    const bool rooted = folder.empty() || (above != durable_.end() && above->second->is_dir());
    const bool other = only != nullptr && &entry->second->drive() != only;
    entry = rooted || other ? std::next(entry) : durable_.erase(entry);
  }
}

void SimDisk::lose_below(SimLoss loss, SimDrive* only) {
  lose_names(loss, only);
  drop_orphans(only);
  for (const auto& entry : durable_) {
    SimDrive& drive = entry.second->drive();
    if (only != nullptr && &drive != only) continue;
    entry.second->lose_unsynced(loss, luck_, {drive.faults.lost_write, drive.faults.torn_write});
  }
  if (only == nullptr) {
    cached_ = durable_;
    return;
  }
  std::erase_if(cached_, [&](const auto& entry) { return &entry.second->drive() == only; });
  for (const auto& entry : durable_)
    if (&entry.second->drive() == only) cached_.insert(entry);
}

void SimDisk::lose_unsynced(SimLoss loss) { lose_below(loss, nullptr); }

void SimDisk::settle() {
  for (const auto& entry : cached_) entry.second->finish_all();
}

void SimDisk::release_locks(std::uint64_t life) {
  for (const auto& entry : cached_)
    if (entry.second->lock_life == life) entry.second->lock_life = 0;
}

}  // namespace creel
