#include "store/index/lmdb_template.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/base/text.h"

namespace creel::store {
namespace {

using Word = std::size_t;  // LMDB's files hold machine words in the machine's order.

struct Db {
  std::uint32_t pad = 0;  // Of the free list: the page size.
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  Word branch_pages = 0;
  Word leaf_pages = 0;
  Word overflow_pages = 0;
  Word entries = 0;
  Word root = ~Word{0};
};

struct Page {
  Word number = 0;
  std::uint16_t pad = 0;
  std::uint16_t flags = 0x08;  // A meta page.
  std::uint32_t bounds = 0;
  std::uint32_t magic = 0xbeefc0de;
  std::uint32_t version = 1;
  Word address = 0;
  Word map_bytes = 0;
  Db free;
  Db main;
  Word last_page = 1;
  Word transaction = 0;
};
static_assert(sizeof(Page) == (sizeof(Word) == 8 ? 152 : 92));

Error call_failed(const std::string& path, const char* what, int code) {
  ErrorCode kind = ErrorCode::kIo;
  if (code == ENOSPC || code == EDQUOT) kind = ErrorCode::kNoSpace;
  if (code == EROFS || code == EACCES) kind = ErrorCode::kReadOnly;
  return fail(kind, cat(path, ": ", what, ": ", std::strerror(code)));
}

}  // namespace

Bytes lmdb_template(std::uint64_t map_bytes) {
  Bytes out(2 * kLmdbPageBytes);
  Page page;
  page.map_bytes = static_cast<Word>(map_bytes);
  page.free.pad = kLmdbPageBytes;
  page.free.flags = 0x08;  // Its keys are integers.
  for (std::size_t i = 0; i < 2; ++i) {
    page.number = i;
    std::memcpy(out.data() + i * kLmdbPageBytes, &page, sizeof page);
  }
  return out;
}

Result<Unit> make_lmdb_file(const std::string& path, std::uint64_t map_bytes) {
  struct stat found{};
  if (stat(path.c_str(), &found) == 0 && found.st_size > 0) return Unit{};
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return call_failed(path, "cannot be made", errno);
  const Bytes content = lmdb_template(map_bytes);
  const ssize_t wrote = ::pwrite(fd, content.data(), content.size(), 0);
  const int code = wrote < 0 ? errno : ENOSPC;
  ::close(fd);  // open_lmdb() flushes it.
  if (wrote == static_cast<ssize_t>(content.size())) return Unit{};
  ::unlink(path.c_str());  // Cut short it would be no LMDB file at all.
  return call_failed(path, "cannot be written", code);
}

}  // namespace creel::store
