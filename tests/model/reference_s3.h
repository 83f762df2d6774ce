// The reference: what S3 means (the project's S3 sheet), in memory, in the plainest way. No
// cleverness, no indexes, nothing shared with the product but the primitive digests. A feature of
// the product is added here in the same commit.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/model/request.h"

namespace creel::test {

// What S3 leaves to the server: known only from its answer.
struct Luck {
  std::int64_t mtime_ms = 0;
  std::string upload_id;
  std::string version;
};

// What the model allows. Where several refusals hold, S3 does not say which one is told.
struct Expected {
  std::set<std::string> codes;  // Empty: it must succeed, with `reply`.
  S3Reply reply;
  std::string complaint;  // Not empty: the luck itself is impossible.
};
inline Expected refused(std::string code) {
  Expected expected;
  expected.codes.insert(std::move(code));
  return expected;
}

class ReferenceS3 {
 public:
  explicit ReferenceS3(std::uint64_t part_bytes_min) : part_bytes_min_(part_bytes_min) {}

  struct Part {
    Text body;
    std::string etag, checksum;
    std::int64_t mtime_ms = 0;
  };
  struct Object {
    Text body;
    std::string etag, checksum;
    HeaderMap headers;
    std::int64_t mtime_ms = 0;
    std::vector<std::uint64_t> part_sizes;  // Empty: a single PUT.
    std::string version = "null";
    bool marker = false;  // A delete marker: no body.
  };
  struct Upload {
    std::string id, key, algorithm;  // Algorithm: empty if none was chosen.
    HeaderMap headers;
    std::map<unsigned, Part> parts;
    bool done = false;
    std::string done_etag, done_version;
  };
  struct Bucket {
    std::map<std::string, Object> objects;  // Current versions that are no markers.
    std::map<std::string, std::vector<Object>> older;  // The rest of each key, oldest first.
    bool versioned = false;  // Ever.
    bool suspended = false;
    std::map<std::uint64_t, Upload> uploads;  // By order of creation.
  };

  // Performs one request. `luck` comes from the server's own answer.
  Expected apply(const S3Request& request, const Luck& luck);

  // For generators: what there is to be named.
  const std::map<std::string, Bucket>& buckets() const { return buckets_; }
  const Object* find(const std::string& bucket, const std::string& key) const;
  const Object* find_version(const std::string& bucket, const std::string& key,
                             const std::string& version) const;
  bool knows_version(const std::string& id) const { return versions_.contains(id); }
  const Upload* find_upload(const std::string& bucket, const std::string& id) const;
  bool knows_upload(const std::string& id) const { return upload_order_.contains(id); }

 private:
  Expected create_bucket(const S3Request& request);
  Expected delete_bucket(const S3Request& request);
  Expected list_buckets(const S3Request& request) const;
  Expected put(const S3Request& request, const Luck& luck);
  Expected get(const S3Request& request) const;
  Expected erase(const S3Request& request, const Luck& luck);
  Expected copy(const S3Request& request, const Luck& luck);
  Expected list(const S3Request& request) const;
  Expected list_versions(const S3Request& request) const;
  Expected erase_version(Bucket& bucket, const S3Request& request);
  Expected set_versioning(const S3Request& request);
  Expected create_upload(const S3Request& request, const Luck& luck);
  Expected put_part(const S3Request& request, const Luck& luck);
  Expected copy_part(const S3Request& request, const Luck& luck);
  Expected list_parts(const S3Request& request) const;
  Expected list_uploads(const S3Request& request) const;
  Expected complete(const S3Request& request, const Luck& luck);
  Expected abort(const S3Request& request);

  Bucket* bucket_of(const std::string& name);
  const Bucket* bucket_of(const std::string& name) const;
  static Upload* live_upload(Bucket& bucket, const S3Request& request);
  void judge_write(const S3Request& request, const Bucket& bucket,
                   std::set<std::string>& codes) const;
  Expected store(Bucket& bucket, const std::string& key, Object object, const Luck& luck);
  // Names the new version, and moves or removes what was there.
  std::string make_room(Bucket& bucket, const std::string& key, Object& object, const Luck& luck);

  std::uint64_t part_bytes_min_;
  std::map<std::string, Bucket> buckets_;
  std::map<std::string, std::uint64_t> upload_order_;  // Ids ever given, never forgotten.
  std::set<std::string> versions_;                     // The same.
};

// Digests as S3 writes them.
std::string md5_etag(const std::string& body);
// "ALGORITHM FULL_OBJECT base64" of a body.
std::string full_checksum(const std::string& algorithm, const std::string& body);
std::string base64_of(const std::string& checksum);  // The last word of it.

// [first, last] that a Range header means for a size; nullopt: everything. `bad`: not satisfiable.
std::optional<std::pair<std::uint64_t, std::uint64_t>> meant_range(const std::string& header,
                                                                   std::uint64_t size, bool& bad);

}  // namespace creel::test
