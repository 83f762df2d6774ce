#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "platform/base/check.h"

namespace creel {

// What the caller should do about it; a closed list. S3 codes live in s3/, errno in platform/.
enum class ErrorCode : unsigned char {
  kInvalid,      // The input is wrong and stays wrong: refuse it and say where.
  kNotFound,     // A named thing is absent where the caller required it.
  kExists,       // A named thing is present where the caller required absence.
  kConflict,     // A stated condition does not hold.
  kDenied,       // The principal may not do this.
  kTooLarge,     // A bound was passed.
  kUnsupported,  // Well-formed, but outside what this build does.
  kNoSpace,      // A drive, quota or reserve is full.
  kCorrupt,      // Bytes do not match their checksum or format.
  kIo,           // The drive failed; what was not flushed may be lost.
  kReadOnly,     // The store stopped writing after a failure.
  kUnavailable,  // Not now: the peer, a quorum or a resource is missing. Retry later.
  kTimeout,      // A deadline passed.
  kClosed,       // The peer ended the stream before the message was whole.
  kStopped,      // Our own side asked to stop.
  kUnknown,      // It may or may not have happened: ask again with the same identity.
};

// Short lower-case name for logs and tests, such as "no_space".
std::string_view error_name(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string detail;  // For people; never holds a secret. Names what was wrong and where.
};

inline Error fail(ErrorCode code, std::string detail) { return {code, std::move(detail)}; }

// "no_space: segment 7: …" for logs.
std::string error_text(const Error& error);

struct Unit {};

// A value or an Error; no exception crosses our code.
template <class T>
class [[nodiscard]] Result {
 public:
  using Value = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() {
    check(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    check(ok());
    return *std::get_if<0>(&state_);
  }
  // Moves the value out; the Result then holds a moved-from value.
  T take() {
    check(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  const Error& error() const {
    check(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

}  // namespace creel

// Unwraps `expr` into the reference `name`, or returns its error. Plain statements, so use them
// only directly in a block: gcc cannot handle GNU statement-expressions inside coroutines (PR
// 115851).
#define TRY(name, expr)                                  \
  auto name##_result = (expr);                           \
  if (!name##_result.ok()) return name##_result.error(); \
  auto& name = name##_result.value()
#define CO_TRY(name, expr)                                  \
  auto name##_result = (expr);                              \
  if (!name##_result.ok()) co_return name##_result.error(); \
  auto& name = name##_result.value()
// The same for results whose value is not needed.
#define TRY_DO(expr)                                                                    \
  do {                                                                                  \
    if (auto try_do_result = (expr); !try_do_result.ok()) return try_do_result.error(); \
  } while (false)
#define CO_DO(expr)                                         \
  do {                                                      \
    auto co_do_result = (expr);                             \
    if (!co_do_result.ok()) co_return co_do_result.error(); \
  } while (false)
