#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "s3/wire/error.h"
#include "s3/wire/uri.h"

namespace creel::s3 {

inline constexpr std::uint32_t kListKeysMax = 1000;
inline constexpr std::uint32_t kListBucketsMax = 10'000;

// What all listings of keys share. Numbers are the default and ceiling applied already.
struct ListParams {
  std::string prefix;
  std::string delimiter;      // Empty is absent.
  bool encoding_url = false;  // encoding-type=url
  std::uint32_t count_max = kListKeysMax;
};

struct ListObjectsParams : ListParams {
  bool v2 = false;
  std::string marker;  // V1, as asked.
  // V2.
  std::optional<std::string> continuation_token;  // As asked, to be echoed, even if empty.
  std::optional<std::string> start_after;
  bool fetch_owner = false;
  // Where to go on, exclusively: the token's key, else start-after or marker. Empty is the
  // beginning.
  std::string after;
};
// ListObjects, or ListObjectsV2 if `list-type=2`. Errors: InvalidArgument.
S3Result<ListObjectsParams> parse_list_objects(const Query& query);

struct ListVersionsParams : ListParams {
  std::string key_marker;
  std::string version_id_marker;
};
S3Result<ListVersionsParams> parse_list_versions(const Query& query);

struct ListUploadsParams : ListParams {
  std::string key_marker;
  std::string upload_id_marker;  // Without a key marker it is dropped, as AWS does.
};
S3Result<ListUploadsParams> parse_list_uploads(const Query& query);

struct ListPartsParams {
  std::string upload_id;
  std::uint32_t count_max = kListKeysMax;
  std::uint32_t part_number_marker = 0;
  bool encoding_url = false;
};
S3Result<ListPartsParams> parse_list_parts(const Query& query);

struct ListBucketsParams {
  std::string prefix;
  std::optional<std::string> region;  // bucket-region
  std::uint32_t count_max = kListBucketsMax;
  std::string after;  // From continuation-token.
};
S3Result<ListBucketsParams> parse_list_buckets(const Query& query);

// An opaque, printable token that stands for a name, and back; nullopt if it is none of ours.
std::string encode_list_token(std::string_view name);
std::optional<std::string> decode_list_token(std::string_view token);

// A name as a listing shows it: percent-encoded but for '/' if asked, else as it is.
std::string listed_name(std::string_view name, bool encoding_url);

}  // namespace creel::s3
