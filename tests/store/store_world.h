// One simulated machine with a store of toy operations on it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/sim/world.h"
#include "store/store.h"
#include "tests/support/drive_base.h"
#include "tests/support/toy_decider.h"

namespace creel::test {

class StoreWorld {
 public:
  explicit StoreWorld(std::uint64_t seed, std::vector<std::string> dirs = {"d"})
      : world(seed), node(world.add_node("box")) {
    options.dirs = std::move(dirs);
    options.segment_bytes = 256 * KiB;
    options.size_bytes = 64 * MiB;
    options.batch_bytes_max = 64 * KiB;
    options.inline_bytes_max = 32 * KiB;
    options.checkpoint_rows = 64;
    options.open_base = [this](const std::string& dir, const store::Uuid&,
                               bool fresh) -> Result<std::unique_ptr<store::RowBase>> {
      fresh_opened += fresh ? 1 : 0;
      const auto keep = [](store::MemImage*) {};  // They live here.
      std::shared_ptr<store::MemImage> image(&images[dir], keep);
      return open_drive_base(node.disk(), dir, std::move(image), fresh);
    };
    options.log = [this](std::string_view line) {
      lines.emplace_back(line);
      if (std::getenv("CREEL_TRACE") != nullptr)
        std::fprintf(stderr, "store: %s\n", lines.back().c_str());
    };
  }
  ~StoreWorld() {
    if (node.alive()) node.crash(SimCrash::kProcess);  // The store may be at work.
    store.reset();
  }

  // The outcome of opening; then the store runs, if it is ok. kUnknown: the node crashed meanwhile.
  Result<Unit> open() {
    store.reset();
    auto opened =
        world.finish(node, store::Store::open(node.ctx(), node.platform(), decider, options));
    if (!opened) return fail(ErrorCode::kUnknown, "crashed while opening");
    if (!opened->ok()) return opened->error();
    store = opened->take();
    node.spawn(store->run(node.ctx()));
    return Unit{};
  }
  // A power cut, and the machine is on again.
  void crash(SimCrash kind = SimCrash::kPowerLoss) {
    if (node.alive()) node.crash(kind);
    store.reset();
    node.restart();
  }
  // Stops in order, with the final checkpoint; the machine is on again.
  Result<Unit> stop() {
    node.ctx().request_stop();
    world.run_until([&] { return node.scope().running() == 0; }, 60_s);
    auto closed = world.finish(node, store->close(node.ctx()));
    store.reset();
    node.crash(SimCrash::kProcess);
    node.restart();
    return closed ? *closed : fail(ErrorCode::kUnknown, "crashed while closing");
  }

  Result<store::Verdict> submit(store::Op op) {
    auto done = world.finish(node, store->submit(node.ctx(), std::move(op)));
    return done ? *done : fail(ErrorCode::kUnknown, "crashed");
  }
  Result<Bytes> read(std::string key) {
    auto done = world.finish(node, toy_read(node.ctx(), *store, std::move(key)));
    return done ? *done : fail(ErrorCode::kUnknown, "crashed");
  }
  Result<std::vector<store::Extent>> write_body(Bytes body, std::uint64_t hint = 0) {
    auto done = world.finish(node, write_body_task(std::move(body), hint));
    return done ? *done : fail(ErrorCode::kUnknown, "crashed");
  }
  // All rows of the toy, as readers see them.
  std::map<std::string, std::string> rows() {
    std::map<std::string, std::string> all;
    auto cursor = store->cursor(store::Table::kObject);
    check(cursor.ok());
    for (auto more = cursor.value()->seek(""); more.ok() && more.value();
         more = cursor.value()->next())
      all.emplace(cursor.value()->key(), cursor.value()->value());
    return all;
  }
  // The same without where bodies lie, which may change at any time.
  std::map<std::string, std::string> contents() {
    std::map<std::string, std::string> all = rows();
    for (auto& [key, row] : all)
      if (row[0] == 'p' || row[0] == 'b')
        for (std::size_t at = 1; at + store::kExtentBytes <= row.size(); at += store::kExtentBytes)
          row.replace(at, 16, 16, 0);
    return all;
  }
  bool said(std::string_view text) const {
    for (const std::string& line : lines)
      if (line.find(text) != std::string::npos) return true;
    return false;
  }

  SimWorld world;
  SimNode& node;
  std::map<std::string, store::MemImage> images;
  ToyDecider decider;
  store::Options options;
  std::unique_ptr<store::Store> store;
  std::vector<std::string> lines;
  int fresh_opened = 0;

 private:
  Task<Result<std::vector<store::Extent>>> write_body_task(Bytes body, std::uint64_t hint) {
    CO_TRY(writer, co_await store->start_body(node.ctx(), hint));
    for (std::size_t at = 0; at < body.size(); at += 100'000) {
      const std::size_t take = std::min<std::size_t>(100'000, body.size() - at);
      CO_DO(co_await writer->write(node.ctx(), ByteView(body).subspan(at, take)));
    }
    co_return co_await writer->seal(node.ctx());
  }
};

inline store::Op toy_body_op(std::string_view key, const std::vector<store::Extent>& extents) {
  Bytes rest;
  for (const store::Extent& extent : extents) append_extent(rest, extent);
  return toy_op('b', key, as_text(rest));
}

}  // namespace creel::test
