#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/header_list.h"

namespace creel::s3 {

// One header field as it came; the name in any case, the value trimmed by the HTTP parser or not.
using HeaderField = creel::Header;

// A borrowed list of header fields in arrival order. Look-ups ignore the case of names.
class Headers {
 public:
  Headers() = default;
  Headers(std::span<const HeaderField> fields) : fields_(fields) {}

  // The first field of that name, trimmed; nullopt if there is none.
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;
  // All fields of that name joined by ','; nullopt if there is none.
  std::optional<std::string> joined(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::span<const HeaderField> fields_;
};

// The fields of a message, to be borrowed by Headers. Views into `list`, which must not change.
std::vector<HeaderField> header_fields(const HeaderList& list);

// What the signature covers, as it stood in the request line: nothing decoded, nothing folded.
struct RequestHead {
  std::string_view method;
  std::string_view raw_path;   // From '/' up to '?'.
  std::string_view raw_query;  // After '?', may be empty.
  Headers headers;
};

}  // namespace creel::s3
