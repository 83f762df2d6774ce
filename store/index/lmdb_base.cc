#include "store/index/lmdb_base.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "platform/base/text.h"
#include "store/index/lmdb_fault.h"
#include "store/index/lmdb_layers.h"
#include "store/index/lmdb_pages.h"
#include "store/index/lmdb_template.h"

namespace creel::store {
namespace {

constexpr std::uint32_t kRowFormat = 3;
constexpr std::size_t kHeadBytes = 64;

std::uint64_t default_map_bytes() {
  if constexpr (sizeof(void*) == 4) return 512 * MiB;
#if defined(__aarch64__)
  return 16 * GiB;
#else
  return 256 * GiB;
#endif
}

// The environment's own row: everything needed to judge whether the file is ours and how far it is.
struct Head {
  Lsn applied;
  std::uint32_t next_layer = 1;
  std::uint64_t rows = 0;
  std::uint32_t sum = 0;  // Of all entries but this one: none is missing, doubled or changed.
  StateHash hash;  // Of all rows.
};

// A reading transaction of its own. LMDB's MDB_NOTLS lets any thread use it, one at a time.
class LmdbSnapshot final : public RowSnapshot {
 public:
  LmdbSnapshot(MDB_txn* txn, MDB_dbi dbi, const Head& head, const MapGuard* guard)
      : txn_(txn), dbi_(dbi), head_(head), guard_(guard) {}
  ~LmdbSnapshot() override {
    cursor_.reset();
    mdb_txn_abort(txn_);
  }
  Lsn applied() const override { return head_.applied; }
  StateHash state_hash() const override { return head_.hash; }
  Result<bool> next() override {
    bool more = false;
    if (cursor_) {
      TRY(went_on, cursor_->next());
      more = went_on;
    }
    while (!more && table_ < kTableLast) {
      ++table_;
      TRY(cursor, layered_cursor(txn_, dbi_, table(), guard_));
      cursor_ = std::move(cursor);
      TRY(found, cursor_->seek(""));
      more = found;
    }
    return more;
  }
  Table table() const override { return static_cast<Table>(table_); }
  std::string_view key() const override { return cursor_->key(); }
  std::string_view value() const override { return cursor_->value(); }

 private:
  MDB_txn* txn_;
  MDB_dbi dbi_;
  Head head_;
  const MapGuard* guard_;
  std::uint8_t table_ = 0;
  std::unique_ptr<RowCursor> cursor_;
};

std::string head_key() { return std::string("\0\0\0\0\0head", 9); }

// Adds up the entries that a walk over the pages finds.
class Summing final : public PageVisitor {
 public:
  void entry(std::string_view key, std::string_view value) override {
    if (key != own_) sum += entry_sum(key, value);
  }
  std::uint32_t sum = 0;

 private:
  const std::string own_ = head_key();
};

class LmdbBase final : public RowBase {
 public:
  LmdbBase(MDB_env* env, MDB_dbi dbi, Uuid store) : env_(env), dbi_(dbi), store_(store) {}
  ~LmdbBase() override {
    guard_.reset();
    if (reader_ != nullptr) mdb_txn_abort(reader_);
    mdb_env_close(env_);
  }

  // `sum`: of the entries as walked in the file's pages.
  Result<Unit> load(std::uint32_t sum);
  void watch(const std::string& dir, bool may_be_lost);
  Result<Unit> verify() const override;

  // Nothing was ever committed.
  bool is_new() const {
    MDB_envinfo info;
    return mdb_env_info(env_, &info) == 0 && info.me_last_txnid == 0;
  }
  Lsn applied() const override { return head_.applied; }
  StateHash state_hash() const override { return head_.hash; }
  std::uint64_t row_count() const override { return head_.rows; }
  std::uint64_t bytes_used() const override;
  std::string describe() const override;

