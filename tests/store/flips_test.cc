// Goal: whatever byte of whatever file of a drive is wrong, nothing wrong is served, nothing goes
// missing without being named, and nothing crashes (store.md §15, Flips).
//   CREEL_FLIPS=N   that many flips (`./dev sim flips N`); CREEL_SEED=…  only this one
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "platform/base/text.h"
#include "platform/uv/uv_world.h"
#include "store/index/lmdb_base.h"
#include "store/store.h"
#include "tests/store/store_world.h"
#include "tests/support/seeds.h"
#include "tests/support/toy_decider.h"

namespace creel::test {
namespace {

namespace fs = std::filesystem;

constexpr int kOps = 260;
constexpr std::size_t kBatchOfFlips = 250;  // In one child process.

// --- the truth -----------------------------------------------------------------------------------

// What one operation made of its key; nothing: deleted.
struct Deed {
  std::uint64_t lsn;
  std::string key;
  std::optional<Bytes> content;
  char kind;
};

// Small bodies in the log, large ones beside it, values in rows, replaced and deleted.
std::vector<Deed> make_deeds() {
  TestRandom random(Seed{20});
  std::vector<Deed> deeds;
  std::map<std::string, bool> there;
  for (std::uint64_t lsn = 1; lsn <= kOps; ++lsn) {
    Deed deed{lsn, cat("dir", random.below(3), "/key", random.below(60)), std::nullopt, 'p'};
    const std::uint64_t kind = random.below(20);
    if (kind < 3 && there[deed.key]) deed.kind = 'd';
    else if (kind < 7) deed.kind = 's';
    else if (kind < 9) deed.kind = 'b';
    if (deed.kind == 'p') deed.content = random.bytes(1 + random.below(6'000));
    if (deed.kind == 's')
      deed.content = Bytes(1 + random.below(300), static_cast<std::uint8_t>(lsn));
    if (deed.kind == 'b') deed.content = random.bytes(20'000 + random.below(120'000));
    there[deed.key] = deed.content.has_value();
    deeds.push_back(std::move(deed));
  }
  return deeds;
}

// --- the store -----------------------------------------------------------------------------------

store::Options options_at(const std::string& dir) {
  store::Options options;
  options.dirs = {dir};
  options.segment_bytes = 256 * KiB;
  options.size_bytes = 64 * MiB;
  options.batch_bytes_max = 64 * KiB;
  options.inline_bytes_max = 16 * KiB;
  options.checkpoint_rows = 40;
  options.open_base = [](const std::string& idx, const store::Uuid& uuid, bool fresh) {
    store::LmdbOptions lmdb;
    lmdb.map_bytes = 64 * MiB;
    lmdb.fresh = fresh;
    return store::open_lmdb(idx, uuid, lmdb);
  };
  return options;
}

Task<Result<std::unique_ptr<store::Store>>> open_at(Ctx& ctx, Platform& platform,
                                                    ToyDecider& decider, std::string dir) {
  store::Options options = options_at(dir);
  return store::Store::open(ctx, platform, decider, std::move(options));
}

Task<Result<Unit>> perform(Ctx& ctx, store::Store& store, const Deed& deed) {
  store::Op op;
  if (deed.kind == 'b') {
    CO_TRY(writer, co_await store.start_body(ctx, deed.content->size()));
    CO_DO(co_await writer->write(ctx, *deed.content));
    CO_TRY(extents, co_await writer->seal(ctx));
    op = toy_body_op(deed.key, extents);
  } else if (deed.kind == 's') {
    op = toy_op('s', deed.key, as_text(*deed.content));
  } else {
    op = toy_op(deed.kind, deed.key, {}, deed.content.value_or(Bytes()));
  }
  CO_TRY(verdict, co_await store.submit(ctx, std::move(op)));
  if (!verdict.accepted) co_return *verdict.error;
  co_return Unit{};
}

// All files of a folder, by path below it. Preallocated ones end with zeros: most of their bytes.
struct Content {
  Bytes used;
  std::size_t size = 0;
};
using Image = std::map<std::string, Content>;

Image read_image(const std::string& dir) {
  Image image;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    const int fd = ::open(entry.path().c_str(), O_RDONLY);
    Bytes all(entry.file_size());
    check(fd >= 0 && ::read(fd, all.data(), all.size()) == static_cast<ssize_t>(all.size()));
    ::close(fd);
    Content& content = image[entry.path().lexically_relative(dir).string()];
    content.size = all.size();
    while (!all.empty() && all.back() == 0) all.pop_back();
    content.used = std::move(all);
  }
  return image;
}

void write_image(const std::string& dir, const Image& image) {
  fs::remove_all(dir);
  fs::create_directories(dir + "/seg");
  fs::create_directories(dir + "/idx");
  for (const auto& [name, content] : image) {
    const int fd = ::open((dir + "/" + name).c_str(), O_WRONLY | O_CREAT, 0600);
    const auto bytes = static_cast<ssize_t>(content.used.size());
    check(fd >= 0 && ::write(fd, content.used.data(), content.used.size()) == bytes);
    check(::ftruncate(fd, static_cast<off_t>(content.size)) == 0);
    ::close(fd);
  }
}

// The folder of a store that performed all deeds: while it runs, and after it has stopped in order.
Task<void> build(UvWorld& world, const std::string& dir, const std::vector<Deed>& deeds) {
  Ctx root(world.platform().executor, world.platform().clock);
  ToyDecider decider;
  auto store = co_await open_at(root, world.platform(), decider, dir + "/live");
  check(store.ok());
  Scope scope(root);
  scope.spawn(store.value()->run(scope.ctx()));
  for (const Deed& deed : deeds) {
    const Result<Unit> done = co_await perform(root, *store.value(), deed);
    check(done.ok());
    if (deed.lsn != kOps * 3 / 4) continue;
    const Result<Unit> kept = co_await store.value()->checkpoint(root);
    check(kept.ok());
  }
  write_image(dir + "/cut", read_image(dir + "/live"));
  scope.request_stop();
  co_await scope.join();
  const Result<Unit> closed = co_await store.value()->close(root);
  check(closed.ok());
  write_image(dir + "/clean", read_image(dir + "/live"));
}

// --- one flip ------------------------------------------------------------------------------------

struct Tally {
  std::uint64_t flips = 0;
  std::uint64_t unseen = 0;  // Everything is there, and nothing was said.
  std::uint64_t named = 0;  // Something is damaged and was named.
  std::uint64_t rebuilt = 0;  // The index was.
  std::uint64_t refused = 0;  // The store did not open, and said why.
  std::uint64_t wrong = 0;  // Anything else.
  std::uint64_t crashed = 0;
  void add(const Tally& more) {
    flips += more.flips, unseen += more.unseen, named += more.named, rebuilt += more.rebuilt;
    refused += more.refused, wrong += more.wrong, crashed += more.crashed;
  }
};

struct Flip {
  std::string file;
  std::size_t offset = 0;
  std::uint8_t mask = 1;
  bool clean = true;  // The image that was stopped in order.
  bool running = false;  // The store is open already.
  bool go_on = false;  // Write, stop, and look again.
};

std::string kind_of(const std::string& file) { return file.substr(0, 4) == "seg/" ? "seg" : file; }

// Every kind of file as often as another; of preallocated ones mostly what is in use.
Flip choose(TestRandom& random, const Image& clean, const Image& cut) {
  Flip flip;
  flip.clean = random.below(2) == 0;
  const Image& image = flip.clean ? clean : cut;
  std::map<std::string, std::vector<std::string>> kinds;
  for (const auto& [name, content] : image)
    if (content.size > 0) kinds[kind_of(name)].push_back(name);
  auto kind = kinds.begin();
  // Two shares each for segments and the index: they hold what can be lost.
  const std::size_t choice = random.below(kinds.size() + 2);
  if (choice == kinds.size()) kind = kinds.find("seg");
  else if (choice > kinds.size()) kind = kinds.find("idx/data.mdb");
  else std::advance(kind, static_cast<std::ptrdiff_t>(choice));
  flip.file = kind->second[random.below(kind->second.size())];
  const Content& content = image.find(flip.file)->second;
  const std::size_t used = std::max<std::size_t>(content.used.size(), 1);
  flip.offset = random.below(random.below(10) == 0 ? content.size : used);
  flip.mask = random.below(2) == 0 ? static_cast<std::uint8_t>(1U << random.below(8))
                                   : static_cast<std::uint8_t>(1 + random.below(255));
  flip.running = kind->first == "seg" && random.below(4) == 0;
  flip.go_on = random.below(4) == 0;
  return flip;
}

class Trial {
 public:
  Trial(UvWorld& world, std::string dir, const std::vector<Deed>& deeds, Flip flip, Tally& tally)
      : world_(world), dir_(std::move(dir)), deeds_(deeds), flip_(std::move(flip)), tally_(tally) {}

