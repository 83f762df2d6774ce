#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/drives/cluster.h"
#include "core/drives/shard_store.h"
#include "platform/async/event.h"
#include "platform/async/scope.h"
#include "platform/platform.h"

namespace creel::core {

enum class DriveState : std::uint8_t {
  kUp,
  kDown,   // Gone, or it fails: its shards count as missing.
  kBlank,  // An empty folder: a new drive, or a mount point without its drive. `heal` takes it in.
  kStale,  // Its seat was given to another drive: nothing on it counts.
};
std::string_view drive_state_name(DriveState state);

struct DriveStatus {
  std::string dir;
  DriveState state = DriveState::kDown;
  int seat = -1;
  std::string why;  // Not up: what is wrong.
  std::uint64_t free_bytes = 0;
  store::SpaceStatus space;
  std::uint64_t shards = 0;
};

struct DriveOptions {
  std::vector<std::string> dirs;
  store::Options store;  // For each drive's shards; dirs, lane and cluster are filled in.
  unsigned lane = 16;  // Disk lane of the first drive's log; one more each.
  Duration watch = 2_s;
  Duration answer_max = 10_s;  // A drive that has not answered for so long is down.
  Duration reopen = 10_s;  // After it failed.
};

// The drive folders of one machine: who they are, which seat each holds, whether they answer. Opens
// what is there, notices what goes, takes back what returns. Loop thread only.
class Drives {
 public:
  Drives(Platform& platform, DriveOptions options);

  // Reads every identity, or makes them at the very first start, and opens the shard stores.
  // Errors: kInvalid (a drive of another cluster, one drive twice, a folder that is not ours:
  // named), kExists (another process), kUnavailable (too few drives to know the newest
  // configuration), kIo.
  Task<Result<Unit>> open(Ctx& ctx);
  // Serves and watches until ctx stops and everybody has let go.
  Task<void> run(Ctx& ctx);
  Task<Result<Unit>> close(Ctx& ctx);  // After run(): final checkpoints.

  const ClusterConfig& config() const { return config_; }
  // Null while the drive of this seat is down.
  std::shared_ptr<ShardStore> store_at(unsigned seat) const { return seats_[seat]; }
  std::uint32_t up() const;  // A bit a seat.
  std::string seat_text(unsigned seat) const;  // "seat 3 (DIR: why)" for errors and logs.
  void suspect(unsigned seat);  // It failed somebody: look at it now.
  Event& changed() { return changed_; }  // Notified when a seat goes up or down.
  // Called when a drive is no longer where it was, with its folder and why.
  void on_gone(std::function<void(const std::string& dir, const std::string& why)> call) {
    on_gone_ = std::move(call);
  }
  // Called when a drive whose seat holds a mirror of the operation log is back or was taken in,
  // with the mirror's place among log_dirs() and its folder, which exists.
  void on_mirror_back(std::function<void(unsigned place, const std::string& dir)> call) {
    on_mirror_back_ = std::move(call);
  }
  std::vector<DriveStatus> status() const;

  // Blank folders take the seats of drives that are down, else new seats. An act of the operator:
  // a drive whose seat was taken is stale when it returns. Number of drives taken in.
  Task<Result<unsigned>> adopt_blank(Ctx& ctx);

  // Folders of the operation log's mirrors; those of drives that are down do not exist.
  std::vector<std::string> log_dirs() const;
  // Mirrors on drives that are down move to drives that are up. Only before the log is opened.
  Task<Result<Unit>> choose_mirrors(Ctx& ctx);
  Task<Result<Unit>> note_log_made(Ctx& ctx);
  // The log may not be made anew if it existed. kUnavailable if all its folders are blank.
  Task<Result<Unit>> check_log_there(Ctx& ctx);

 private:
  struct Folder {
    std::string dir;
    unsigned index = 0;
    DriveState state = DriveState::kDown;
    std::string why = "not looked at yet";
    int seat = -1;
    store::Uuid drive{};
    std::uint64_t epoch = 0;  // Of the configuration it holds.
    std::shared_ptr<ShardStore> store;
    std::weak_ptr<ShardStore> closing;  // Its last one, until everybody has let go.
    std::unique_ptr<FileLock> lock;
    bool checking = false;
    Instant check_begun;
    Instant reopen_after;
  };
  struct Look {
    DriveState state = DriveState::kDown;
    std::string why;
    CoreIdentity identity;  // kUp only.
  };

  Task<Result<Look>> look(Ctx& ctx, std::string dir);
  Task<Result<Unit>> gather(Ctx& ctx);
  Task<Result<Unit>> form(Ctx& ctx);
  Task<Result<Unit>> lock_folder(Ctx& ctx, Folder& folder);
  Task<Result<Unit>> settle_config(Ctx& ctx, const std::vector<Look>& looks);
  Task<Result<Unit>> write_identity(Ctx& ctx, Folder& folder, ClusterConfig config);
  Task<Result<Unit>> write_config(Ctx& ctx, ClusterConfig next);
  Task<void> write_one(Ctx& ctx, Folder& folder, const ClusterConfig& next, unsigned& written);
  Task<Result<Unit>> open_store(Ctx& ctx, Folder& folder);
  Task<void> open_one(Ctx& ctx, Folder& folder, std::optional<Error>& error);
  void start(Scope& scope, Folder& folder);
  Task<void> serve(Ctx& ctx, std::shared_ptr<ShardStore> store);
  Task<void> watch(Ctx& ctx, Scope& scope);
  Task<void> check_folder(Ctx& ctx, Scope& scope, Folder& folder);
  Task<Result<Unit>> take_back(Ctx& ctx, Scope& scope, Folder& folder, Look found);
  void take_down(Folder& folder, std::string why);
  void gone(Folder& folder, const std::string& why);
  Task<Result<Unit>> tell_mirror_back(Ctx& ctx, Folder& folder);
  Task<Result<bool>> adopt(Ctx& ctx, Folder& folder);
  int seat_for(const Folder& folder) const;
  unsigned needed_at_start() const;
  void note(std::string_view text) const;

  Platform& platform_;
  DriveOptions options_;
  ClusterConfig config_;
  std::vector<std::unique_ptr<Folder>> folders_;
  std::array<std::shared_ptr<ShardStore>, kSlotsMax> seats_;
  Event changed_;
  Event look_now_;
  std::function<void(const std::string&, const std::string&)> on_gone_;
  std::function<void(unsigned, const std::string&)> on_mirror_back_;
  Scope* scope_ = nullptr;  // Of run().
  bool changing_ = false;  // One change of the configuration at a time.
};

}  // namespace creel::core