  Result<std::optional<std::string>> find(Table table, std::string_view key) const override {
    Result<std::optional<std::string>> found = layered_find(reader_, dbi_, logical_key(table, key));
    TRY_DO(still_mapped(guard_.get()));
    return found;
  }
  Result<std::unique_ptr<RowCursor>> cursor(Table table) const override {
    return layered_cursor(reader_, dbi_, table, guard_.get());
  }
  Result<Unit> commit(const std::vector<RowEdit>& edits, Lsn applied) override {
    return write(edits, applied, false);
  }
  Result<Unit> load(const std::vector<RowEdit>& rows, Lsn applied) override {
    return write(rows, applied, true);
  }
  void publish() override;
  Result<std::unique_ptr<RowSnapshot>> snapshot() const override;
  IndexRoom room() const override { return room_; }
  Result<Unit> allocate(std::uint64_t bytes) override;

 private:
  Result<Unit> write(const std::vector<RowEdit>& edits, Lsn applied, bool append);
  Result<Unit> write_edits(MDB_txn* txn, const std::vector<RowEdit>& edits, Head& head,
                           bool append);
  Result<Unit> measure();
  bool is_full() const;
  std::uint64_t free_pages(MDB_txn* txn) const;
  Result<Unit> write_head(MDB_txn* txn, const Head& head);
  Result<Head> read_head(MDB_txn* txn) const;

  MDB_env* env_;
  MDB_dbi dbi_;
  Uuid store_;
  std::unique_ptr<MapGuard> guard_;
  MDB_txn* reader_ = nullptr;  // Loop thread; renewed at publish().
  Head head_;  // As the readers see it.
  Head committed_;  // Written by commit(), adopted by publish().
  IndexRoom room_;
  IndexRoom committed_room_;
};

Result<Head> LmdbBase::read_head(MDB_txn* txn) const {
  const std::string key = head_key();
  MDB_val k{key.size(), const_cast<char*>(key.data())};
  MDB_val v{};
  const int rc = mdb_get(txn, dbi_, &k, &v);
  if (rc == MDB_NOTFOUND) return Head{};
  if (rc != 0) return lmdb_error("reading the head row", rc);
  const ByteView raw(static_cast<const std::uint8_t*>(v.mv_data), v.mv_size);
  if (raw.size() < 8 ||
      load_le<std::uint32_t>(raw, raw.size() - 4) != crc32c(raw.first(raw.size() - 4)))
    return fail(ErrorCode::kCorrupt, "index: the head row does not match its checksum");
  if (load_le<std::uint32_t>(raw, 0) != kRowFormat || raw.size() != kHeadBytes)
    return fail(ErrorCode::kInvalid, cat("index: row format ", load_le<std::uint32_t>(raw, 0),
                                         ", this version writes ", kRowFormat));
  if (!equal(raw.subspan(4, 16), store_))
    return fail(ErrorCode::kInvalid, "index: belongs to another store");
  return Head{Lsn{load_le<std::uint64_t>(raw, 20)}, load_le<std::uint32_t>(raw, 28),
              load_le<std::uint64_t>(raw, 32), load_le<std::uint32_t>(raw, 56),
              StateHash{load_le<std::uint64_t>(raw, 40), load_le<std::uint64_t>(raw, 48)}};
}

Result<Unit> LmdbBase::write_head(MDB_txn* txn, const Head& head) {
  std::uint8_t raw[kHeadBytes] = {};
  store_le<std::uint32_t>(raw, 0, kRowFormat);
  std::memcpy(raw + 4, store_.data(), store_.size());
  store_le<std::uint64_t>(raw, 20, head.applied.value);
  store_le<std::uint32_t>(raw, 28, head.next_layer);
  store_le<std::uint64_t>(raw, 32, head.rows);
  store_le<std::uint64_t>(raw, 40, head.hash.low);
  store_le<std::uint64_t>(raw, 48, head.hash.high);
  store_le<std::uint32_t>(raw, 56, head.sum);
  store_le<std::uint32_t>(raw, 60, crc32c(ByteView(raw, 60)));
  const std::string key = head_key();
  MDB_val k{key.size(), const_cast<char*>(key.data())};
  MDB_val v{sizeof raw, raw};
  const int rc = mdb_put(txn, dbi_, &k, &v, 0);
  if (rc != 0) return lmdb_error("writing the head row", rc);
  return Unit{};
}

Result<Unit> LmdbBase::load(std::uint32_t sum) {
  const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader_);
  if (rc != 0) return lmdb_error("starting a reader", rc);
  TRY(head, read_head(reader_));
  head_ = committed_ = head;
  if (sum != head.sum)
    return fail(ErrorCode::kCorrupt, "index: its entries do not match their sum");
  TRY_DO(measure());
  room_ = committed_room_;
  return Unit{};
}

// Pages that a later checkpoint may use again: LMDB keeps their numbers in a database of its own,
// each record beginning with how many they are.
std::uint64_t LmdbBase::free_pages(MDB_txn* txn) const {
  constexpr MDB_dbi kFreeList = 0;
  MDB_cursor* cursor = nullptr;
  if (mdb_cursor_open(txn, kFreeList, &cursor) != 0) return 0;
  std::uint64_t pages = 0;
  MDB_val k{};
  MDB_val v{};
  while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
    std::size_t count = 0;
    if (v.mv_size >= sizeof count) std::memcpy(&count, v.mv_data, sizeof count);
    pages += count;
  }
  mdb_cursor_close(cursor);
  return pages;
}

