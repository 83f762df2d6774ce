#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "platform/base/bytes.h"
#include "platform/base/check.h"

namespace creel {

namespace endian_detail {

// The other byte order. g++ 12 makes one instruction of it, but not of a loop over the bytes in
// memory: hence memcpy below.
template <class T>
T swapped(T value) {
  static_assert(std::is_unsigned_v<T> && sizeof(T) <= 8);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  else if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  else if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  else return value;
}

template <class T, std::endian order>
T ordered(T value) {
  return std::endian::native == order ? value : swapped(value);
}

template <class T, std::endian order>
T load(ByteView bytes, std::size_t at) {
  check(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return ordered<T, order>(value);
}

template <class T, std::endian order>
void store(MutableBytes bytes, std::size_t at, T value) {
  check(at <= bytes.size() && sizeof(T) <= bytes.size() - at);
  value = ordered<T, order>(value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace endian_detail

// Fixed-width integers on disk and wire, at any alignment. `at` must lie inside `bytes`.
template <class T>
T load_le(ByteView bytes, std::size_t at) {
  return endian_detail::load<T, std::endian::little>(bytes, at);
}

template <class T>
T load_be(ByteView bytes, std::size_t at) {
  return endian_detail::load<T, std::endian::big>(bytes, at);
}

template <class T>
void store_le(MutableBytes bytes, std::size_t at, T value) {
  endian_detail::store<T, std::endian::little>(bytes, at, value);
}

template <class T>
void store_be(MutableBytes bytes, std::size_t at, T value) {
  endian_detail::store<T, std::endian::big>(bytes, at, value);
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
