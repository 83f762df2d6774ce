#include "platform/codec/json.h"

#include <yyjson.h>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/codec/text_place.h"

namespace creel {
namespace {

yyjson_val* raw(const yyjson_val* value) { return const_cast<yyjson_val*>(value); }

std::string where(std::string_view text, std::size_t offset) {
  return cat("JSON byte ", offset, " (", place_text(place_of(text, offset)), ")");
}

// The library reads any depth without recursion; walkers of the result do recurse, so depth is
// bounded here, where the place is still known. Returns the offset of the bracket that is too deep,
// or npos.
std::size_t find_too_deep(std::string_view text, unsigned depth_max) {
  unsigned depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > depth_max) return i;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return std::string_view::npos;
}

}  // namespace

void JsonDoc::Free::operator()(yyjson_doc* doc) const { yyjson_doc_free(doc); }

Result<JsonDoc> JsonDoc::parse(ByteView bytes, JsonLimits limits) {
  const std::string_view text = as_text(bytes);
  if (text.size() > limits.bytes_max)
    return fail(ErrorCode::kTooLarge,
                cat("JSON of ", text.size(), " bytes; at most ", limits.bytes_max));
  if (const std::size_t deep = find_too_deep(text, limits.depth_max);
      deep != std::string_view::npos)
    return fail(ErrorCode::kTooLarge,
                cat(where(text, deep), ": nested deeper than ", limits.depth_max, " levels"));
  yyjson_read_err error{};
  // Without the in-situ flag the library copies the text first and never writes to it.
  yyjson_doc* doc = yyjson_read_opts(const_cast<char*>(text.data()), text.size(),
                                     YYJSON_READ_NOFLAG, nullptr, &error);
  if (doc != nullptr) return JsonDoc(doc);
  if (error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
    return fail(ErrorCode::kUnavailable, "JSON: out of memory");
  return fail(ErrorCode::kInvalid, cat(where(text, error.pos), ": ", error.msg));
}

JsonValue JsonDoc::root() const { return JsonValue(yyjson_doc_get_root(doc_.get())); }

JsonType JsonValue::type() const {
  if (value_ == nullptr) return JsonType::kAbsent;
  switch (yyjson_get_type(raw(value_))) {
    case YYJSON_TYPE_NULL: return JsonType::kNull;
    case YYJSON_TYPE_BOOL: return JsonType::kBool;
    case YYJSON_TYPE_NUM: return JsonType::kNumber;
    case YYJSON_TYPE_STR: return JsonType::kString;
    case YYJSON_TYPE_ARR: return JsonType::kArray;
    case YYJSON_TYPE_OBJ: return JsonType::kObject;
    default: return JsonType::kAbsent;
  }
}

std::optional<std::string_view> JsonValue::as_string() const {
  if (type() != JsonType::kString) return std::nullopt;
  return std::string_view(yyjson_get_str(raw(value_)), yyjson_get_len(raw(value_)));
}

std::optional<bool> JsonValue::as_bool() const {
  if (type() != JsonType::kBool) return std::nullopt;
  return yyjson_get_bool(raw(value_));
}

std::optional<std::int64_t> JsonValue::as_i64() const {
  if (yyjson_is_sint(raw(value_))) return yyjson_get_sint(raw(value_));
  if (!yyjson_is_uint(raw(value_))) return std::nullopt;
  const std::uint64_t value = yyjson_get_uint(raw(value_));
  if (value > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::uint64_t> JsonValue::as_u64() const {
  if (!yyjson_is_uint(raw(value_))) return std::nullopt;
  return yyjson_get_uint(raw(value_));
}

std::optional<double> JsonValue::as_double() const {
  if (type() != JsonType::kNumber) return std::nullopt;
  return yyjson_get_num(raw(value_));
}

JsonValue JsonValue::find(std::string_view name) const {
  if (!is_object()) return JsonValue();
  return JsonValue(yyjson_obj_getn(raw(value_), name.data(), name.size()));
}

std::size_t JsonValue::size() const {
  return is_object() || is_array() ? yyjson_get_len(raw(value_)) : 0;
}

JsonValue::Iterator JsonValue::begin() const {
  Iterator it;
  it.left_ = size();
  it.is_object_ = is_object();
  if (it.left_ == 0) return it;
  yyjson_obj_iter members;
  yyjson_arr_iter items;
  if (it.is_object_) {
    yyjson_obj_iter_init(raw(value_), &members);
    it.at_ = yyjson_obj_iter_next(&members);
  } else {
    yyjson_arr_iter_init(raw(value_), &items);
    it.at_ = yyjson_arr_iter_next(&items);
  }
  return it;
}

JsonItem JsonValue::Iterator::operator*() const {
  check(left_ > 0);
  if (!is_object_) return {{}, JsonValue(at_)};
  const std::string_view name(yyjson_get_str(raw(at_)), yyjson_get_len(raw(at_)));
  return {name, JsonValue(yyjson_obj_iter_get_val(raw(at_)))};
}

JsonValue::Iterator& JsonValue::Iterator::operator++() {
  check(left_ > 0);
  if (--left_ == 0) return *this;
  // One step of the library's own iterator, resumed at the current place.
  if (is_object_) {
    yyjson_obj_iter step{.idx = 0, .max = 1, .cur = raw(at_), .obj = nullptr};
    yyjson_obj_iter_next(&step);
    at_ = step.cur;
  } else {
    yyjson_arr_iter step{.idx = 0, .max = 1, .cur = raw(at_)};
    yyjson_arr_iter_next(&step);
    at_ = step.cur;
  }
  return *this;
}

}  // namespace creel