Result<Unit> LmdbBase::measure() {
  MDB_envinfo info;
  MDB_stat stat;
  int fd = -1;
  struct stat file{};
  if (mdb_env_info(env_, &info) != 0 || mdb_env_stat(env_, &stat) != 0 ||
      mdb_env_get_fd(env_, &fd) != 0 || fstat(fd, &file) != 0)
    return fail(ErrorCode::kIo, "index: its size cannot be read");
  MDB_txn* txn = nullptr;
  const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (rc != 0) return lmdb_error("starting a reader", rc);
  const std::uint64_t all = static_cast<std::uint64_t>(info.me_last_pgno) + 1;
  const std::uint64_t free = std::min(all, free_pages(txn));
  mdb_txn_abort(txn);
  committed_room_.used_bytes = (all - free) * stat.ms_psize;
  committed_room_.map_bytes = info.me_mapsize;
  // Holes are no allocation.
  committed_room_.allocated_bytes = static_cast<std::uint64_t>(
      std::min<off_t>(file.st_size, static_cast<off_t>(file.st_blocks) * 512));
  return Unit{};
}

Result<Unit> LmdbBase::allocate(std::uint64_t bytes) {
  TRY_DO(still_mapped(guard_.get()));
  int fd = -1;
  if (mdb_env_get_fd(env_, &fd) != 0) return fail(ErrorCode::kIo, "index: no file");
  const auto wanted = static_cast<off_t>(std::min(bytes, room_.map_bytes));
  // Not posix_fallocate(): where a file system cannot do it, that writes into every block.
  const int rc = fallocate(fd, 0, 0, wanted);
  const int failed = rc == 0 ? 0 : errno;
  committed_room_.ahead = failed != EOPNOTSUPP && failed != ENOSYS;
  TRY_DO(measure());
  room_ = committed_room_;
  if (failed == 0 || !room_.ahead) return Unit{};
  return lmdb_error("allocating its file ahead", failed);
}

void LmdbBase::watch(const std::string& dir, bool may_be_lost) {
  mdb_filehandle_t fd = -1;
  if (mdb_env_get_fd(env_, &fd) == 0)
    guard_ = std::make_unique<MapGuard>(
        fd, dir + "/data.mdb", dir + "/../state",
        may_be_lost ? MapGuard::OnFault::kLose : MapGuard::OnFault::kDie);
}

