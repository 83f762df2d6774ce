#include "platform/uv/drive_counters.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <vector>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"
#include "platform/uv/file_calls.h"

namespace creel {
namespace {

std::optional<std::string> small_file(const std::string& path) {
  const Result<file_calls::OpenFile> file = file_calls::open_file(path, OpenOptions());
  if (!file.ok()) return std::nullopt;
  std::uint8_t block[1024];
  const Result<std::size_t> read = file_calls::read(file.value(), 0, block);
  if (!read.ok()) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(block), read.value());
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = text.find_first_not_of(" \t\n", at);
    if (from == std::string_view::npos) break;
    at = std::min(text.find_first_of(" \t\n", from), text.size());
    words.push_back(text.substr(from, at - from));
  }
  return words;
}

std::optional<std::uint64_t> number_at(const std::vector<std::string_view>& words, std::size_t i) {
  return i < words.size() ? parse_u64(words[i]) : std::nullopt;
}

// "0x01 0x02": tenths of its life, rounded up, of two kinds of cells; 0 is "not told".
std::optional<unsigned> worst_tenth(std::string_view text) {
  unsigned worst = 0;
  for (const std::string_view word : words_of(text))
    if (word.size() == 4 && word.starts_with("0x0")) {
      const char digit = word[3];
      const unsigned tenth = digit >= 'a' ? static_cast<unsigned>(digit - 'a' + 10)
                                          : static_cast<unsigned>(digit - '0');
      if (tenth <= 11) worst = std::max(worst, tenth);
    }
  if (worst == 0) return std::nullopt;
  return worst * 10;
}

}  // namespace

Result<DriveCounters> device_counters(unsigned major, unsigned minor, const std::string& sysfs) {
  constexpr std::uint64_t kSector = 512;  // Of sysfs, whatever the drive's own is.
  char resolved[PATH_MAX];
  const std::string link = cat(sysfs, "/dev/block/", major, ':', minor);
  if (::realpath(link.c_str(), resolved) == nullptr)
    return fail(ErrorCode::kUnsupported, cat("device ", major, ':', minor, " is no block device"));
  std::string path(resolved);
  if (small_file(path + "/partition")) path.resize(path.rfind('/'));
  DriveCounters found;
  found.device = path.substr(path.rfind('/') + 1);
  const auto size = small_file(path + "/size");
  const auto stat = small_file(path + "/stat");
  if (!size || !stat) return fail(ErrorCode::kUnsupported, cat(found.device, " has no counters"));
  const auto sectors = number_at(words_of(*size), 0);
  const auto written = number_at(words_of(*stat), 6);  // Linux: block/stat.rst.
  if (!sectors || !written)
    return fail(ErrorCode::kUnsupported, cat("the counters of ", found.device, " make no sense"));
  found.capacity_bytes = *sectors * kSector;
  found.written_bytes = *written * kSector;
  if (const auto life = small_file(path + "/device/life_time"))
    found.worn_percent = worst_tenth(*life);
  timespec up{};
  if (::clock_gettime(CLOCK_BOOTTIME, &up) == 0)
    found.up = 1_s * static_cast<std::int64_t>(up.tv_sec);
  return found;
}

Result<DriveCounters> drive_counters(const std::string& dir, const std::string& sysfs) {
  struct stat info{};
  if (::stat(dir.c_str(), &info) != 0) return errno_error(errno, dir);
  return device_counters(major(info.st_dev), minor(info.st_dev), sysfs);
}

}  // namespace creel
