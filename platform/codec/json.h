#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/base/units.h"

struct yyjson_doc;
struct yyjson_val;

namespace creel {

struct JsonLimits {
  std::uint64_t bytes_max = 1 * MiB;  // Parsing takes up to about 16 times the document in memory.
  unsigned depth_max = 32;  // Nested arrays and objects.
};

enum class JsonType : std::uint8_t { kAbsent, kNull, kBool, kNumber, kString, kArray, kObject };

struct JsonItem;

// A borrowed look at one value of a JsonDoc, or at nothing: find() of a missing name gives an
// absent value whose every accessor answers nullopt or absent, so
// `root.find("a").find("b").as_string()` is safe.
class JsonValue {
 public:
  class Iterator {
   public:
    JsonItem operator*() const;
    Iterator& operator++();
    bool operator!=(const Iterator& other) const { return left_ != other.left_; }

   private:
    friend class JsonValue;
    const yyjson_val* at_ = nullptr;
    std::size_t left_ = 0;
    bool is_object_ = false;
  };

  JsonValue() = default;
  explicit JsonValue(const yyjson_val* value) : value_(value) {}

  JsonType type() const;
  bool absent() const { return value_ == nullptr; }
  bool is_object() const { return type() == JsonType::kObject; }
  bool is_array() const { return type() == JsonType::kArray; }
  bool is_null() const { return type() == JsonType::kNull; }

  // The value if it has just this type; no conversion from text. Numbers: exact integers only for
  // i64 and u64 (1.0 is not one); as_double takes every number.
  std::optional<std::string_view> as_string() const;
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_i64() const;
  std::optional<std::uint64_t> as_u64() const;
  std::optional<double> as_double() const;

  // The first member of that name; absent if there is none or this is no object.
  JsonValue find(std::string_view name) const;
  // Members of an object or items of an array; 0 for other types.
  std::size_t size() const;

  // Iterates over an array (names are empty) or an object in document order; nothing for other
  // types.
  Iterator begin() const;
  Iterator end() const { return {}; }

 private:
  const yyjson_val* value_ = nullptr;
};

struct JsonItem {
  std::string_view name;
  JsonValue value;
};

// A parsed document; owns its memory. Values borrowed from it die with it.
class JsonDoc {
 public:
  // Strict RFC 8259: no comments, no trailing commas, valid UTF-8, one document. Errors: kInvalid
  // (says byte, line and column), kTooLarge, kUnavailable (out of memory).
  static Result<JsonDoc> parse(ByteView text, JsonLimits limits = {});

  JsonValue root() const;

 private:
  struct Free {
    void operator()(yyjson_doc* doc) const;
  };
  explicit JsonDoc(yyjson_doc* doc) : doc_(doc) {}
  std::unique_ptr<yyjson_doc, Free> doc_;
};

// Writes compact JSON to the end of a string. Commas and escapes are its business; wrong nesting is
// our bug and aborts. Invalid UTF-8 comes out as U+FFFD and a number that is not finite as null, so
// that the result always parses. At most 64 levels.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  JsonWriter& name(std::string_view name);

  JsonWriter& string(std::string_view text);
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  JsonWriter& number(T value) {
    if constexpr (std::is_signed_v<T>) return integer(std::int64_t{value});
    else return natural(std::uint64_t{value});
  }
  JsonWriter& number(double value);  // Shortest text that reads back the same.
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // Already JSON; put in as it is.

  // name() and value in one.
  JsonWriter& field(std::string_view n, std::string_view text) { return name(n).string(text); }
  JsonWriter& field(std::string_view n, const char* text) { return name(n).string(text); }
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  JsonWriter& field(std::string_view n, T value) {
    return name(n).number(value);
  }
  JsonWriter& field(std::string_view n, double value) { return name(n).number(value); }
  JsonWriter& field(std::string_view n, bool value) { return name(n).boolean(value); }

 private:
  JsonWriter& integer(std::int64_t value);
  JsonWriter& natural(std::uint64_t value);
  void separate();
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);

  std::string& out_;
  unsigned depth_ = 0;
  std::uint64_t filled_ = 0;  // Bit d: level d already holds an item, so the next needs a comma.
  bool after_name_ = false;
};

// Appends `text` as a quoted JSON string.
void append_json_string(std::string& out, std::string_view text);

}  // namespace creel