// A transaction of our own keeps its pages from being reused while they are walked. The meta pages
// may change under the walk, so a complaint counts only if it comes again.
Result<Unit> LmdbBase::verify() const {
  const char* path = nullptr;
  MDB_envinfo info;
  if (mdb_env_get_path(env_, &path) != 0 || mdb_env_info(env_, &info) != 0)
    return fail(ErrorCode::kIo, "index: it does not say where it is");
  Result<Unit> sound = Unit{};
  for (int attempt = 0; attempt < 3; ++attempt) {
    MDB_txn* txn = nullptr;
    const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
    if (rc != 0) return lmdb_error("starting a reader", rc);
    Summing summing;
    const Result<PageReport> walked =
        walk_lmdb_pages(cat(path, "/data.mdb"), info.me_mapsize, summing, mdb_txn_id(txn));
    std::optional<Result<Head>> head;
    if (walked.ok()) head.emplace(read_head(txn));
    mdb_txn_abort(txn);
    if (!walked.ok()) sound = walked.error();
    else if (!head->ok()) sound = head->error();
    else if (summing.sum == head->value().sum) return Unit{};
    else sound = fail(ErrorCode::kCorrupt, "index: its entries do not match their sum");
  }
  return sound;
}

std::uint64_t LmdbBase::bytes_used() const {
  MDB_envinfo info;
  MDB_stat stat;
  if (mdb_env_info(env_, &info) != 0 || mdb_env_stat(env_, &stat) != 0) return 0;
  return (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * stat.ms_psize;
}

std::string LmdbBase::describe() const {
  MDB_stat stat;
  if (mdb_env_stat(env_, &stat) != 0) return {};
  return cat(mdb_version(nullptr, nullptr, nullptr), " with pages of ", stat.ms_psize,
             " bytes, the system's have ", sysconf(_SC_PAGESIZE));
}

Result<std::unique_ptr<RowSnapshot>> LmdbBase::snapshot() const {
  MDB_txn* txn = nullptr;
  const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (rc != 0) return lmdb_error("starting a snapshot", rc);
  return std::unique_ptr<RowSnapshot>(new LmdbSnapshot(txn, dbi_, committed_, guard_.get()));
}

Result<Unit> LmdbBase::write(const std::vector<RowEdit>& edits, Lsn applied, bool append) {
  TRY_DO(still_mapped(guard_.get()));
  MDB_txn* txn = nullptr;
  int rc = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (rc != 0) return lmdb_error("starting a checkpoint", rc);
  Head head = committed_;
  head.applied = applied;
  Result<Unit> written = write_edits(txn, edits, head, append);
  if (Result<Unit> mapped = still_mapped(guard_.get()); !mapped.ok()) written = mapped;
  if (!written.ok()) {
    mdb_txn_abort(txn);
    return written.error();
  }
  rc = mdb_txn_commit(txn);
  if (rc == EIO && is_full()) rc = ENOSPC;
  TRY_DO(still_mapped(guard_.get()));
  if (rc != 0) return lmdb_error("committing a checkpoint", rc);
  committed_ = head;
  return measure();
}

Result<Unit> LmdbBase::write_edits(MDB_txn* txn, const std::vector<RowEdit>& edits, Head& head,
                                   bool append) {
  LayeredWriter writer(txn, dbi_, head.next_layer, head.sum, head.hash);
  for (const RowEdit& edit : edits) {
    const std::string key = logical_key(edit.table, edit.key);
    TRY(change, !edit.value ? writer.erase(key)
                : append    ? writer.append(key, *edit.value)
                            : writer.put(key, *edit.value));
    head.rows = static_cast<std::uint64_t>(static_cast<std::int64_t>(head.rows) + change);
  }
  head.next_layer = writer.next_layer();
  head.sum = writer.sum();
  head.hash = writer.hash();
  return write_head(txn, head);
}

// A write cut short by a full file system is EIO to LMDB. Only where the file could not be
// allocated ahead, and the file system is full now, is it taken for that.
bool LmdbBase::is_full() const {
  int fd = -1;
  struct statvfs info{};
  if (mdb_env_get_fd(env_, &fd) != 0 || fstatvfs(fd, &info) != 0) return false;
  const std::uint64_t left = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  return left < 64 * KiB && committed_room_.used_bytes + MiB > committed_room_.allocated_bytes;
}

void LmdbBase::publish() {
  mdb_txn_reset(reader_);
  check(mdb_txn_renew(reader_) == 0);
  head_ = committed_;
  room_ = committed_room_;
}

Result<Unit> remove_files(const std::string& dir) {
  for (const char* name : {"/data.mdb", "/lock.mdb"}) {
    if (unlink((dir + name).c_str()) != 0 && errno != ENOENT)
      return fail(ErrorCode::kIo, cat(dir, name, ": cannot be removed"));
  }
  return Unit{};
}

Result<Unit> sync_folder(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::kIo, cat(dir, ": cannot be opened"));
  const int rc = fsync(fd);
  ::close(fd);
  if (rc != 0) return fail(ErrorCode::kIo, cat(dir, ": fsync failed"));
  return Unit{};
}

