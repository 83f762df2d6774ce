#include "tests/model/reference_s3.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "platform/cpu/hash.h"

namespace creel::test {
namespace {

Bytes raw_digest(const std::string& algorithm, const std::string& body) {
  Bytes raw;
  const ByteView bytes = as_bytes(body);
  if (algorithm == "CRC32") append_be<std::uint32_t>(raw, crc32(bytes));
  if (algorithm == "CRC32C") append_be<std::uint32_t>(raw, crc32c(bytes));
  if (algorithm == "CRC64NVME") append_be<std::uint64_t>(raw, crc64_nvme(bytes));
  if (algorithm == "SHA1") {
    const Sha1::Digest digest = Sha1::of(bytes);
    raw.assign(digest.begin(), digest.end());
  }
  if (algorithm == "SHA256") {
    const Sha256::Digest digest = Sha256::of(bytes);
    raw.assign(digest.begin(), digest.end());
  }
  return raw;
}

// An ETag condition: a list of tags or `*`; here always one.
bool names(const std::string& condition, const std::string& etag) {
  return condition == "*" || condition == etag;
}

void judge_body(const S3Request& request, std::set<std::string>& codes) {
  if (request.promise.wrong_length) codes.insert("IncompleteBody");
  if (request.promise.wrong_md5 || request.promise.wrong_checksum) codes.insert("BadDigest");
}

void judge_source(const S3Request& request, const ReferenceS3::Object& source,
                  std::set<std::string>& codes) {
  const bool differs =
      !request.source_if_match.empty() && !names(request.source_if_match, source.etag);
  const bool same =
      !request.source_if_none_match.empty() && names(request.source_if_none_match, source.etag);
  if (differs || same) codes.insert("PreconditionFailed");
}

// SHA1 and SHA256 of an upload are of its parts' digests; CRCs are of the whole.
bool is_composite(const std::string& algorithm) {
  return algorithm == "CRC32" || algorithm == "CRC32C" || algorithm == "SHA1" ||
         algorithm == "SHA256";
}

}  // namespace

std::string md5_etag(const std::string& body) { return hex_encode(Md5::of(as_bytes(body))); }

std::string full_checksum(const std::string& algorithm, const std::string& body) {
  return cat(algorithm, " FULL_OBJECT ", base64_encode(raw_digest(algorithm, body)));
}

std::string base64_of(const std::string& checksum) {
  return checksum.substr(checksum.rfind(' ') + 1);
}

// S3 sheet §6: one range; whatever is malformed means everything.
std::optional<std::pair<std::uint64_t, std::uint64_t>> meant_range(const std::string& header,
                                                                   std::uint64_t size, bool& bad) {
  bad = false;
  if (!header.starts_with("bytes=")) return std::nullopt;
  const std::string text = header.substr(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos || text.find(',') != std::string::npos) return std::nullopt;
  const std::optional<std::uint64_t> first = parse_u64(text.substr(0, dash));
  const std::optional<std::uint64_t> last = parse_u64(text.substr(dash + 1));
  if (dash == 0) {  // The last so many bytes.
    if (!last) return std::nullopt;
    bad = *last == 0 || size == 0;
    if (bad) return std::nullopt;
    return std::pair(size - std::min(*last, size), size - 1);
  }
  if (!first || (dash + 1 < text.size() && !last)) return std::nullopt;
  if (last && *last < *first) return std::nullopt;
  bad = *first >= size;
  if (bad) return std::nullopt;
  return std::pair(*first, last ? std::min(*last, size - 1) : size - 1);
}

Expected ReferenceS3::apply(const S3Request& request, const Luck& luck) {
  switch (request.verb) {
    case Verb::kCreateBucket: return create_bucket(request);
    case Verb::kDeleteBucket: return delete_bucket(request);
    case Verb::kListBuckets: return list_buckets(request);
    case Verb::kPut: return put(request, luck);
    case Verb::kGet: return get(request);
    case Verb::kDelete: return erase(request, luck);
    case Verb::kCopy: return copy(request, luck);
    case Verb::kList: return list(request);
    case Verb::kListVersions: return list_versions(request);
    case Verb::kCreateUpload: return create_upload(request, luck);
    case Verb::kPutPart: return put_part(request, luck);
    case Verb::kCopyPart: return copy_part(request, luck);
    case Verb::kListParts: return list_parts(request);
    case Verb::kListUploads: return list_uploads(request);
    case Verb::kComplete: return complete(request, luck);
    case Verb::kAbort: return abort(request);
    case Verb::kSetVersioning: return set_versioning(request);
  }
  return {};
}

const ReferenceS3::Bucket* ReferenceS3::bucket_of(const std::string& name) const {
  const auto found = buckets_.find(name);
  return found == buckets_.end() ? nullptr : &found->second;
}
ReferenceS3::Bucket* ReferenceS3::bucket_of(const std::string& name) {
  const auto found = buckets_.find(name);
  return found == buckets_.end() ? nullptr : &found->second;
}
const ReferenceS3::Object* ReferenceS3::find(const std::string& bucket,
                                             const std::string& key) const {
  const Bucket* in = bucket_of(bucket);
  if (in == nullptr) return nullptr;
  const auto found = in->objects.find(key);
  return found == in->objects.end() ? nullptr : &found->second;
}
const ReferenceS3::Object* ReferenceS3::find_version(const std::string& bucket,
                                                     const std::string& key,
                                                     const std::string& version) const {
  const Bucket* in = bucket_of(bucket);
  const Object* current = find(bucket, key);
  if (in == nullptr || version.empty()) return current;
  if (current != nullptr && current->version == version) return current;
  const auto older = in->older.find(key);
  if (older == in->older.end()) return nullptr;
  for (const Object& one : older->second)
    if (one.version == version) return &one;
  return nullptr;
}
const ReferenceS3::Upload* ReferenceS3::find_upload(const std::string& bucket,
                                                    const std::string& id) const {
  const Bucket* in = bucket_of(bucket);
  const auto order = upload_order_.find(id);
  if (in == nullptr || order == upload_order_.end()) return nullptr;
  const auto found = in->uploads.find(order->second);
  return found == in->uploads.end() ? nullptr : &found->second;
}

// An upload is named by bucket, key and id together.
ReferenceS3::Upload* ReferenceS3::live_upload(Bucket& bucket, const S3Request& request) {
  for (auto& [order, upload] : bucket.uploads)
    if (upload.id == request.upload_id && upload.key == request.key) return &upload;
  return nullptr;
}

// --- buckets -----------------------------------------------------------------------------------

// Creating one's own bucket again is a success in us-east-1.
Expected ReferenceS3::create_bucket(const S3Request& request) {
  buckets_[request.bucket];
  return {};
}

// Uploads under way do not keep a bucket; they go with it.
Expected ReferenceS3::delete_bucket(const S3Request& request) {
  const Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  if (!bucket->objects.empty() || !bucket->older.empty()) return refused("BucketNotEmpty");
  buckets_.erase(request.bucket);
  return {};
}

Expected ReferenceS3::list_buckets(const S3Request& request) const {
  Expected expected;
  for (const auto& [name, bucket] : buckets_) {
    if (!name.starts_with(request.prefix) || name <= request.after) continue;
    if (expected.reply.entries.size() == request.count_max) {
      expected.reply.truncated = true;
      break;
    }
    expected.reply.entries.push_back({name, {}, {}, {}, 0, 0});
  }
  return expected;
}

// --- objects -----------------------------------------------------------------------------------

void ReferenceS3::judge_write(const S3Request& request, const Bucket& bucket,
                              std::set<std::string>& codes) const {
  const auto current = bucket.objects.find(request.key);
  const bool exists = current != bucket.objects.end();
  if (!request.if_match.empty()) {
    if (!exists) codes.insert("NoSuchKey");
    else if (!names(request.if_match, current->second.etag)) codes.insert("PreconditionFailed");
  }
  if (!request.if_none_match.empty() && exists &&
      names(request.if_none_match, current->second.etag))
    codes.insert("PreconditionFailed");
}

// What stands at the key before a new version comes: a null one goes when another null one comes,
// all else stays behind it.
std::string ReferenceS3::make_room(Bucket& bucket, const std::string& key, Object& object,
                                   const Luck& luck) {
  std::string complaint;
  const bool fresh_id = bucket.versioned && !bucket.suspended;
  if (fresh_id) {
    if (luck.version.empty() || luck.version == "null" || !versions_.insert(luck.version).second)
      complaint = cat("the version id '", luck.version, "' is empty or was given before");
    object.version = luck.version;
  }
  std::vector<Object>& older = bucket.older[key];
  const auto current = bucket.objects.find(key);
  if (current != bucket.objects.end()) {
    older.push_back(std::move(current->second));
    bucket.objects.erase(current);
  }
  if (!fresh_id) std::erase_if(older, [](const Object& one) { return one.version == "null"; });
  if (older.empty()) bucket.older.erase(key);
  return complaint;
}

// Names the object, whose time the server has chosen.
Expected ReferenceS3::store(Bucket& bucket, const std::string& key, Object object,
                            const Luck& luck) {
  Expected expected;
  expected.reply.etag = object.etag;
  expected.reply.checksum = object.checksum;
  expected.reply.size = object.body->size();
  const auto old = bucket.objects.find(key);
  if (old != bucket.objects.end() && object.mtime_ms < old->second.mtime_ms)
    expected.complaint = "the new version is older than the one it replaces";
  const std::string complaint = make_room(bucket, key, object, luck);
  if (expected.complaint.empty()) expected.complaint = complaint;
  if (bucket.versioned) expected.reply.version = object.version;
  bucket.objects[key] = std::move(object);
  return expected;
}

Expected ReferenceS3::put(const S3Request& request, const Luck& luck) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  Expected expected;
  judge_body(request, expected.codes);
  judge_write(request, *bucket, expected.codes);
  if (!expected.codes.empty()) return expected;
  Object object;
  object.body = request.body;
  object.etag = md5_etag(*request.body);
  const std::string& algorithm = request.promise.algorithm;
  object.checksum = full_checksum(algorithm.empty() ? "CRC64NVME" : algorithm, *request.body);
  object.headers = request.headers;
  object.mtime_ms = luck.mtime_ms;
  return store(*bucket, request.key, std::move(object), luck);
}

