#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace creel {

struct Header {
  std::string_view name;
  std::string_view value;
};

// Header fields in order, names written as given and found in any case. All text lies in one block,
// so a whole list costs two allocations; views stay valid until the list changes. At most 4 GiB of
// text.
class HeaderList {
 public:
  class Iterator {
   public:
    Iterator(const HeaderList& list, std::size_t at) : list_(list), at_(at) {}
    Header operator*() const { return list_[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const HeaderList& list_;
    std::size_t at_;
  };

  // Neither argument may point into this list.
  HeaderList& add(std::string_view name, std::string_view value);
  HeaderList& add(std::string_view name, std::uint64_t number);
  // Replaces every field of that name.
  HeaderList& set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear();

  // The first field of that name; nullopt if there is none. Values are trimmed if they came by
  // wire.
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;
  std::vector<std::string_view> all(std::string_view name) const;
  // True if a field of that name holds `token` in its comma-separated list, in any case.
  bool has_token(std::string_view name, std::string_view token) const;

  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  Header operator[](std::size_t at) const;
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  struct Field {
    std::uint32_t name_at, name_bytes, value_at, value_bytes;
  };
  std::string text_;
  std::vector<Field> fields_;
};

}  // namespace creel
