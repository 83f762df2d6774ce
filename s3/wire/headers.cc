#include "s3/wire/headers.h"

#include "platform/base/text.h"

namespace creel::s3 {

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const HeaderField& field : fields_)
    if (equal_ignore_case(field.name, name)) return trim(field.value);
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  std::size_t found = 0;
  for (const HeaderField& field : fields_)
    if (equal_ignore_case(field.name, name)) ++found;
  return found;
}

std::optional<std::string> Headers::joined(std::string_view name) const {
  std::optional<std::string> all;
  for (const HeaderField& field : fields_) {
    if (!equal_ignore_case(field.name, name)) continue;
    if (all) all->append(",").append(trim(field.value));
    else all.emplace(trim(field.value));
  }
  return all;
}

std::vector<HeaderField> header_fields(const HeaderList& list) {
  std::vector<HeaderField> fields;
  fields.reserve(list.size());
  for (const Header field : list) fields.push_back(field);
  return fields;
}

}  // namespace creel::s3
