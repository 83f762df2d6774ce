#pragma once
#include <cstdint>
#include <type_traits>

#include "platform/base/bytes.h"
#include "platform/base/check.h"

namespace creel {

// Fixed-width integers on disk and wire, at any alignment. `at` must lie inside `bytes`.
template <class T>
T load_le(ByteView bytes, std::size_t at) {
  static_assert(std::is_unsigned_v<T>);
  check(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[at + i]) << (8 * i)));
  return value;
}

template <class T>
T load_be(ByteView bytes, std::size_t at) {
  static_assert(std::is_unsigned_v<T>);
  check(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(static_cast<T>(value << (sizeof(T) > 1 ? 8 : 0)) | bytes[at + i]);
  return value;
}

template <class T>
void store_le(MutableBytes bytes, std::size_t at, T value) {
  static_assert(std::is_unsigned_v<T>);
  check(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

template <class T>
void store_be(MutableBytes bytes, std::size_t at, T value) {
  static_assert(std::is_unsigned_v<T>);
  check(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
}

template <class T>
void append_le(Bytes& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  store_le<T>(out, at, value);
}

template <class T>
void append_be(Bytes& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  store_be<T>(out, at, value);
}

}  // namespace creel
