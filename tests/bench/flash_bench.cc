// What a flash drive gets to bear: device bytes and flushes for what was acknowledged, from the
// counters of a loop device that nobody else uses. The second filling of the store is measured: a
// first write into a preallocated block costs the file system its own notes (store.md §10).
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "platform/base/check.h"
#include "tests/bench/bench.h"
#include "tests/bench/process.h"

namespace creel::bench {
namespace {

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  check(pipe != nullptr);
  char line[256] = "";
  if (std::fgets(line, sizeof line, pipe) == nullptr) line[0] = '\0';
  pclose(pipe);
  line[std::strcspn(line, "\n")] = '\0';
  return line;
}

struct Counters {
  std::uint64_t bytes = 0;
  std::uint64_t flushes = 0;
};

// What is to be undone at the end, however it comes.
std::string mounted_at, loop_device;
void take_down() {
  if (!mounted_at.empty() && !run("umount -l " + mounted_at)) std::perror("umount");
  if (!loop_device.empty() && !run("losetup -d " + loop_device)) std::perror("losetup");
  mounted_at.clear();
  loop_device.clear();
}

// A file system on a loop device on a file; one a process, gone at its end.
class LoopDrive {
 public:
  static std::unique_ptr<LoopDrive> make(const std::string& dir, std::uint64_t mib) {
    auto drive = std::make_unique<LoopDrive>();
    drive->mount_ = dir + "/mnt";
    std::atexit(take_down);
    const std::string image = dir + "/image";
    if (geteuid() != 0 || !run("mkdir -p " + drive->mount_) ||
        !run("truncate -s " + std::to_string(mib) + "M " + image))
      return nullptr;
    drive->device_ = output_of("losetup -f --show " + image + " 2>/dev/null");
    loop_device = drive->device_;
    if (drive->device_.empty() || !run("mkfs.ext4 -q -F " + drive->device_ + " >/dev/null 2>&1") ||
        !run("mount " + drive->device_ + " " + drive->mount_ + " 2>/dev/null"))
      return nullptr;
    mounted_at = drive->mount_;
    return drive;
  }
  const std::string& dir() const { return mount_; }
  // After everything that waits in memory was written.
  Counters counters() const {
    sync();
    const std::string path = "/sys/block/" + device_.substr(5) + "/stat";
    std::FILE* file = std::fopen(path.c_str(), "r");
    check(file != nullptr);
    std::uint64_t fields[17] = {};
    int read = 0;
    while (read < 17 && std::fscanf(file, "%" SCNu64, &fields[read]) == 1) ++read;
    std::fclose(file);
    check(read >= 16);  // Flushes are counted since Linux 5.5.
    return {fields[6] * 512, fields[15]};
  }

 private:
  std::string mount_, device_;
};

struct Case {
  const char* name;
  std::size_t bytes;
  std::size_t objects;
  bool ordered;  // Names that begin with a time; else random ones.
  double amplification_max;
};

std::string name_of(const Case& what, std::size_t number) {
  char name[96];
  if (what.ordered)
    std::snprintf(name, sizeof name, "/flash/%zu/2026-11-25T%08zu", what.bytes, number);
  else
    std::snprintf(name, sizeof name, "/flash/r%zu/%016" PRIx64, what.bytes,
                  static_cast<std::uint64_t>(number + 1) * 0x9e3779b97f4a7c15u);
  return name;
}

// Random content: nothing below may shrink it.
void fill(std::string& body, std::uint64_t& state) {
  for (std::size_t at = 0; at + 8 <= body.size(); at += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(body.data() + at, &state, 8);
  }
}

void put_all(Connection& connection, const Case& what) {
  std::string body(what.bytes, '\0');
  std::uint64_t random = 0x2545f4914f6cdd1d;
  for (std::size_t i = 0; i < what.objects; ++i) {
    fill(body, random);
    connection.request("PUT", name_of(what, i), "", body);
  }
}

void delete_all(Connection& connection, const Case& what) {
  for (std::size_t i = 0; i < what.objects;) {
    std::string list = "<Delete><Quiet>true</Quiet>";
    for (int n = 0; n < 1000 && i < what.objects; ++n, ++i)
      list += "<Object><Key>" + name_of(what, i).substr(7) + "</Key></Object>";
    list += "</Delete>";
    connection.post_checked("/flash", "delete=", list);
  }
}

void measure(const LoopDrive& drive, const Process& server, const Case& what) {
  Connection connection(server.port());
  const Counters before = drive.counters();
  const double commits = server.metric("creel_store_batches_total");
  put_all(connection, what);
  // Let the last checkpoint of these be counted too.
  const double lsn = server.metric("creel_store_last_lsn");
  for (int i = 0; i < 400 && server.metric("creel_store_checkpointed_lsn") < lsn; ++i)
    usleep(100'000);
  const Counters after = drive.counters();
  const double body_bytes = static_cast<double>(what.bytes) * static_cast<double>(what.objects);
  const double amplification = static_cast<double>(after.bytes - before.bytes) / body_bytes;
  const double made = server.metric("creel_store_batches_total") - commits;
  char name[96];
  std::snprintf(name, sizeof name, "PUT %s", what.name);
  row(name, amplification, "B/B", what.amplification_max, "device bytes an acknowledged byte");
  std::printf("  %-38s %.3f flushes a commit, %.0f commits for %zu PUTs\n", "",
              static_cast<double>(after.flushes - before.flushes) / made, made, what.objects);
  delete_all(connection, what);
}

}  // namespace

void flash(const std::string& binary) {
  heading("flash: one client, a private loop device with ext4, second filling of the store");
  const std::string dir = scratch_dir();
  const std::unique_ptr<LoopDrive> drive = LoopDrive::make(dir, 1'500);
  if (!drive) {
    std::printf("  not run: it needs root, losetup, mkfs.ext4 and a loop device\n");
    return;
  }
  const std::string config = dir + "/creel.toml";
  std::FILE* file = std::fopen(config.c_str(), "w");
  check(file != nullptr);
  std::fprintf(
      file,
      "role = \"edge\"\ndata = \"%s/data\"\nlisten = \"127.0.0.1:0\"\n[store]\nbytes = %d\n"
      "segment_bytes = %d\n[log]\nrequests = false\n",
      drive->dir().c_str(), 1 << 30, 8 << 20);
  std::fclose(file);
  {
    Process server(binary, {"serve", "--config", config}, dir);
    Connection connection(server.port());
    connection.request("PUT", "/flash", "", "");
    // The first filling: every block of every segment is written once.
    const Case first{"first filling", 256 << 10, 3'200, true, 0};
    for (int pass = 0; pass < 2; ++pass) {
      put_all(connection, first);
      delete_all(connection, first);
    }
    const Case cases[] = {
        {"4 KiB, alone, names by time", 4 << 10, 20'000, true, 2.2},
        {"16 KiB, names by time", 16 << 10, 10'000, true, 1.3},
        {"64 KiB, names by time", 64 << 10, 4'000, true, 1.3},
        {"1 MiB, names by time", 1 << 20, 300, true, 1.3},
        {"4 KiB, alone, random names", 4 << 10, 20'000, false, 5.0},
    };
    for (const Case& what : cases) measure(*drive, server, what);
  }
  // A drive that answers a flush faster than it can have written is not to be trusted.
  const double syncs = raw_commits_per_s(drive->dir(), 4'096, 1);
  std::printf("  raw pwrite + fdatasync of 4 KiB: %.0f/s%s\n", syncs,
              syncs > 50'000 ? "; that is faster than flash can be: a cache answers" : "");
}

}  // namespace creel::bench
