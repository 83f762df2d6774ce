#include "platform/uv/local_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"
#include "platform/uv/file_calls.h"

namespace creel {
namespace {

Result<Bytes> read_whole(const file_calls::OpenFile& file, std::size_t bytes_max) {
  Bytes content(bytes_max + 1);
  TRY(got, file_calls::read(file, 0, content));
  if (got > bytes_max)
    return fail(ErrorCode::kTooLarge, cat(file.path, ": more than ", bytes_max, " bytes"));
  content.resize(got);
  return content;
}

}  // namespace

Result<Bytes> read_local_file(const std::string& path, std::size_t bytes_max) {
  TRY(file, file_calls::open_file(path, OpenOptions{}));
  return read_whole(file, bytes_max);
}

Result<Bytes> read_secret_file(const std::string& path, std::size_t bytes_max) {
  TRY(file, file_calls::open_file(path, OpenOptions{}));
  // Asked of the open file, so that it cannot be exchanged in between.
  struct stat info{};
  if (fstat(file.fd, &info) != 0) return errno_error(errno, path);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kDenied, cat(path, ": not a plain file"));
  if ((info.st_mode & 077) != 0)
    return fail(ErrorCode::kDenied, cat(path, ": others may read or change it; chmod 600"));
  return read_whole(file, bytes_max);
}

}  // namespace creel