Expected ReferenceS3::get(const S3Request& request) const {
  if (bucket_of(request.bucket) == nullptr) return refused("NoSuchBucket");
  const Object* object = find_version(request.bucket, request.key, request.version);
  if (object == nullptr) return refused(request.version.empty() ? "NoSuchKey" : "NoSuchVersion");
  if (object->marker) return refused("MethodNotAllowed");
  bool bad = false;
  const auto range = meant_range(request.range, object->body->size(), bad);
  if (bad) return refused("InvalidRange");
  Expected expected;
  S3Reply& reply = expected.reply;
  reply.etag = object->etag;
  reply.checksum = object->checksum;
  reply.size = object->body->size();
  reply.mtime_ms = object->mtime_ms;
  reply.headers = object->headers;
  if (bucket_of(request.bucket)->versioned) reply.version = object->version;
  reply.part_count = object->part_sizes.size();
  reply.body = range ? object->body->substr(static_cast<std::size_t>(range->first),
                                            static_cast<std::size_t>(range->second) -
                                                static_cast<std::size_t>(range->first) + 1)
                     : *object->body;
  return expected;
}

Expected ReferenceS3::set_versioning(const S3Request& request) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  bucket->versioned = true;
  bucket->suspended = !request.enable;
  return {};
}

// For good; gone already is a success. What was before it comes to the front.
Expected ReferenceS3::erase_version(Bucket& bucket, const S3Request& request) {
  Expected expected;
  expected.reply.version = request.version;
  const Object* found = find_version(request.bucket, request.key, request.version);
  if (found == nullptr) return expected;
  if (!request.if_match.empty() && (found->marker || !names(request.if_match, found->etag)))
    return refused("PreconditionFailed");
  expected.reply.marker = found->marker;
  std::vector<Object> all = std::move(bucket.older[request.key]);
  bucket.older.erase(request.key);
  const auto current = bucket.objects.find(request.key);
  if (current != bucket.objects.end()) all.push_back(std::move(current->second));
  bucket.objects.erase(request.key);
  std::erase_if(all, [&](const Object& one) { return one.version == request.version; });
  if (!all.empty() && !all.back().marker) {
    bucket.objects[request.key] = std::move(all.back());
    all.pop_back();
  }
  if (!all.empty()) bucket.older[request.key] = std::move(all);
  return expected;
}

