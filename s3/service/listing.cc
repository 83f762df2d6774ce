#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/service/list_prefix.h"

namespace creel::s3 {
std::optional<std::string> after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<std::uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  return prefix;
}

std::string common_prefix(std::string_view key, const ListArguments& arguments) {
  if (arguments.delimiter.empty()) return {};
  const std::size_t at = key.find(arguments.delimiter, arguments.prefix.size());
  if (at == std::string_view::npos) return {};
  return std::string(key.substr(0, at + arguments.delimiter.size()));
}

S3Result<std::vector<ListedBucket>> ObjectService::list_buckets(std::string_view prefix,
                                                                std::string_view after,
                                                                std::size_t count_max,
                                                                std::string_view owner) const {
  std::vector<ListedBucket> buckets;
  TRY(cursor, log_.rows().cursor(store::Table::kBucket));
  const std::string from = after >= prefix ? std::string(after) + '\0' : std::string(prefix);
  TRY(found, cursor->seek(from));
  for (bool more = found; more && buckets.size() <= count_max;) {
    if (!cursor->key().starts_with(prefix)) break;
    TRY(record, BucketRecord::decode(cursor->value()));
    if (owner.empty() || record.owner == owner)
      buckets.push_back({std::string(cursor->key()), std::move(record)});
    TRY(next, cursor->next());
    more = next;
  }
  return buckets;
}

// Walks the bucket's rows from `after` on; behind a common prefix it seeks past the whole prefix,
// so a page costs its entries and not what they hide.
S3Result<ListOutcome> ObjectService::list(const ListArguments& arguments) const {
  TRY(bucket, find_bucket(arguments.bucket));
  ListOutcome outcome;
  if (arguments.count_max == 0) return outcome;
  const std::string base = be64_key(bucket.id);
  TRY(cursor, log_.rows().cursor(store::Table::kObject));
  std::string from = arguments.prefix;
  if (!arguments.after.empty() && arguments.after >= arguments.prefix) {
    // A marker inside (or at) a common prefix skips that prefix (s3.md §7).
    const std::string hidden = arguments.after.starts_with(arguments.prefix)
                                   ? common_prefix(arguments.after, arguments)
                                   : std::string();
    if (hidden.empty()) {
      from = arguments.after + '\0';
    } else {
      const std::optional<std::string> next = after_prefix(hidden);
      if (!next) return outcome;
      from = *next;
    }
  }
  TRY(found, cursor->seek(base + from));
  bool more = found;
  while (more) {
    const std::string_view row = cursor->key();
    if (!row.starts_with(base)) break;
    const std::string_view key = row.substr(base.size());
    if (!key.starts_with(arguments.prefix)) break;
    if (outcome.objects.size() + outcome.common_prefixes.size() == arguments.count_max) {
      outcome.truncated = true;
      break;
    }
    std::string hidden = common_prefix(key, arguments);
    if (hidden.empty()) {
      TRY(record, ObjectRecord::decode(cursor->value()));
      outcome.next = std::string(key);
      outcome.objects.push_back({std::string(key), std::move(record)});
      TRY(next, cursor->next());
      more = next;
      continue;
    }
    const std::optional<std::string> skip = after_prefix(hidden);
    outcome.next = hidden;
    outcome.common_prefixes.push_back(std::move(hidden));
    if (!skip) break;
    TRY(next, cursor->seek(base + *skip));
    more = next;
  }
  if (!outcome.truncated) outcome.next.clear();
  return outcome;
}

S3Result<ListPartsOutcome> ObjectService::list_parts(std::string_view bucket, std::string_view key,
                                                     std::string_view upload_id,
                                                     std::uint32_t after,
                                                     std::size_t count_max) const {
  ListPartsOutcome outcome;
  TRY(upload, find_upload(bucket, key, upload_id));
  outcome.upload = std::move(upload);
  if (after >= 10'000 || count_max == 0) return outcome;
  const std::uint64_t lsn = *upload_lsn(upload_id);
  TRY(cursor, log_.rows().cursor(store::Table::kPart));
  TRY(found, cursor->seek(part_key(lsn, static_cast<std::uint16_t>(after + 1))));
  for (bool more = found; more && cursor->key().starts_with(be64_key(lsn));) {
    if (outcome.parts.size() == count_max) {
      outcome.truncated = true;
      break;
    }
    const auto number = load_be<std::uint16_t>(as_bytes(cursor->key()), 8);
    TRY(record, PartRecord::decode(cursor->value()));
    outcome.parts.push_back({number, std::move(record)});
    TRY(next, cursor->next());
    more = next;
  }
  return outcome;
}

S3Result<ListUploadsOutcome> ObjectService::list_uploads(const ListArguments& arguments,
                                                         std::string_view upload_id_marker) const {
  TRY(bucket, find_bucket(arguments.bucket));
  ListUploadsOutcome outcome;
  if (arguments.count_max == 0) return outcome;
  const std::string base = be64_key(bucket.id);
  TRY(cursor, log_.rows().cursor(store::Table::kUpload));
  // With an upload id the marker's own key may go on behind it; without one the key is done.
  const std::optional<std::uint64_t> marker_lsn = upload_lsn(upload_id_marker);
  std::string from = base + std::max(arguments.prefix, arguments.after);
  if (marker_lsn && *marker_lsn < UINT64_MAX && arguments.after >= arguments.prefix)
    from = upload_key(bucket.id, arguments.after, *marker_lsn + 1);
  TRY(found, cursor->seek(from));
  std::string last_prefix = arguments.after.starts_with(arguments.prefix)
                                ? common_prefix(arguments.after, arguments)
                                : std::string();
  for (bool more = found; more && cursor->key().starts_with(base);) {
    const std::string_view row = cursor->key();
    const std::string key(row.substr(base.size(), row.size() - base.size() - 8));
    if (!key.starts_with(arguments.prefix)) break;
    TRY(record, UploadRecord::decode(cursor->value()));
    std::string hidden = common_prefix(key, arguments);
    const bool behind = key > arguments.after || (marker_lsn && key == arguments.after);
    const bool shown = behind && !record.completed && (hidden.empty() || hidden != last_prefix);
    if (shown) {
      if (outcome.uploads.size() + outcome.common_prefixes.size() == arguments.count_max) {
        outcome.truncated = true;
        break;
      }
      outcome.next_key = hidden.empty() ? key : hidden;
      outcome.next_upload_id = hidden.empty() ? record.upload_id : std::string();
      if (hidden.empty()) {
        outcome.uploads.push_back({key, std::move(record)});
      } else {
        outcome.common_prefixes.push_back(hidden);
        last_prefix = std::move(hidden);
      }
    }
    TRY(next, cursor->next());
    more = next;
  }
  return outcome;
}

}  // namespace creel::s3
