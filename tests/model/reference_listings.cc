// The reference model: listings of objects and of versions.
#include <algorithm>

#include "platform/base/text.h"
#include "tests/model/reference_s3.h"

namespace creel::test {

// Keys and common prefixes in byte order of their names, each once, those behind the marker.
Expected ReferenceS3::list(const S3Request& request) const {
  const Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  Expected expected;
  S3Reply& reply = expected.reply;
  if (request.count_max == 0) return expected;
  for (auto it = bucket->objects.lower_bound(request.prefix);
       it != bucket->objects.end() && it->first.starts_with(request.prefix); ++it) {
    const std::string& key = it->first;
    std::string group;
    if (!request.delimiter.empty()) {
      const std::size_t at = key.find(request.delimiter, request.prefix.size());
      if (at != std::string::npos) group = key.substr(0, at + request.delimiter.size());
    }
    const std::string& name = group.empty() ? key : group;
    if (name <= request.after) continue;
    if (!group.empty() && !reply.prefixes.empty() && reply.prefixes.back() == group) continue;
    if (reply.entries.size() + reply.prefixes.size() == request.count_max) {
      reply.truncated = true;
      break;
    }
    reply.next = name;
    if (!group.empty()) {
      reply.prefixes.push_back(group);
      continue;
    }
    const Object& object = it->second;
    Entry entry{key, {}, object.etag, object.checksum, object.body->size(), object.mtime_ms};
    reply.entries.push_back(std::move(entry));
  }
  if (!reply.truncated) reply.next.clear();
  return expected;
}

// Keys in byte order, below each its versions, newest first.
Expected ReferenceS3::list_versions(const S3Request& request) const {
  const Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  Expected expected;
  S3Reply& reply = expected.reply;
  if (request.count_max == 0) return expected;
  std::map<std::string, std::vector<const Object*>> all;  // Newest first.
  for (const auto& [key, object] : bucket->objects) all[key].push_back(&object);
  for (const auto& [key, older] : bucket->older)
    for (auto it = older.rbegin(); it != older.rend(); ++it) all[key].push_back(&*it);
  for (auto it = all.lower_bound(request.prefix);
       it != all.end() && it->first.starts_with(request.prefix); ++it) {
    const std::string& key = it->first;
    std::string group;
    if (!request.delimiter.empty()) {
      const std::size_t at = key.find(request.delimiter, request.prefix.size());
      if (at != std::string::npos) group = key.substr(0, at + request.delimiter.size());
    }
    const std::string& name = group.empty() ? key : group;
    // The second marker goes on behind that version of its key.
    bool inside = group.empty() && key == request.after && !request.after_id.empty();
    if (name <= request.after && !inside) continue;
    if (!group.empty() && !reply.prefixes.empty() && reply.prefixes.back() == group) continue;
    const bool full = reply.entries.size() + reply.prefixes.size() == request.count_max;
    if (!group.empty()) {
      if (full) {
        reply.truncated = true;
        break;
      }
      reply.prefixes.push_back(group);
      reply.next = name;
      reply.next_id.clear();
      continue;
    }
    for (const Object* one : it->second) {
      if (inside) {
        inside = one->version != request.after_id;
        continue;
      }
      if (reply.entries.size() + reply.prefixes.size() == request.count_max) {
        reply.truncated = true;
        break;
      }
      Entry entry{key, one->version, one->etag, one->checksum, 0, one->mtime_ms};
      if (one->body) entry.size = one->body->size();
      entry.latest = one == it->second.front();
      entry.marker = one->marker;
      reply.entries.push_back(std::move(entry));
      reply.next = key;
      reply.next_id = one->version;
    }
    if (reply.truncated) break;
  }
  if (!reply.truncated) reply.next.clear(), reply.next_id.clear();
  return expected;
}

}  // namespace creel::test
