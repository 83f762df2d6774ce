// Goal: what the audit log says is all there, in order, and nobody changes a line unseen.
// Method: the log on a simulated disk that fails, fills and loses power.
#include "app/audit_log.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "platform/sim/world.h"
#include "tests/support/seeds.h"

namespace creel::app {
namespace {

using creel::test::seeds;
using creel::test::TestRandom;

constexpr std::string_view kPath = "/var/audit.log";

AuditEntry entry_of(std::size_t number) {
  AuditEntry entry;
  entry.request_id = cat("R", number);
  entry.who = "arn:aws:iam::team:root";
  entry.from = "192.0.2.1";
  entry.action = "s3:GetObject";
  entry.resource = "bucket/\"key\"\n,\"hash\":\"x";
  entry.allowed = number % 2 == 0;
  entry.why = "bucket owner";
  entry.status = 200;
  return entry;
}

struct AuditTest : testing::Test {
  AuditTest() : world(1), node(world.add_node("box")) {
    EXPECT_TRUE(run(disk().make_dir(node.ctx(), "/var")).ok());
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> done = world.finish(node, std::move(task));
    check(done.has_value());
    return std::move(*done);
  }
  Disk& disk() { return node.platform().disk; }

  Result<std::unique_ptr<AuditLog>> open(std::uint64_t bytes_max = 64 * MiB) {
    return run(AuditLog::open(node.ctx(), disk(), std::string(kPath), bytes_max,
                              [this](std::string_view) { ++alarms; }));
  }
  // Adds entries, writes them all and ends.
  void write(AuditLog& log, std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < from + count; ++i) log.add(entry_of(i));
    Ctx stopping(node.ctx());
    stopping.request_stop();
    run(finish(stopping, log));
  }
  static Task<Unit> finish(Ctx& ctx, AuditLog& log) {
    co_await log.run(ctx);
    co_return Unit{};
  }
  std::string text(std::string path = std::string(kPath)) {
    Result<Bytes> content = run(read_file(node.ctx(), disk(), std::move(path), 16 * MiB));
    return content.ok() ? to_string(content.value()) : std::string();
  }

  SimWorld world;
  SimNode& node;
  int alarms = 0;
};

TEST_F(AuditTest, EachLineFollowsTheOneBeforeOverRestarts) {
  for (std::size_t start = 0; start < 30; start += 10) {
    Result<std::unique_ptr<AuditLog>> log = open();
    ASSERT_TRUE(log.ok()) << log.error().detail;
    write(*log.value(), start, 10);
    EXPECT_EQ(log.value()->written(), 10u);
  }
  const AuditVerdict verdict = verify_audit(text());
  EXPECT_EQ(verdict.problem, "");
  EXPECT_EQ(verdict.lines, 30u);
  for (int i = 0; i < 30; ++i) EXPECT_NE(text().find(cat("\"R", i, "\"")), std::string::npos);
}

TEST_F(AuditTest, AnyChangeIsNamed) {
  Result<std::unique_ptr<AuditLog>> log = open();
  ASSERT_TRUE(log.ok());
  write(*log.value(), 0, 8);
  const std::string good = text();
  for (const creel::test::Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    std::string bad = good;
    const std::size_t at = random.below(bad.size());
    switch (random.below(3)) {
      case 0: bad[at] = static_cast<char>(bad[at] ^ 1); break;
      case 1: {  // A whole line taken out; the last one cannot be missed.
        const std::size_t begin =
            bad.rfind('\n', at) == std::string::npos ? 0 : bad.rfind('\n', at) + 1;
        const std::size_t end = bad.find('\n', begin) + 1;
        if (end == bad.size() || begin == 0) continue;
        bad.erase(begin, end - begin);
        break;
      }
      default: {  // Two lines change places.
        const std::size_t first = bad.find('\n') + 1, second = bad.find('\n', first) + 1;
        bad = bad.substr(first, second - first) + bad.substr(0, first) + bad.substr(second);
      }
    }
    const AuditVerdict verdict = verify_audit(bad);
    EXPECT_NE(verdict.problem, "");
    EXPECT_LT(verdict.lines, 8u);
  }
}

TEST_F(AuditTest, AFullFileBecomesTheOlderOneAndTheChainGoesOn) {
  Result<std::unique_ptr<AuditLog>> log = open(2'000);
  ASSERT_TRUE(log.ok());
  write(*log.value(), 0, 10);
  write(*log.value(), 10, 10);
  const std::string older = text(cat(kPath, ".1"));
  ASSERT_FALSE(older.empty());
  EXPECT_EQ(verify_audit(older + text()).problem, "");
  EXPECT_EQ(verify_audit(older + text()).lines, 20u);
  EXPECT_EQ(verify_audit(text()).problem, "") << "alone it is a piece of a chain";
}

TEST_F(AuditTest, ALineThatWasCutIsCutOff) {
  {
    Result<std::unique_ptr<AuditLog>> log = open();
    ASSERT_TRUE(log.ok());
    write(*log.value(), 0, 5);
  }
  const std::string cut = text().substr(0, text().size() - 7);
  Bytes content = to_bytes(std::string_view(cut));
  ASSERT_TRUE(
      run(write_file_durable(node.ctx(), disk(), std::string(kPath), std::move(content))).ok());
  EXPECT_NE(verify_audit(cut).problem, "");
  Result<std::unique_ptr<AuditLog>> again = open();
  ASSERT_TRUE(again.ok()) << again.error().detail;
  write(*again.value(), 5, 1);
  EXPECT_EQ(verify_audit(text()).problem, "");
  EXPECT_EQ(verify_audit(text()).lines, 5u);
}

TEST_F(AuditTest, AChangedEndIsNotWrittenBehind) {
  {
    Result<std::unique_ptr<AuditLog>> log = open();
    ASSERT_TRUE(log.ok());
    write(*log.value(), 0, 5);
  }
  std::string changed = text();
  changed[changed.size() - 100] ^= 1;
  Bytes content = to_bytes(std::string_view(changed));
  ASSERT_TRUE(
      run(write_file_durable(node.ctx(), disk(), std::string(kPath), std::move(content))).ok());
  EXPECT_EQ(open().error().code, ErrorCode::kCorrupt);
}

TEST_F(AuditTest, AFullQueueDropsCountsAndSaysSo) {
  Result<std::unique_ptr<AuditLog>> log = open();
  ASSERT_TRUE(log.ok());
  for (std::size_t i = 0; i < AuditLog::kQueueMax + 3; ++i) log.value()->add(entry_of(i));
  EXPECT_EQ(log.value()->dropped(), 3u);
  write(*log.value(), 0, 0);
  write(*log.value(), 9, 1);
  EXPECT_NE(text().find("\"dropped\":3"), std::string::npos);
  EXPECT_EQ(verify_audit(text()).problem, "");
}

}  // namespace
}  // namespace creel::app