// A missing key is a success, unless the request names what must be there.
Expected ReferenceS3::erase(const S3Request& request, const Luck& luck) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  if (!request.version.empty()) return erase_version(*bucket, request);
  const auto current = bucket->objects.find(request.key);
  const bool exists = current != bucket->objects.end();
  if (!request.if_match.empty() && (!exists || !names(request.if_match, current->second.etag)))
    return refused("PreconditionFailed");
  if (!bucket->versioned) {
    if (exists) bucket->objects.erase(current);
    return {};
  }
  Expected expected;
  Object marker;
  marker.marker = true;
  marker.mtime_ms = luck.mtime_ms;
  expected.complaint = make_room(*bucket, request.key, marker, luck);
  expected.reply.marker = true;
  expected.reply.version = marker.version;
  bucket->older[request.key].push_back(std::move(marker));
  return expected;
}

// The copy is a single object, whatever the source was: its ETag is the MD5 of the bytes.
Expected ReferenceS3::copy(const S3Request& request, const Luck& luck) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr || bucket_of(request.source_bucket) == nullptr)
    return refused("NoSuchBucket");
  const Object* source =
      find_version(request.source_bucket, request.source_key, request.source_version);
  if (source == nullptr)
    return refused(request.source_version.empty() ? "NoSuchKey" : "NoSuchVersion");
  if (source->marker) return refused("InvalidRequest");
  Expected expected;
  judge_source(request, *source, expected.codes);
  judge_write(request, *bucket, expected.codes);
  if (request.bucket == request.source_bucket && request.key == request.source_key &&
      !request.replace_headers && request.source_version.empty())
    expected.codes.insert("InvalidRequest");
  if (!expected.codes.empty()) return expected;
  Object object = *source;
  object.version = "null";
  object.etag = md5_etag(*source->body);
  object.part_sizes.clear();
  const std::string kept = source->checksum.substr(0, source->checksum.find(' '));
  object.checksum =
      full_checksum(request.algorithm.empty() ? kept : request.algorithm, *source->body);
  if (request.replace_headers) object.headers = request.headers;
  object.mtime_ms = luck.mtime_ms;
  return store(*bucket, request.key, std::move(object), luck);
}

