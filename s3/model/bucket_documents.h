#pragma once
#include <cstdint>
#include <string>

#include "platform/base/result.h"
#include "store/index/rows.h"

namespace creel::s3 {

// Settings of a bucket that are documents as a client put them. Numbers are on disk: never reuse.
enum class BucketDocument : std::uint8_t {
  kTagging = 1,
  kCors = 2,
  kPolicy = 3,
  kPublicAccessBlock = 4,
  kOwnershipControls = 5,
  kLifecycle = 6,
  kEncryption = 7,
  kNotification = 8,
  kAcl = 9,
  kLogging = 10,
  kWebsite = 11,
  kLast = kWebsite,
};
// An operation must hold one (store::kMetaBytesMax).
inline constexpr std::size_t kBucketDocumentBytesMax = 512 * 1024;

constexpr std::uint32_t document_bit(BucketDocument kind) {
  return std::uint32_t{1} << static_cast<unsigned>(kind);
}

// As put; empty: none. BucketRecord::document_kinds says without a look whether there is one.
// Errors: kCorrupt, kIo.
Result<std::string> load_bucket_document(const store::RowReader& rows, std::uint64_t bucket_id,
                                         BucketDocument kind);
void put_bucket_document(store::StagedRows& rows, std::uint64_t bucket_id, BucketDocument kind,
                         std::uint64_t lsn, std::int64_t time_ms, std::string_view document);
Result<Unit> erase_bucket_document(store::StagedRows& rows, std::uint64_t bucket_id,
                                   BucketDocument kind);

}  // namespace creel::s3