  Task<void> run() {
    ++tally_.flips;
    if (!flip_.running) harm();
    Ctx root(world_.platform().executor, world_.platform().clock);
    Result<std::unique_ptr<store::Store>> opened =
        co_await open_at(root, world_.platform(), decider_, dir_);
    if (!opened.ok()) {
      // Only what cannot be made again may keep a store from opening.
      const bool excused = flip_.file == "creel.drive" && !opened.error().detail.empty();
      if (!excused) complain(cat("does not open: ", error_text(opened.error())));
      ++tally_.refused;
      co_return;
    }
    store_ = opened.take();
    if (flip_.running) harm();
    co_await compare(root);
    if (flip_.go_on && !wrong_) co_await go_on(root);
    count();
  }

 private:
  void harm() const {
    const int fd = ::open((dir_ + "/" + flip_.file).c_str(), O_RDWR);
    std::uint8_t byte = 0;
    const auto at = static_cast<off_t>(flip_.offset);
    check(fd >= 0 && ::pread(fd, &byte, 1, at) == 1);
    byte = static_cast<std::uint8_t>(byte ^ flip_.mask);
    check(::pwrite(fd, &byte, 1, at) == 1);
    ::close(fd);
  }

  // Did the store say that this operation is lost?
  bool is_named(std::uint64_t lsn) const {
    for (const store::LostRange& lost : store_->lost())
      if (lost.first.value <= lsn && lsn <= lost.last.value) return true;
    for (const std::string& text : store_->status().damage)
      if (text.find(cat("operation ", lsn, ' ')) != std::string::npos) return true;
    // A batch in flight when the power went may be there or not: the last one of a cut image.
    return !flip_.clean && lsn == deeds_.size() && store_->status().last.value < lsn;
  }

