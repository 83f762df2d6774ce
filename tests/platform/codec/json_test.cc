#include "platform/codec/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

JsonDoc parse(std::string_view text) {
  Result<JsonDoc> doc = JsonDoc::parse(as_bytes(text));
  EXPECT_TRUE(doc.ok()) << doc.error().detail;
  return doc.take();
}

Error refusal(std::string_view text, JsonLimits limits = {}) {
  Result<JsonDoc> doc = JsonDoc::parse(as_bytes(text), limits);
  EXPECT_FALSE(doc.ok()) << text;
  return doc.ok() ? Error{} : doc.error();
}

TEST(Json, ValuesKeepTheirTypes) {
  const JsonDoc doc =
      parse(R"({"s":"a\u00e9\n","i":-5,"u":18446744073709551615,"d":1.5,"t":true,"n":null})");
  const JsonValue root = doc.root();
  EXPECT_EQ(root.find("s").as_string(), "a\xc3\xa9\n");
  EXPECT_EQ(root.find("i").as_i64(), -5);
  EXPECT_EQ(root.find("i").as_u64(), std::nullopt);
  EXPECT_EQ(root.find("u").as_u64(), UINT64_MAX);
  EXPECT_EQ(root.find("u").as_i64(), std::nullopt);
  EXPECT_EQ(root.find("d").as_double(), 1.5);
  EXPECT_EQ(root.find("d").as_i64(), std::nullopt);
  EXPECT_EQ(root.find("i").as_double(), -5.0);
  EXPECT_EQ(root.find("t").as_bool(), true);
  EXPECT_TRUE(root.find("n").is_null());
  EXPECT_EQ(root.find("s").as_i64(), std::nullopt);
}

TEST(Json, AMissingNameIsAbsentAllTheWayDown) {
  const JsonDoc doc = parse(R"({"a":[1]})");
  const JsonValue missing = doc.root().find("b").find("c");
  EXPECT_TRUE(missing.absent());
  EXPECT_EQ(missing.as_string(), std::nullopt);
  EXPECT_EQ(missing.as_i64(), std::nullopt);
  EXPECT_EQ(missing.size(), 0u);
  for (JsonItem item : missing) ADD_FAILURE() << item.name;
  EXPECT_TRUE(doc.root().find("a").find("x").absent());
}

TEST(Json, IterationFollowsTheDocument) {
  const JsonDoc doc = parse(R"({"z":[1,[2,3],{"k":4},5],"a":{},"m":"x"})");
  std::string names;
  for (JsonItem item : doc.root()) names += item.name;
  EXPECT_EQ(names, "zam");
  std::string shapes;
  for (JsonItem item : doc.root().find("z"))
    shapes += item.value.is_array() ? 'a' : item.value.is_object() ? 'o' : 'n';
  EXPECT_EQ(shapes, "naon");
}

TEST(Json, ARefusalNamesByteLineAndColumn) {
  const Error error = refusal("{\n  \"a\": 1,\n  \"b\": oops\n}");
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
  EXPECT_NE(error.detail.find("line 3, column 8"), std::string::npos) << error.detail;
  EXPECT_NE(error.detail.find("byte 19"), std::string::npos) << error.detail;
}

TEST(Json, ExtensionsAreRefused) {
  for (std::string_view text :
       {"{\"a\":1,}", "// c\n1", "[1] [2]", "NaN", "'a'", "{a:1}", "\"\x01\"", "\"\xff\"", "[01]",
        "", "\xef\xbb\xbf[1]", "\"\\ud800\""})
    EXPECT_EQ(refusal(text).code, ErrorCode::kInvalid) << text;
}

TEST(Json, DepthIsBoundedAndBracketsInStringsDoNotCount) {
  const std::string deep32 = std::string(32, '[') + std::string(32, ']');
  parse(deep32);
  const Error error = refusal("[" + deep32 + "]");
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_NE(error.detail.find("column 33"), std::string::npos) << error.detail;
  parse("\"" + std::string(1000, '[') + "\\\"{{{{\"");
  EXPECT_EQ(refusal(std::string(1'000'000, '[')).code, ErrorCode::kTooLarge);
}

TEST(Json, SizeIsBounded) {
  EXPECT_EQ(refusal("[1,2]", {.bytes_max = 4}).code, ErrorCode::kTooLarge);
}

TEST(JsonWriter, WritesCommasEscapesAndNumbers) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("a", 1).field("b", "q\"\\\n\t\x01\x7f");
  writer.name("c")
      .begin_array()
      .number(std::int64_t{-1})
      .begin_object()
      .end_object()
      .null()
      .boolean(true);
  writer.begin_array()
      .end_array()
      .end_array()
      .field("d", 0.1)
      .field("e", UINT64_MAX)
      .field("f", false);
  writer.name("g").raw("[1,2]").end_object();
  EXPECT_EQ(out,
            "{\"a\":1,\"b\":\"q\\\"\\\\\\n\\t\\u0001\\u007f\",\"c\":[-1,{},null,true,[]],\"d\":0.1,"
            "\"e\":18446744073709551615,\"f\":false,\"g\":[1,2]}");
}

TEST(JsonWriter, WhatCannotBeWrittenIsReplaced) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array()
      .string("a\xff\xc3")
      .number(std::nan(""))
      .number(std::numeric_limits<double>::infinity());
  writer.string("\xed\xa0\x80").end_array();
  EXPECT_EQ(out,
            "[\"a\xef\xbf\xbd\xef\xbf\xbd\",null,null,\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]");
  parse(out);
}

// Any tree that is written reads back the same.
void write_random(JsonWriter& writer, TestRandom& random, int depth) {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0: writer.string(to_string(random.bytes(random.skewed_below(20)))); break;
    case 1: writer.number(static_cast<std::int64_t>(random.next())); break;
    case 2: writer.number(random.next()); break;
    case 3: writer.boolean(random.chance(0.5)); break;
    case 4: writer.number(static_cast<double>(random.next()) / 3.0); break;
    case 5:
      writer.begin_array();
      for (size_t i = random.below(5); i > 0; --i) write_random(writer, random, depth - 1);
      writer.end_array();
      break;
    default:
      writer.begin_object();
      for (size_t i = random.below(5); i > 0; --i)
        write_random(writer.name(to_string(random.bytes(random.below(4)))), random, depth - 1);
      writer.end_object();
  }
}

void copy(const JsonValue& value, JsonWriter& writer) {
  switch (value.type()) {
    case JsonType::kString: writer.string(*value.as_string()); break;
    case JsonType::kBool: writer.boolean(*value.as_bool()); break;
    case JsonType::kArray:
      writer.begin_array();
      for (JsonItem item : value) copy(item.value, writer);
      writer.end_array();
      break;
    case JsonType::kObject:
      writer.begin_object();
      for (JsonItem item : value) copy(item.value, writer.name(item.name));
      writer.end_object();
      break;
    case JsonType::kNumber:
      if (auto i = value.as_i64()) writer.number(*i);
      else if (auto u = value.as_u64()) writer.number(*u);
      else writer.number(*value.as_double());
      break;
    default: writer.null();
  }
}

TEST(JsonProperty, WrittenTreesReadBackTheSame) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    std::string out, again;
    JsonWriter writer(out);
    write_random(writer, random, 5);
    const JsonDoc doc = parse(out);
    JsonWriter copier(again);
    copy(doc.root(), copier);
    EXPECT_EQ(again, out);
  }
}

}  // namespace
}  // namespace creel
