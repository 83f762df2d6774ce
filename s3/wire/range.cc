#include "s3/wire/range.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::uint64_t kPartNumberMax = 10'000;

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::uint64_t number_or_max(std::string_view digits) {
  const std::optional<std::uint64_t> value = parse_u64(digits);
  return value ? *value : UINT64_MAX;
}

// The part behind "bytes="; nullopt for another unit.
std::optional<std::string_view> byte_set(std::string_view header) {
  constexpr std::string_view kUnit = "bytes=";
  if (header.size() < kUnit.size() || !equal_ignore_case(header.substr(0, kUnit.size()), kUnit))
    return std::nullopt;
  return header.substr(kUnit.size());
}

S3Error unsatisfiable(std::string_view header, std::uint64_t size) {
  return s3_fail(S3Code::kInvalidRange)
      .with("RangeRequested", std::string(header))
      .with("ActualObjectSize", cat(size))
      .with_header("content-range", cat("bytes */", size));
}

}  // namespace

RangeRequest parse_range(std::optional<std::string_view> header) {
  using Kind = RangeRequest::Kind;
  if (!header) return {};
  const std::optional<std::string_view> set = byte_set(trim(*header));
  if (!set) return {};
  const std::size_t dash = set->find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first = set->substr(0, dash);
  const std::string_view last = set->substr(dash + 1);
  if (first.empty()) {
    if (!is_digits(last)) return {};
    return {.kind = Kind::kSuffix, .suffix = number_or_max(last)};
  }
  if (!is_digits(first)) return {};
  if (last.empty()) return {.kind = Kind::kFirst, .first = number_or_max(first)};
  if (!is_digits(last)) return {};
  const RangeRequest range{
      .kind = Kind::kFirstLast, .first = number_or_max(first), .last = number_or_max(last)};
  return range.last < range.first ? RangeRequest{} : range;
}

S3Result<std::optional<ByteRange>> resolve_range(const RangeRequest& range, std::uint64_t size,
                                                 std::string_view header) {
  using Kind = RangeRequest::Kind;
  using Answer = std::optional<ByteRange>;
  if (range.kind == Kind::kWhole) return Answer{};
  if (size == 0) return unsatisfiable(header, size);
  if (range.kind == Kind::kSuffix) {
    if (range.suffix == 0) return unsatisfiable(header, size);
    return Answer(ByteRange{size - std::min(size, range.suffix), size - 1});
  }
  if (range.first >= size) return unsatisfiable(header, size);
  if (range.kind == Kind::kFirst) return Answer(ByteRange{range.first, size - 1});
  return Answer(ByteRange{range.first, std::min(range.last, size - 1)});
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return cat("bytes ", range.first, "-", range.last, "/", size);
}

S3Result<ByteRange> parse_copy_range(std::string_view header) {
  const std::string_view text = trim(header);
  const std::size_t dash = text.find('-');
  constexpr std::string_view kUnit = "bytes=";
  if (text.starts_with(kUnit) && dash != std::string_view::npos) {
    const std::string_view first = text.substr(kUnit.size(), dash - kUnit.size());
    const std::string_view last = text.substr(dash + 1);
    if (is_digits(first) && is_digits(last)) {
      const ByteRange range{number_or_max(first), number_or_max(last)};
      if (range.first <= range.last) return range;
    }
  }
  return invalid_argument(
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last "
      "are the zero-based offsets of the first and last bytes to copy",
      "x-amz-copy-source-range", header);
}

S3Result<Unit> check_copy_range(const ByteRange& range, std::uint64_t size,
                                std::string_view header) {
  if (range.last < size) return Unit{};
  return unsatisfiable(header, size);
}

S3Result<std::uint32_t> parse_part_number(std::string_view text) {
  const std::optional<std::uint64_t> number = parse_u64(text);
  if (number && *number >= 1 && *number <= kPartNumberMax)
    return static_cast<std::uint32_t>(*number);
  return invalid_argument("Part number must be an integer between 1 and 10000, inclusive.",
                          "partNumber", text);
}

S3Error part_number_beyond(std::uint32_t asked, std::uint32_t parts) {
  return s3_fail(S3Code::kInvalidPartNumber)
      .with("ActualPartCount", cat(parts))
      .with("PartNumberRequested", cat(asked));
}

}  // namespace creel::s3
