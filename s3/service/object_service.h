#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/http/body.h"
#include "platform/platform.h"
#include "s3/model/model.h"
#include "s3/service/blobs.h"
#include "s3/service/log.h"
#include "s3/wire/checksum.h"
#include "s3/wire/error.h"

namespace creel::s3 {

// The meaning of the S3 operations over a Log and Blobs, the same for edge and core; routes/ turns
// HTTP into these calls, replicate/ calls the receiving ones. Nothing here is cached across
// co_await but immutable records. Loop thread only.

struct PutArguments {
  std::string bucket, key;
  std::vector<Header> headers;          // Stored system and user metadata.
  std::optional<std::uint64_t> size;    // Decoded length, if the client told it.
  Conditions conditions;
  Checksum checksum_wanted;             // Algorithm (and value) the client gave; may come by trailer.
  std::optional<std::string> content_md5;  // Raw 16 bytes.
};

struct WriteOutcome {
  std::string etag;        // Without quotes.
  std::string version_id;  // Empty: unversioned.
  std::int64_t mtime_ms = 0;
  std::uint64_t size = 0;
  Checksum checksum;
};

// One object opened for reading: the record as of now and where to read it. The bytes stay readable
// unless the object is replaced or deleted meanwhile; then read() re-checks and reports kNotFound.
struct OpenedObject {
  std::string bucket, key;
  std::uint64_t bucket_id = 0;
  ObjectRecord record;
  std::string replication_status;  // "", PENDING, COMPLETED, FAILED or REPLICA.
};

struct ListArguments {
  std::string bucket, prefix, delimiter;
  std::string after;               // First key > after (marker, start-after or token).
  std::size_t keys_max = 1'000;    // Keys and common prefixes together.
};
struct ListedObject {
  std::string key;
  std::uint64_t size = 0;
  std::int64_t mtime_ms = 0;
  std::string etag;
  Checksum checksum;
};
struct ListOutcome {
  std::vector<ListedObject> objects;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next;                // Pass as `after` to go on.
};

struct UploadArguments {
  std::string bucket, key, owner;
  std::vector<Header> headers;
  Checksum checksum;
};
struct ListedUpload {
  std::string key, upload_id, owner;
  std::int64_t initiated_ms = 0;
  Checksum checksum;
};
struct ListedPart {
  std::uint16_t number = 0;
  PartRecord record;
};

// The replication feed's view of a bucket: who is told which objects wait. Implemented in app/.
class ReplicationStatus {
 public:
  // "", PENDING, COMPLETED or FAILED for an object written by operation `lsn`.
  virtual std::string status(std::string_view bucket, std::string_view key, std::uint64_t lsn) const = 0;

 protected:
  ~ReplicationStatus() = default;
};

}  // namespace creel::s3
