#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "store/store.h"

namespace creel::store {

class Engine;

// How far a scrub has come: behind this row of the tables that name bodies.
struct ScrubPlace {
  Table table = Table::kSys;  // kSys: at the start.
  std::string key;
};

// Reads back what a store holds and names what is wrong: the index against its sums, every body
// that a row names, and, if asked, every record of the log. Whatever writers do meanwhile goes on;
// bytes that moved or went away under it are no damage. Loop thread only; one pass at a time.
class Checker {
 public:
  explicit Checker(Engine& engine) : engine_(engine) {}

  // As fast as the drive gives it. After begin().
  Task<void> check_all(Ctx& ctx);
  // From place() on, at most `bytes_per_second`, each piece only while no batch is being written.
  // True: it got to the end.
  Task<bool> scrub(Ctx& ctx, std::uint64_t bytes_per_second);

  const CheckProgress& progress() const { return progress_; }
  const ScrubPlace& place() const { return place_; }
  void set_place(ScrubPlace place) { place_ = std::move(place); }

  // A new pass: progress() from nothing.
  void begin();

 private:
  // A row and the bodies that it names.
  struct Item {
    Table table;
    std::string key;
    std::string value;
    std::vector<Extent> extents;
  };
  void finish(bool whole);
  Task<void> check_index(Ctx& ctx);
  Task<void> check_image(Ctx& ctx);
  Task<bool> check_bodies(Ctx& ctx);
  Task<bool> check_log(Ctx& ctx);
  // Rows behind place_ that name bodies, a few of them; moves place_. Empty: no more.
  Result<std::vector<Item>> next_items();
  Result<bool> take_items(std::vector<Item>& items);
  Task<void> check_item(Ctx& ctx, Item item);
  Task<Result<Unit>> check_extent(Ctx& ctx, Extent extent);
  bool still_named(const Item& item) const;
  void forget_damage(const Item& item);
  void name_damage(const Item& item, const Error& why);
  void found(std::string text);
  Task<void> keep_pace(Ctx& ctx, std::uint64_t bytes);

  Engine& engine_;
  CheckProgress progress_;
  ScrubPlace place_;  // All before it was read.
  ScrubPlace ahead_;  // Rows up to here were taken.
  std::uint64_t rate_ = 0;  // 0: no bound.
};

}  // namespace creel::store
