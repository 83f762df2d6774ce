#include "platform/codec/stream.h"
#include "tests/filters/support.h"

namespace creel::filters::test {
namespace {

std::string zstd_of(std::string_view text) {
  const auto packed = zstd_compress(as_bytes(text));
  EXPECT_TRUE(packed.ok());
  return to_string(packed.value());
}

std::string plain_of(std::string_view packed) {
  const auto plain = zstd_decompress(as_bytes(packed), 1 << 24);
  EXPECT_TRUE(plain.ok());
  return plain.ok() ? to_string(plain.value()) : std::string();
}

// printf 'a,b\n1,2\n3,4\n' | gzip -n
std::string gzip_sample() {
  return to_string(*hex_decode("1f8b08000000000000034bd449e232d431e232d631e10200e5e9d6ce0c000000"));
}

constexpr std::string_view kSql = "sql = 'SELECT * FROM S3Object WHERE a > 1'\nmax_errors = '100%'";

TEST(PackedInput, GzipLeavesAsZstd) {
  const Outcome o = run_rule(kSql, gzip_sample(), "a.csv.gz");
  EXPECT_EQ(o.held, "") << o.detail;
  EXPECT_TRUE(o.zstd);
  EXPECT_EQ(plain_of(o.out), "a,b\n3,4\n");
  EXPECT_EQ(run_rule(cat(kSql, "\nencode = 'same+none'"), gzip_sample(), "a.csv.gz").out,
            "a,b\n3,4\n");
}

TEST(PackedInput, ManyMembersAndFrames) {
  EXPECT_EQ(run_rule(cat(kSql, "\nencode = 'csv+none'"), gzip_sample() + gzip_sample(), "a.csv.gz")
                .counters.rows,
            5u);
  EXPECT_EQ(
      run_rule(cat(kSql, "\nencode = 'csv+none'"), zstd_of("a,b\n5,") + zstd_of("6\n7,8\n")).out,
      "a,b\n5,6\n7,8\n");
}

TEST(PackedInput, CutAnywhereIsHeldNeverPartial) {
  std::string text = "a,b\n";
  for (int i = 0; i < 300; ++i) text += cat(i * 7919 % 1000, ",row ", i, "\n");
  const std::string packed[] = {gzip_sample(), zstd_of(text)};
  for (const std::string& whole : packed) {
    for (std::size_t size = 4; size < whole.size(); ++size) {
      const Outcome o = run_rule(kSql, whole.substr(0, size));
      ASSERT_EQ(o.held, "truncated") << size;
      ASSERT_EQ(o.out + o.dead, "");
    }
    EXPECT_EQ(run_rule(kSql, whole).held, "");
  }
}

TEST(PackedInput, DamageAndTrailingBytesAreHeld) {
  std::string text = "a,b\n";
  for (int i = 0; i < 300; ++i) text += cat(i, ",row ", i, "\n");
  for (const std::string& whole : {gzip_sample(), zstd_of(text)}) {
    EXPECT_EQ(run_rule(kSql, whole + "x").held, "truncated");
    std::string damaged = whole;
    damaged[damaged.size() - 2] ^= 1;
    EXPECT_EQ(run_rule(kSql, damaged).held, "truncated");
  }
}

TEST(PackedInput, BombsAreHeld) {
  const std::string bomb = zstd_of(std::string(8'000'000, 'x'));
  EXPECT_EQ(run_rule(kSql, bomb).held, "bomb");
  EXPECT_EQ(
      run_rule(cat(kSql, "\nmax_inflated = 1000"), zstd_of("a,b\n" + std::string(2000, '1'))).held,
      "bomb");
  EXPECT_EQ(run_rule(cat(kSql, "\nmax_inflated = 1000"), "a,b\n" + std::string(2000, '1')).held,
            "bomb");
}

TEST(PackedInput, ShortObjectsArePlain) {
  EXPECT_EQ(run_rule("sql = 'SELECT * FROM S3Object'", "a\n1").out, "a\n1");
  EXPECT_EQ(run_rule("sql = 'SELECT * FROM S3Object'", "a").out, "a\n");
  EXPECT_EQ(run_rule("sql = 'SELECT * FROM S3Object'\nencode = 'same+zstd'", "").held, "");
}

}  // namespace
}  // namespace creel::filters::test