// --- uploads -----------------------------------------------------------------------------------

Expected ReferenceS3::create_upload(const S3Request& request, const Luck& luck) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  Expected expected;
  if (luck.upload_id.empty() || upload_order_.contains(luck.upload_id))
    expected.complaint = cat("the upload id '", luck.upload_id, "' is empty or was given before");
  const std::uint64_t order = upload_order_.size();
  upload_order_.emplace(luck.upload_id, order);
  Upload upload;
  upload.id = luck.upload_id;
  upload.key = request.key;
  upload.headers = request.headers;
  upload.algorithm = request.algorithm;
  bucket->uploads.emplace(order, std::move(upload));
  expected.reply.upload_id = luck.upload_id;
  return expected;
}

Expected ReferenceS3::put_part(const S3Request& request, const Luck& luck) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  Upload* upload = live_upload(*bucket, request);
  if (upload == nullptr || upload->done) return refused("NoSuchUpload");
  const std::string& given = request.promise.algorithm;
  Expected expected;
  judge_body(request, expected.codes);
  if (!upload->algorithm.empty() && !given.empty() && given != upload->algorithm)
    expected.codes.insert("InvalidRequest");
  if (!expected.codes.empty()) return expected;
  std::string algorithm = !upload->algorithm.empty() ? upload->algorithm : given;
  if (algorithm.empty()) algorithm = "CRC64NVME";
  Part part;
  part.body = request.body;
  part.etag = md5_etag(*request.body);
  part.checksum = full_checksum(algorithm, *request.body);
  part.mtime_ms = luck.mtime_ms;
  expected.reply.etag = part.etag;
  expected.reply.checksum = part.checksum;
  expected.reply.size = request.body->size();
  upload->parts[request.part] = std::move(part);
  return expected;
}

