#include "store/index/mem_base.h"

#include <gtest/gtest.h>

#include "tests/store/base_contract.h"

namespace creel::test {
namespace {

struct OpenMem {
  std::unique_ptr<store::RowBase> operator()(bool fresh) {
    return std::make_unique<store::MemBase>(image, fresh);
  }
  store::MemImage image;
};

TEST(MemBase, IsEmptyWhenFresh) {
  OpenMem open;
  expect_empty_when_fresh(open);
}

TEST(MemBase, ReadersMoveAtPublish) {
  OpenMem open;
  expect_readers_move_at_publish(open);
}

TEST(MemBase, SnapshotsStayAndLoadIntoAnEmptyOne) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    OpenMem open;
    expect_snapshots_and_loads(open, seed);
  }
}

TEST(MemBase, EqualsAnOrderedMap) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    OpenMem open;
    expect_equals_a_map(open, seed, 20);
  }
}

}  // namespace
}  // namespace creel::test
