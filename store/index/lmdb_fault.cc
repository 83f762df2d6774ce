#include "store/index/lmdb_fault.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "platform/base/bytes.h"
#include "platform/base/text.h"
#include "platform/base/units.h"
#include "store/log/state_slots.h"

namespace creel::store {
namespace {

// A pointer read from a damaged page may run off the end of the map by a little.
constexpr std::uintptr_t kMargin = 64 * KiB;

struct Slot {
  std::atomic<std::uintptr_t> begin{0};  // 0: not in use. Set last, cleared first.
  std::uintptr_t end = 0;
  const char* path = nullptr;
  int state_fd = -1;
  bool survives = false;
  std::atomic<std::uint32_t> lost{0};   // No byte: riscv64 would want libatomic for it.
  std::atomic<std::uint32_t> taken{0};
};
std::array<Slot, MapGuard::kGuardsMax> slots;
std::size_t system_page = 4 * KiB;
int empty_leaf_fd = -1;  // A file in memory of one system page.
struct sigaction before_bus;
struct sigaction before_segv;

// Only calls that a signal handler may make.
void say(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}
void say_number(std::uint64_t number) {
  char digits[24] = {};
  std::size_t at = sizeof digits - 1;
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  say(digits + at);
}

void report(const Slot& slot, std::uintptr_t address) {
  bool marked = false;
  if (slot.state_fd >= 0) {
    const std::uint64_t word = 1;
    marked = ::pwrite(slot.state_fd, &word, sizeof word, static_cast<off_t>(kSuspectOffset)) ==
             static_cast<ssize_t>(sizeof word);
  }
  say("creel: ");
  say(slot.path);
  say(": cannot be read at offset ");
  say_number(address - slot.begin.load(std::memory_order_relaxed));
  say(marked ? "; the next start rebuilds the index\n"
             : "; remove the index so that the next start rebuilds it\n");
}

// The whole page at once, so that no thread sees half of it. False: the process must die.
bool put_empty_leaf(Slot& slot, std::uintptr_t address) {
  if (!slot.survives || address >= slot.end || empty_leaf_fd < 0) return false;
  const bool first = slot.lost.exchange(1) == 0;
  void* const page = reinterpret_cast<void*>(address & ~(system_page - 1));
  if (::mmap(page, system_page, PROT_READ, MAP_PRIVATE | MAP_FIXED, empty_leaf_fd, 0) != page)
    return false;
  if (!first) return true;
  say("creel: ");
  say(slot.path);
  say(": cannot be read at offset ");
  say_number(address - slot.begin.load(std::memory_order_relaxed));
  say("; this index is given up\n");
  return true;
}

void on_fault(int signal, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Slot& slot : slots) {
    const std::uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= slot.end + kMargin) continue;
    const int error = errno;  // Of the code that goes on.
    if (signal == SIGBUS && put_empty_leaf(slot, address)) {
      errno = error;
      return;
    }
    report(slot, address);
    struct sigaction die{};
    die.sa_handler = SIG_DFL;
    ::sigaction(signal, &die, nullptr);
    return;  // The instruction faults again.
  }
  ::sigaction(signal, signal == SIGBUS ? &before_bus : &before_segv, nullptr);
}

// What LMDB takes for a leaf without entries, at each 4 KiB: its pages may be smaller than the
// system's. Code that looks at the first entry all the same finds one of no bytes.
void make_empty_leaf() {
  struct Header {
    std::size_t number;
    std::uint16_t pad, flags, lower, upper, first_entry;
  };
  constexpr std::size_t kStep = 4 * KiB;
  constexpr std::uint16_t kLeaf = 2;
  constexpr std::uint16_t kHeaderBytes = offsetof(Header, first_entry);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  if (page_bytes > 0) system_page = static_cast<std::size_t>(page_bytes);
  const int fd = ::memfd_create("creel-empty-leaf", MFD_CLOEXEC);
  if (fd < 0) return;
  bool whole = ::ftruncate(fd, static_cast<off_t>(system_page)) == 0;
  const Header header{0, 0, kLeaf, kHeaderBytes, kStep, 64};
  for (std::size_t at = 0; whole && at < system_page; at += kStep)
    whole = ::pwrite(fd, &header, sizeof header, static_cast<off_t>(at)) ==
            static_cast<ssize_t>(sizeof header);
  if (whole) empty_leaf_fd = fd;
  else ::close(fd);
}

void install_once() {
  static const bool installed = [] {
    make_empty_leaf();
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGBUS, &action, &before_bus);
    ::sigaction(SIGSEGV, &action, &before_segv);
    return true;
  }();
  (void)installed;
}

// The rest of /proc/self/maps; nullopt if it cannot be read.
std::optional<std::string> own_maps() {
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  char piece[4096];
  constexpr std::size_t kTextMax = 4 * MiB;
  for (ssize_t got = 1; got > 0 && text.size() < kTextMax;) {
    got = ::read(fd, piece, sizeof piece);
    if (got > 0) text.append(piece, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

struct Range {
  std::uintptr_t begin;
  std::uintptr_t end;
};

// The hexadecimal number at the start of `text`, which moves behind it and the sign after it.
std::uintptr_t take_hex(std::string_view& text) {
  std::uintptr_t number = 0;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c >= '0' && c <= '9') number = number * 16 + static_cast<std::uintptr_t>(c - '0');
    else if (c >= 'a' && c <= 'f') number = number * 16 + static_cast<std::uintptr_t>(c - 'a' + 10);
    else break;
  }
  return number;
}

// Where the file is mapped. A line: begin-end perms offset major:minor inode path.
std::optional<Range> find_map(int fd) {
  struct stat want;
  if (::fstat(fd, &want) != 0) return std::nullopt;
  const std::optional<std::string> text = own_maps();
  if (!text) return std::nullopt;
  const std::string inode = cat(' ', static_cast<std::uint64_t>(want.st_ino), ' ');
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    if (line.find(inode) == std::string_view::npos ||
        line.find("data.mdb") == std::string_view::npos)
      continue;
    Range range{};
    range.begin = take_hex(line);
    range.end = take_hex(line);
    if (range.begin != 0 && range.end > range.begin) return range;
  }
  return std::nullopt;
}

}  // namespace

MapGuard::MapGuard(int fd, std::string path, const std::string& state_path, OnFault on_fault)
    : path_(std::move(path)) {
  const std::optional<Range> range = find_map(fd);
  if (!range) return;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].taken.exchange(1) != 0) continue;
    install_once();
    state_fd_ = ::open(state_path.c_str(), O_WRONLY | O_CLOEXEC);
    slots[i].end = range->end;
    slots[i].path = path_.c_str();
    slots[i].state_fd = state_fd_;
    slots[i].survives = on_fault == OnFault::kLose;
    slots[i].lost.store(0);
    slots[i].begin.store(range->begin, std::memory_order_release);
    slot_ = static_cast<int>(i);
    return;
  }
}

MapGuard::~MapGuard() {
  if (slot_ >= 0) {
    slots[static_cast<std::size_t>(slot_)].begin.store(0, std::memory_order_release);
    slots[static_cast<std::size_t>(slot_)].taken.store(0);
  }
  if (state_fd_ >= 0) ::close(state_fd_);
}

bool MapGuard::lost() const {
  return slot_ >= 0 && slots[static_cast<std::size_t>(slot_)].lost.load() != 0;
}

}  // namespace creel::store
