#include "platform/http/header_list.h"

#include <algorithm>

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel {

HeaderList& HeaderList::add(std::string_view name, std::string_view value) {
  check(text_.size() + name.size() + value.size() <= UINT32_MAX);
  const auto at = static_cast<std::uint32_t>(text_.size());
  const auto name_bytes = static_cast<std::uint32_t>(name.size());
  fields_.push_back({at, name_bytes, at + name_bytes, static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
  return *this;
}

HeaderList& HeaderList::add(std::string_view name, std::uint64_t number) {
  return add(name, std::string_view(cat(number)));
}

HeaderList& HeaderList::set(std::string_view name, std::string_view value) {
  remove(name);
  return add(name, value);
}

void HeaderList::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) {
    return equal_ignore_case(std::string_view(text_).substr(field.name_at, field.name_bytes), name);
  });
}

void HeaderList::clear() {
  text_.clear();
  fields_.clear();
}

Header HeaderList::operator[](std::size_t at) const {
  check(at < fields_.size());
  const Field& field = fields_[at];
  const std::string_view text(text_);
  return {text.substr(field.name_at, field.name_bytes),
          text.substr(field.value_at, field.value_bytes)};
}

std::optional<std::string_view> HeaderList::find(std::string_view name) const {
  for (const Header header : *this)
    if (equal_ignore_case(header.name, name)) return header.value;
  return std::nullopt;
}

std::size_t HeaderList::count(std::string_view name) const {
  std::size_t found = 0;
  for (const Header header : *this) found += equal_ignore_case(header.name, name);
  return found;
}

std::vector<std::string_view> HeaderList::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Header header : *this)
    if (equal_ignore_case(header.name, name)) values.push_back(header.value);
  return values;
}

bool HeaderList::has_token(std::string_view name, std::string_view token) const {
  for (const Header header : *this) {
    if (!equal_ignore_case(header.name, name)) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (equal_ignore_case(trim(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

}  // namespace creel