  Task<void> compare(Ctx& root) {
    std::map<std::string, std::vector<const Deed*>> history;
    for (const Deed& deed : deeds_) history[deed.key].push_back(&deed);
    for (const auto& [key, past] : history) {
      std::string copy = key;
      Result<Bytes> read = co_await toy_read(root, *store_, std::move(copy));
      if (!read.ok() && read.error().code != ErrorCode::kNotFound) {
        named_ = true;
        if (read.error().code != ErrorCode::kCorrupt)
          complain(cat(key, ": ", error_text(read.error())));
        continue;
      }
      // The newest deed, or an older one if all behind it are named as lost.
      bool fits = false;
      for (std::size_t i = past.size(); !fits; --i) {
        const std::optional<Bytes> want = i == 0 ? std::nullopt : past[i - 1]->content;
        fits = read.ok() ? want.has_value() && read.value() == *want : !want.has_value();
        if (i == 0 || fits || !is_named(past[i - 1]->lsn)) break;
      }
      if (!fits) complain(cat(key, read.ok() ? ": wrong bytes" : ": missing, and nobody said so"));
    }
    const auto cursor = store_->cursor(store::Table::kObject);
    check(cursor.ok());
    Result<bool> more = cursor.value()->seek("");
    for (; more.ok() && more.value(); more = cursor.value()->next())
      if (!history.contains(std::string(cursor.value()->key())))
        complain(cat(cursor.value()->key(), ": a row that nobody made"));
    if (!more.ok()) complain(cat("listing: ", error_text(more.error())));
  }

  // Serves on, stops in order and starts again: what was found is still known.
  Task<void> go_on(Ctx& root) {
    {
      Scope scope(root);
      scope.spawn(store_->run(scope.ctx()));
      const Deed deed{0, "new", to_bytes(std::string_view("content")), 's'};
      const Result<Unit> done = co_await perform(root, *store_, deed);
      if (!done.ok()) complain(cat("a new write: ", error_text(done.error())));
      scope.request_stop();
      co_await scope.join();
    }
    const Result<Unit> closed = co_await store_->close(root);
    if (!closed.ok()) complain(cat("stopping: ", error_text(closed.error())));
    count();
    store_.reset();
    Result<std::unique_ptr<store::Store>> opened =
        co_await open_at(root, world_.platform(), decider_, dir_);
    if (!opened.ok()) {
      complain(cat("does not open again: ", error_text(opened.error())));
      co_return;
    }
    store_ = opened.take();
    Result<Bytes> read = co_await toy_read(root, *store_, "new");
    if (!read.ok() || as_text(read.value()) != "content") complain("the new write is gone");
  }

  void complain(const std::string& what) {
    if (wrong_) return;
    wrong_ = true;
    std::fprintf(stderr, "flip of %s offset %zu mask %u, image %s%s: %s\n", flip_.file.c_str(),
                 flip_.offset, flip_.mask, flip_.clean ? "clean" : "cut",
                 flip_.running ? ", while open" : "", what.c_str());
  }