Expected ReferenceS3::copy_part(const S3Request& request, const Luck& luck) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  const Upload* upload = live_upload(*bucket, request);
  Expected expected;
  if (upload == nullptr || upload->done) expected.codes.insert("NoSuchUpload");
  if (bucket_of(request.source_bucket) == nullptr) expected.codes.insert("NoSuchBucket");
  const Object* source = find(request.source_bucket, request.source_key);
  if (source == nullptr) expected.codes.insert("NoSuchKey");
  if (source == nullptr || !expected.codes.empty()) return expected;
  judge_source(request, *source, expected.codes);
  S3Request put = request;
  put.promise = {};
  put.body = source->body;
  if (!request.range.empty()) {  // Exactly first-last, and inside the source.
    bool bad = false;
    const auto range = meant_range(request.range, UINT64_MAX, bad);
    if (!range) expected.codes.insert("InvalidArgument");
    else if (range->second >= source->body->size()) expected.codes.insert("InvalidRange");
    else
      put.body = std::make_shared<const std::string>(
          source->body->substr(static_cast<std::size_t>(range->first),
                               static_cast<std::size_t>(range->second - range->first + 1)));
  }
  if (!expected.codes.empty()) return expected;
  return put_part(put, luck);
}

Expected ReferenceS3::list_parts(const S3Request& request) const {
  const Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  const Upload* upload = find_upload(request.bucket, request.upload_id);
  if (upload == nullptr || upload->done || upload->key != request.key)
    return refused("NoSuchUpload");
  Expected expected;
  if (request.count_max == 0) return expected;
  for (const auto& [number, part] : upload->parts) {
    if (number <= request.after_part) continue;
    if (expected.reply.entries.size() == request.count_max) {
      expected.reply.truncated = true;
      break;
    }
    expected.reply.entries.push_back(
        {cat(number), {}, part.etag, part.checksum, part.body->size(), part.mtime_ms});
  }
  return expected;
}

// By key, then in the order of their creation. The second marker goes on inside its key.
Expected ReferenceS3::list_uploads(const S3Request& request) const {
  const Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  Expected expected;
  S3Reply& reply = expected.reply;
  if (request.count_max == 0) return expected;
  std::map<std::pair<std::string, std::uint64_t>, const Upload*> ordered;
  for (const auto& [order, upload] : bucket->uploads)
    if (!upload.done && upload.key.starts_with(request.prefix))
      ordered.emplace(std::pair(upload.key, order), &upload);
  const auto marker = upload_order_.find(request.after_id);
  for (const auto& [place, upload] : ordered) {
    const std::string& key = place.first;
    std::string group;
    if (!request.delimiter.empty()) {
      const std::size_t at = key.find(request.delimiter, request.prefix.size());
      if (at != std::string::npos) group = key.substr(0, at + request.delimiter.size());
    }
    const std::string& name = group.empty() ? key : group;
    const bool inside = group.empty() && key == request.after && marker != upload_order_.end() &&
                        place.second > marker->second;
    if (name <= request.after && !inside) continue;
    if (!group.empty() && !reply.prefixes.empty() && reply.prefixes.back() == group) continue;
    if (reply.entries.size() + reply.prefixes.size() == request.count_max) {
      reply.truncated = true;
      break;
    }
    reply.next = name;
    reply.next_id = group.empty() ? upload->id : std::string();
    if (group.empty()) reply.entries.push_back({key, upload->id, {}, {}, 0, 0});
    else reply.prefixes.push_back(group);
  }
  if (!reply.truncated) reply.next.clear(), reply.next_id.clear();
  return expected;
}

