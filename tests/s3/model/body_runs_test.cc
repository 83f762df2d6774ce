// Goal: a range of an object of many parts is found by walking no further than the range.
// Method: a list of parts in rows, every row read is counted; runs are compared with the whole
// body's, cut by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "s3/model/records.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

class CountedRows final : public store::StagedRows {
 public:
  using Name = std::pair<store::Table, std::string>;

  Result<std::optional<std::string>> find(store::Table table, std::string_view key) const override {
    if (table == store::Table::kManifest) ++pieces_read;
    const auto at = rows.find(Name{table, std::string(key)});
    if (at == rows.end()) return std::optional<std::string>();
    return std::optional<std::string>(at->second);
  }
  Result<std::unique_ptr<store::RowCursor>> cursor(store::Table) const override {
    return fail(ErrorCode::kUnsupported, "no cursors here");
  }
  void put(store::Table table, std::string_view key, std::string_view value) override {
    rows[Name{table, std::string(key)}] = std::string(value);
  }
  void erase(store::Table table, std::string_view key) override {
    rows.erase(Name{table, std::string(key)});
  }
  std::map<Name, std::string> rows;
  mutable unsigned pieces_read = 0;
};

constexpr std::size_t kPartsAPiece = 45;

struct ManyParts {
  explicit ManyParts(const std::vector<std::uint64_t>& sizes) {
    std::vector<PartRef> list;
    for (const std::uint64_t size : sizes) {
      const auto number = static_cast<std::uint16_t>(list.size() + 1);
      list.push_back({{100, number}, size, number});
      BlobRecord blob;
      blob.references = 1;
      blob.size = size;
      blob.manifest = "E" + std::to_string(number);
      rows.put(store::Table::kBlob, list.back().blob.bytes(), blob.encode());
      object.size += size;
    }
    const std::string document = encode_parts(list);
    object.body.kind = Body::Kind::kParts;
    object.documents = {200, 1};
    object.parts_bytes = static_cast<std::uint32_t>(document.size());
    put_document(rows, object.documents, 'p', document);
  }
  // "E1[0,5) E2[0,3) ", or the error.
  std::string runs(std::uint64_t offset, std::uint64_t length) {
    rows.pieces_read = 0;
    const auto found = body_runs(rows, object, offset, length);
    if (!found.ok()) return error_text(found.error());
    std::string out;
    for (const BodyRun& run : found.value())
      out += run.manifest + "[" + std::to_string(run.offset) + "," +
             std::to_string(run.offset + run.length) + ") ";
    return out;
  }
  CountedRows rows;
  ObjectRecord object;
};

TEST(BodyRuns, NothingBehindTheRangeIsRead) {
  ManyParts body(std::vector<std::uint64_t>(10'000, 7));
  EXPECT_EQ(body.runs(5, 4), "E1[5,7) E2[0,2) ");
  EXPECT_EQ(body.rows.pieces_read, 1u);
  EXPECT_EQ(body.runs(7 * kPartsAPiece - 1, 1), "E45[6,7) ");
  EXPECT_EQ(body.rows.pieces_read, 1u) << "the range ends where the piece ends";
  EXPECT_EQ(body.runs(7 * kPartsAPiece - 1, 2), "E45[6,7) E46[0,1) ");
  EXPECT_EQ(body.rows.pieces_read, 2u);
  EXPECT_EQ(body.runs(69'999, 1), "E10000[6,7) ");
  EXPECT_EQ(body.runs(3, 0), "");
  EXPECT_EQ(body.rows.pieces_read, 0u);
}

TEST(BodyRuns, AnyRangeOfAnyPartsIsCutExactly) {
  for (const Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    std::vector<std::uint64_t> sizes(1 + random.below(300));
    for (std::uint64_t& size : sizes) size = random.chance(0.1) ? 0 : random.below(50);
    ManyParts body(sizes);
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t offset = random.below(body.object.size + 1);
      const std::uint64_t length = random.below(body.object.size - offset + 1);
      std::string expected;
      std::uint64_t at = 0;
      for (std::size_t part = 0; part < sizes.size(); at += sizes[part++]) {
        const std::uint64_t from = std::max(offset, at);
        const std::uint64_t until = std::min(offset + length, at + sizes[part]);
        if (from < until)
          expected += "E" + std::to_string(part + 1) + "[" + std::to_string(from - at) + "," +
                      std::to_string(until - at) + ") ";
      }
      ASSERT_EQ(body.runs(offset, length), expected) << offset << '+' << length;
    }
  }
}

TEST(BodyRuns, AListWithAHoleOrTooShortIsDamage) {
  ManyParts body(std::vector<std::uint64_t>(100, 10));
  ManyParts shorter(std::vector<std::uint64_t>(100, 9));
  shorter.object.size = 1000;
  EXPECT_EQ(shorter.runs(900, 100).substr(0, 7), "corrupt");
  auto last = std::prev(body.rows.rows.end());
  ASSERT_EQ(last->first.first, store::Table::kManifest);
  last->second.resize(20);
  EXPECT_EQ(body.runs(990, 10).substr(0, 7), "corrupt") << "a piece lost its end";
  body.rows.rows.erase(last);
  EXPECT_EQ(body.runs(990, 10).substr(0, 7), "corrupt");
  EXPECT_EQ(body.runs(0, 10), "E1[0,10) ") << "what is whole is given";
}

}  // namespace
}  // namespace creel::s3