  void count() {
    if (counted_ || store_ == nullptr) return;
    counted_ = true;
    const store::Status status = store_->status();
    bool rebuilt = false;
    for (const std::string& text : status.damage)
      rebuilt = rebuilt || text.find("rebuil") != std::string::npos;
    if (wrong_) ++tally_.wrong;
    else if (rebuilt) ++tally_.rebuilt;
    else if (named_ || !status.damage.empty()) ++tally_.named;
    else ++tally_.unseen;
  }

  UvWorld& world_;
  std::string dir_;
  const std::vector<Deed>& deeds_;
  Flip flip_;
  Tally& tally_;
  ToyDecider decider_;
  std::unique_ptr<store::Store> store_;
  bool named_ = false;
  bool wrong_ = false;
  bool counted_ = false;
};

// --- the campaign --------------------------------------------------------------------------------

class Campaign {
 public:
  Campaign() : deeds_(make_deeds()) {
    std::string name =
        fs::exists("/dev/shm") ? "/dev/shm/creel-flips-XXXXXX" : "/tmp/creel-flips-XXXXXX";
    check(mkdtemp(name.data()) != nullptr);
    dir_ = name;
    const Tally built = in_a_child([this](Tally&) {
      const auto world = UvWorld::make();
      check(world.ok());
      world.value()->run(build(*world.value(), dir_, deeds_));
    });
    check(built.crashed == 0);
    clean_ = read_image(dir_ + "/clean");
    cut_ = read_image(dir_ + "/cut");
  }
  ~Campaign() { fs::remove_all(dir_); }

  Tally run(const std::vector<Seed>& all) {
    Tally sum;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = std::min(at + kBatchOfFlips, all.size());
      const Tally some = in_a_child([&](Tally& tally) { run_some(all, at, end, tally); });
      sum.add(some);
      at += some.flips;
      if (some.crashed > 0)
        std::fprintf(stderr, "the process died; %s\n", all[at - 1].replay_hint().c_str());
    }
    return sum;
  }
  bool has(const std::string& file) const { return clean_.contains(file) && cut_.contains(file); }

 private:
  void run_some(const std::vector<Seed>& all, std::size_t at, std::size_t end, Tally& tally) const {
    const auto world = UvWorld::make();
    check(world.ok());
    for (; at < end; ++at) {
      TestRandom random(all[at]);
      const Flip flip = choose(random, clean_, cut_);
      write_image(dir_ + "/trial", flip.clean ? clean_ : cut_);
      const std::uint64_t wrong = tally.wrong;
      Trial trial(*world.value(), dir_ + "/trial", deeds_, flip, tally);
      world.value()->run(trial.run());
      if (tally.wrong > wrong) std::fprintf(stderr, "  %s\n", all[at].replay_hint().c_str());
    }
  }

  // Runs `work` in a process of its own, whose tally survives its death.
  template <class Work>
  Tally in_a_child(const Work& work) const {
    const std::string path = dir_ + "/tally";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(fd >= 0 && ::ftruncate(fd, sizeof(Tally)) == 0);
    void* map = ::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(map != MAP_FAILED);
    Tally& shared = *new (map) Tally();
    const pid_t child = ::fork();
    check(child >= 0);
    if (child == 0) {
      work(shared);
      ::_exit(0);
    }
    int status = 0;
    check(::waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++shared.crashed;
    const Tally result = shared;
    ::munmap(map, sizeof(Tally));
    ::close(fd);
    return result;
  }

  std::vector<Deed> deeds_;
  std::string dir_;
  Image clean_;
  Image cut_;
};

TEST(Flips, NothingWrongIsServedNothingIsMissingUnnoticedNothingCrashes) {
  Campaign campaign;
  for (const char* file : {"creel.drive", "state", "idx/data.mdb", "idx/lock.mdb"})
    EXPECT_TRUE(campaign.has(file)) << file;
  const std::size_t flips = seeds_detail::env_number("CREEL_FLIPS", 1'500);
  const Tally tally = campaign.run(seeds(flips));
  std::printf(
      "%llu flips: %llu without effect, %llu named, %llu index rebuilt, %llu refused\n",
      static_cast<unsigned long long>(tally.flips), static_cast<unsigned long long>(tally.unseen),
      static_cast<unsigned long long>(tally.named), static_cast<unsigned long long>(tally.rebuilt),
      static_cast<unsigned long long>(tally.refused));
  EXPECT_EQ(tally.wrong, 0u);
  EXPECT_EQ(tally.crashed, 0u);
  EXPECT_GT(tally.flips, 0u);
  if (tally.flips < 500) return;
  EXPECT_GT(tally.named, 0u);
  EXPECT_GT(tally.rebuilt, 0u);
  EXPECT_GT(tally.refused, 0u);
}

}  // namespace
}  // namespace creel::test
