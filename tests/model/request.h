// What is asked of an S3 service and what it answers, as plain values: the language that the
// reference model, the real store and the generator of operations share.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace creel::test {

enum class Verb : std::uint8_t {
  kCreateBucket,
  kDeleteBucket,
  kListBuckets,
  kPut,
  kGet,
  kDelete,
  kCopy,
  kList,
  kListVersions,
  kCreateUpload,
  kPutPart,
  kCopyPart,
  kListParts,
  kListUploads,
  kComplete,
  kAbort,
  kSetVersioning,
};

using Text = std::shared_ptr<const std::string>;  // An immutable body: copies of a state share it.
using HeaderMap = std::map<std::string, std::string>;

// What a client says of the body it sends.
struct Promise {
  std::string algorithm;  // CRC32 CRC32C CRC64NVME SHA1 SHA256; empty: none.
  bool wrong_checksum = false;
  bool md5 = false;
  bool wrong_md5 = false;
  bool wrong_length = false;
};

struct WantedPart {
  unsigned number = 0;
  std::string etag;
  std::string checksum;  // Base64; empty: not said.
};

struct S3Request {
  Verb verb = Verb::kGet;
  std::string bucket, key;
  Text body;
  Promise promise;
  HeaderMap headers;
  std::string if_match, if_none_match;  // Of a write. Empty: absent.
  std::string version;  // Of a GET or DELETE. Empty: the current one.
  bool enable = false;  // Of versioning; else suspend.
  std::string source_bucket, source_key, source_version;
  std::string source_if_match, source_if_none_match;
  bool replace_headers = false;
  std::string range;  // Of a GET or a part's copy, as the header says it. Empty: absent.
  std::string algorithm;  // Of a copy or an upload.
  std::string upload_id;
  unsigned part = 0;
  std::vector<WantedPart> parts;
  std::optional<std::uint64_t> object_size;
  std::string prefix, delimiter;
  std::string after, after_id;  // Marker, and the second one of uploads.
  unsigned after_part = 0;
  std::size_t count_max = 1000;
};

struct Entry {
  std::string name;  // A bucket, a key, a part's number.
  std::string id;  // Version or upload.
  std::string etag;
  std::string checksum;
  std::uint64_t size = 0;
  std::int64_t mtime_ms = 0;
  bool latest = false;  // Of a version.
  bool marker = false;  // A delete marker.
  bool operator==(const Entry&) const = default;
};

struct S3Reply {
  std::string code;  // Empty: done.
  std::string etag;
  std::string checksum;  // "ALGORITHM TYPE base64".
  std::uint64_t size = 0;
  std::int64_t mtime_ms = 0;
  HeaderMap headers;
  std::uint64_t part_count = 0;
  std::string body;
  std::string upload_id;
  std::string version;  // Empty: the bucket never had versions.
  bool marker = false;  // Of a delete: a delete marker was made or removed.
  std::vector<Entry> entries;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string next, next_id;
  bool operator==(const S3Reply&) const = default;
};

}  // namespace creel::test