Result<MDB_env*> open_env(const std::string& dir, std::uint64_t map_bytes) {
  TRY_DO(make_lmdb_file(dir + "/data.mdb", map_bytes));
  MDB_env* env = nullptr;
  int rc = mdb_env_create(&env);
  if (rc != 0) return lmdb_error("creating an environment", rc);
  const auto give_up = [&env](const std::string& what, int code) -> Error {
    mdb_env_close(env);
    return lmdb_error(what, code);
  };
  rc = mdb_env_set_mapsize(env, static_cast<std::size_t>(map_bytes));
  if (rc != 0) return give_up("setting the map size", rc);
  rc = mdb_env_set_maxreaders(env, 126);
  if (rc != 0) return give_up("setting the readers", rc);
  // Never NOSYNC, NOMETASYNC, WRITEMAP or MAPASYNC: store.md §5.
  rc = mdb_env_open(env, dir.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);
  if (rc != 0) return give_up(cat("opening ", dir), rc);
  return env;
}

}  // namespace

Result<std::unique_ptr<RowBase>> open_lmdb(const std::string& dir, const Uuid& store,
                                           LmdbOptions options) {
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(errno == EROFS || errno == EACCES ? ErrorCode::kReadOnly : ErrorCode::kIo,
                cat(dir, ": cannot be made"));
  if (options.fresh) TRY_DO(remove_files(dir));
  const std::uint64_t map_bytes = options.map_bytes != 0 ? options.map_bytes : default_map_bytes();
  Summing summing;
  TRY_DO(walk_lmdb_pages(dir + "/data.mdb", map_bytes, summing));
  TRY(env, open_env(dir, map_bytes));
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  int rc = mdb_txn_begin(env, nullptr, 0, &txn);
  if (rc == 0) rc = mdb_dbi_open(txn, nullptr, MDB_CREATE, &dbi);
  if (rc == 0) rc = mdb_txn_commit(txn);
  if (rc != 0) {
    mdb_env_close(env);
    return lmdb_error(cat("opening ", dir), rc);
  }
  auto base = std::make_unique<LmdbBase>(env, dbi, store);
  base->watch(dir, options.may_be_lost);
  TRY_DO(base->load(summing.sum));
  if (base->is_new()) {  // LMDB makes its file without a flush; torn, it would be no LMDB file.
    rc = mdb_env_sync(env, 1);
    if (rc != 0) return lmdb_error(cat("flushing ", dir), rc);
  }
  TRY_DO(sync_folder(dir));
  return std::unique_ptr<RowBase>(std::move(base));
}

}  // namespace creel::store
