#include <cstring>

#include "filters/eval/pattern.h"
#include "platform/codec/utf8.h"

namespace creel::filters {

bool LikePattern::parse(std::string_view pattern, std::string_view escape, std::string& reason) {
  elements_.clear();
  if (pattern.size() > kBytesMax) return reason = "LIKE pattern is longer than 1024 bytes", false;
  if (!escape.empty() && utf8_length(escape) != escape.size())
    return reason = "ESCAPE takes one character", false;
  for (std::size_t at = 0; at < pattern.size();) {
    if (!escape.empty() && pattern.substr(at, escape.size()) == escape) {
      at += escape.size();
      const bool special = at < pattern.size() && (pattern[at] == '%' || pattern[at] == '_');
      if (special) {
        elements_.push_back({Kind::kByte, pattern[at++]});
      } else if (pattern.substr(at, escape.size()) == escape) {
        for (const char c : escape) elements_.push_back({Kind::kByte, c});
        at += escape.size();
      } else {
        return reason = "the escape character must stand before %, _ or itself", false;
      }
      continue;
    }
    const char c = pattern[at++];
    if (c == '%') {
      if (elements_.empty() || elements_.back().kind != Kind::kAnyMany)
        elements_.push_back({Kind::kAnyMany, 0});
    } else {
      elements_.push_back({c == '_' ? Kind::kAnyOne : Kind::kByte, c});
    }
  }
  find_shape();
  return true;
}

void LikePattern::find_shape() {
  shape_ = Shape::kGeneral;
  literal_.clear();
  const bool open_left = !elements_.empty() && elements_.front().kind == Kind::kAnyMany;
  const bool open_right =
      elements_.size() > (open_left ? 1u : 0u) && elements_.back().kind == Kind::kAnyMany;
  for (std::size_t i = open_left ? 1 : 0; i + (open_right ? 1 : 0) < elements_.size(); ++i) {
    if (elements_[i].kind != Kind::kByte) return;
    literal_ += elements_[i].byte;
  }
  shape_ = open_left ? (open_right ? Shape::kContains : Shape::kSuffix)
                     : (open_right ? Shape::kPrefix : Shape::kExact);
}

bool LikePattern::matches(std::string_view text) const {
  switch (shape_) {
    case Shape::kExact: return text == literal_;
    case Shape::kPrefix: return text.substr(0, literal_.size()) == literal_;
    case Shape::kSuffix:
      return text.size() >= literal_.size() &&
             text.substr(text.size() - literal_.size()) == literal_;
    case Shape::kContains:
      return literal_.empty() ||
             memmem(text.data(), text.size(), literal_.data(), literal_.size()) != nullptr;
    case Shape::kGeneral: return general(text);
  }
  return false;
}

// Greedy from left to right; only the last % ever needs to be tried again, one character further
// on.
bool LikePattern::general(std::string_view text) const {
  const auto character = [&](std::size_t at) {
    const std::size_t length = utf8_length(text.substr(at));
    return length == 0 ? std::size_t{1} : length;
  };
  std::size_t at = 0;
  std::size_t element = 0;
  std::size_t retry_at = 0;
  std::size_t retry_element = elements_.size() + 1;  // None yet.
  while (true) {
    if (element < elements_.size() && elements_[element].kind == Kind::kAnyMany) {
      retry_element = ++element;
      retry_at = at;
      continue;
    }
    if (at == text.size()) {
      if (element == elements_.size()) return true;
      return false;  // What is left needs characters, and a later start leaves even fewer.
    }
    if (element < elements_.size() && elements_[element].kind == Kind::kAnyOne) {
      at += character(at);
      ++element;
    } else if (element < elements_.size() && elements_[element].byte == text[at]) {
      ++at;
      ++element;
    } else {
      if (retry_element > elements_.size()) return false;
      if (retry_element == elements_.size()) return true;
      retry_at += character(retry_at);
      if (retry_at > text.size()) return false;
      at = retry_at;
      element = retry_element;
    }
  }
}

}  // namespace creel::filters
