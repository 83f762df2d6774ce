#include "platform/uv/errno_table.h"

#include <cerrno>
#include <cstring>

#include "platform/base/text.h"

namespace creel {

ErrorCode errno_code(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
    case EADDRINUSE: return ErrorCode::kExists;
    case EACCES:
    case EPERM: return ErrorCode::kDenied;
    case EROFS: return ErrorCode::kReadOnly;
    case ENOSPC:
    case EDQUOT: return ErrorCode::kNoSpace;
    case EFBIG: return ErrorCode::kTooLarge;
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EADDRNOTAVAIL: return ErrorCode::kInvalid;
    case EOPNOTSUPP:
    case ENOSYS:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT: return ErrorCode::kUnsupported;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EBUSY:
    case ECONNREFUSED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH: return ErrorCode::kUnavailable;
    // ETIMEDOUT is the kernel giving up on a peer, not a deadline of ours: the stream is gone.
    case ETIMEDOUT:
    case ECONNABORTED:
    case ECONNRESET:
    case ENOTCONN:
    case EPIPE:
    case ESHUTDOWN: return ErrorCode::kClosed;
    default: return ErrorCode::kIo;
  }
}

namespace {
// strerror_r returns the text with GNU's C library, a status with others.
[[maybe_unused]] const char* chosen_text(const char* text, const char*) { return text; }
[[maybe_unused]] const char* chosen_text(int status, const char* buffer) {
  return status == 0 ? buffer : "unknown error";
}
}  // namespace

std::string errno_text(int number) {
  char buffer[128] = "";
  return chosen_text(strerror_r(number, buffer, sizeof buffer), buffer);
}

Error errno_error(int number, std::string_view what) {
  return fail(errno_code(number), cat(what, ": ", errno_text(number)));
}

}  // namespace creel