Expected ReferenceS3::complete(const S3Request& request, const Luck& luck) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  Upload* upload = live_upload(*bucket, request);
  if (upload == nullptr) return refused("NoSuchUpload");
  std::string md5s;  // Raw, one behind another.
  std::string body, digests;
  std::vector<std::uint64_t> sizes;
  Expected expected;
  for (const WantedPart& wanted : request.parts) {
    const std::optional<Bytes> raw = hex_decode(wanted.etag);
    if (raw) md5s.append(as_text(*raw));
    if (upload->done) continue;
    const auto found = upload->parts.find(wanted.number);
    if (found == upload->parts.end() || found->second.etag != wanted.etag) {
      expected.codes.insert("InvalidPart");
      continue;
    }
    const Part& part = found->second;
    const bool last = &wanted == &request.parts.back();
    if (!last && part.body->size() < part_bytes_min_) expected.codes.insert("EntityTooSmall");
    if (!upload->algorithm.empty()) {
      if (wanted.checksum.empty() && is_composite(upload->algorithm))
        expected.codes.insert("InvalidRequest");
      if (!wanted.checksum.empty() && wanted.checksum != base64_of(part.checksum))
        expected.codes.insert("InvalidPart");
      digests.append(as_text(raw_digest(upload->algorithm, *part.body)));
    }
    sizes.push_back(part.body->size());
    body += *part.body;
  }
  const std::string etag = cat(md5_etag(md5s), "-", request.parts.size());
  if (upload->done) {  // The same Complete again gets the same answer.
    if (etag != upload->done_etag) return refused("NoSuchUpload");
    expected.reply.etag = etag;
    expected.reply.version = upload->done_version;
    return expected;
  }
  if (request.object_size && *request.object_size != body.size())
    expected.codes.insert("InvalidRequest");
  judge_write(request, *bucket, expected.codes);
  if (!expected.codes.empty()) return expected;
  Object object;
  object.etag = etag;
  if (upload->algorithm.empty()) object.checksum = full_checksum("CRC64NVME", body);
  else if (is_composite(upload->algorithm))
    object.checksum = cat(upload->algorithm, " COMPOSITE ",
                          base64_encode(raw_digest(upload->algorithm, digests)), "-", sizes.size());
  else object.checksum = full_checksum(upload->algorithm, body);
  object.body = std::make_shared<const std::string>(std::move(body));
  object.headers = upload->headers;
  object.mtime_ms = luck.mtime_ms;
  object.part_sizes = std::move(sizes);
  upload->done = true;
  upload->done_etag = etag;
  upload->parts.clear();
  Expected stored = store(*bucket, request.key, std::move(object), luck);
  upload->done_version = expected.reply.version = stored.reply.version;
  expected.complaint = std::move(stored.complaint);
  expected.reply.etag = etag;  // The rest is seen by a GET.
  return expected;
}

Expected ReferenceS3::abort(const S3Request& request) {
  Bucket* bucket = bucket_of(request.bucket);
  if (bucket == nullptr) return refused("NoSuchBucket");
  const Upload* upload = live_upload(*bucket, request);
  if (upload == nullptr || upload->done) return refused("NoSuchUpload");
  bucket->uploads.erase(upload_order_.find(request.upload_id)->second);
  return {};
}

}  // namespace creel::test
