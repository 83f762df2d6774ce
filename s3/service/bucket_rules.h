#pragma once
#include <array>
#include <memory>

#include "s3/model/records.h"
#include "s3/service/access.h"

namespace creel::s3 {

// What the documents of buckets say about rights, read and parsed once a change. A bucket that has
// none costs nothing. Bounded: one entry a slot, the newest stays. Loop thread only.
class RulesCache {
 public:
  // `defaults` where a bucket says nothing; it outlives the answer. Errors: kCorrupt, kIo. A policy
  // that does not parse any more denies everybody but those who may mend it.
  Result<std::shared_ptr<const BucketRules>> get(const store::RowReader& rows,
                                                 std::string_view name, const BucketRecord& bucket,
                                                 const BucketRules& defaults);

 private:
  struct Entry {
    std::uint64_t bucket = 0, settings_lsn = 0;
    std::shared_ptr<const BucketRules> rules;
  };
  std::array<Entry, 64> entries_;
};

// The document of kPolicy: the text as put, behind '!' if it binds the bucket's owner too.
inline constexpr char kBindsOwner = '!';
std::string_view policy_text(std::string_view document);

// The documents of the other kinds.
std::string encode_block(const PublicAccessBlock& block);
PublicAccessBlock decode_block(std::string_view document);
// Of kOwnershipControls: a name, or this where the controls were taken away.
inline constexpr std::string_view kNoOwnershipControls = "-";

}  // namespace creel::s3
