#include "platform/codec/toml.h"

#include <gtest/gtest.h>

namespace creel {
namespace {

TomlValue parse(std::string_view text) {
  Result<TomlValue> root = parse_toml(text);
  EXPECT_TRUE(root.ok()) << root.error().detail;
  return root.ok() ? root.take() : TomlValue{};
}

Error refusal(std::string_view text, TomlLimits limits = {}) {
  Result<TomlValue> root = parse_toml(text, limits);
  EXPECT_FALSE(root.ok()) << text;
  return root.ok() ? Error{} : root.error();
}

TEST(Toml, ReadsEveryTypeWithItsPlace) {
  const TomlValue root = parse(
      "name = \"edge\"\n[store]\npath = 'a\\b'\nsize = 1_000\nratio = 0.5\n  on = true\n"
      "list = [1, \"two\", {x = 3}]\n");
  ASSERT_NE(root.find("store"), nullptr);
  const TomlValue& store = *root.find("store");
  EXPECT_EQ(root.find("name")->string, "edge");
  EXPECT_EQ(store.find("path")->string, "a\\b");
  EXPECT_EQ(store.find("size")->integer, 1000);
  EXPECT_EQ(store.find("size")->real, 1000.0);
  EXPECT_EQ(store.find("ratio")->real, 0.5);
  EXPECT_EQ(store.find("on")->type, TomlType::kBoolean);
  EXPECT_TRUE(store.find("on")->boolean);
  EXPECT_EQ(store.find("on")->place.line, 6u);
  EXPECT_EQ(store.find("on")->place.column, 8u);
  EXPECT_EQ(store.entries[3].place.column, 3u);
  const TomlValue& list = *store.find("list");
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_EQ(list.items[1].string, "two");
  EXPECT_EQ(list.items[2].find("x")->integer, 3);
  EXPECT_EQ(store.find("nothing"), nullptr);
}

TEST(Toml, EntriesComeInDocumentOrder) {
  const TomlValue root = parse("z = 1\na = 2\n[m]\n[b]\n");
  std::string names;
  for (const TomlEntry& entry : root.entries) names += entry.name;
  EXPECT_EQ(names, "zamb");
}

TEST(Toml, ArraysOfTablesAreArrays) {
  const TomlValue root = parse("[[target]]\nname = 'a'\n[[target]]\nname = 'b'\n");
  ASSERT_EQ(root.find("target")->items.size(), 2u);
  EXPECT_EQ(root.find("target")->items[1].find("name")->string, "b");
  EXPECT_EQ(root.find("target")->items[1].place.line, 3u);
}

TEST(Toml, AMistakeIsNamedWithLineAndColumn) {
  const Error error = refusal("a = 1\nb = = 2\n");
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
  EXPECT_EQ(error.detail.find("line 2, column 5: "), 0u) << error.detail;
  for (std::string_view text :
       {"a = 1\na = 2", "a", "[a", "a = 'x", "a = 08", "a = \"\xff\"", "a = {b = 1,}"})
    EXPECT_EQ(refusal(text).code, ErrorCode::kInvalid) << text;
}

TEST(Toml, DatesAreRefusedInPlainWords) {
  const Error error = refusal("\nsince = 2026-01-02\n");
  EXPECT_NE(error.detail.find("line 2, column 9"), std::string::npos) << error.detail;
  EXPECT_NE(error.detail.find("string in quotes"), std::string::npos) << error.detail;
}

TEST(Toml, LimitsHold) {
  EXPECT_EQ(refusal("a = 12345", {.bytes_max = 5}).code, ErrorCode::kTooLarge);
  EXPECT_EQ(refusal("a.b.c = 1", {.depth_max = 2}).code, ErrorCode::kTooLarge);
  refusal("a = " + std::string(100, '[') + std::string(100, ']'));
  std::string dotted = "a";
  for (int i = 0; i < 100'000; ++i) dotted += ".a";
  EXPECT_EQ(refusal(dotted + " = 1").code, ErrorCode::kTooLarge);
  std::string deep = "a = [";
  for (int i = 0; i < 14; ++i) {
    deep += "\n{a";
    for (int d = 0; d < 250; ++d) deep += ".a";
    deep += " = [";
  }
  refusal(deep);
}

}  // namespace
}  // namespace creel
