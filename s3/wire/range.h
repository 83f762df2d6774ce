#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "s3/wire/error.h"

namespace creel::s3 {

// A Range header as asked: first-last, first-, or the last `suffix` bytes. Numbers that do not fit
// are held at their maximum, which no object reaches.
struct RangeRequest {
  enum class Kind : unsigned char { kWhole, kFirstLast, kFirst, kSuffix };
  Kind kind = Kind::kWhole;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t suffix = 0;
};
// One byte range. Whatever is malformed, inverted, of another unit or several ranges is kWhole: S3
// answers these with everything.
RangeRequest parse_range(std::optional<std::string_view> header);

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // Included.
  std::uint64_t length() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};
// The bytes of an object of `size` that are meant; nullopt is the whole object, as 200.
// `header` is echoed. Errors: 416 InvalidRange with RangeRequested, ActualObjectSize,
// content-range.
S3Result<std::optional<ByteRange>> resolve_range(const RangeRequest& range, std::uint64_t size,
                                                 std::string_view header);

// "bytes 0-9/100"
std::string content_range(const ByteRange& range, std::uint64_t size);

// x-amz-copy-source-range: exactly `bytes=first-last`. Errors: InvalidArgument.
S3Result<ByteRange> parse_copy_range(std::string_view header);
// Errors: 416 InvalidRange if it reaches beyond `size`.
S3Result<Unit> check_copy_range(const ByteRange& range, std::uint64_t size,
                                std::string_view header);

// 1…10000. Errors: InvalidArgument with ArgumentName partNumber.
S3Result<std::uint32_t> parse_part_number(std::string_view text);
// 416 InvalidPartNumber for a `?partNumber` beyond the last.
S3Error part_number_beyond(std::uint32_t asked, std::uint32_t parts);

}  // namespace creel::s3
