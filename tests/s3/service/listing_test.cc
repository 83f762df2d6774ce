// Goal: pages of a listing, put together, are the whole listing, for any keys, prefix, delimiter,
// page size and marker.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;
using test::MemoryS3;

// Keys that share beginnings and hold every kind of byte.
std::string some_key(TestRandom& random) {
  static const std::string kAlphabet = std::string("ab/%\0\x01\xff\x7f", 8);
  return random.text(1 + random.skewed_below(7), kAlphabet);
}

void put(MemoryS3& s3, const std::string& key) {
  PutObject op;
  op.bucket = "bucket";
  op.key = key;
  op.etag = "e";
  ASSERT_EQ(s3.log.apply(encode_op(op)).refusal, Refusal::kNone);
}

std::string common_prefix(const std::string& key, const ListArguments& of) {
  if (of.delimiter.empty()) return {};
  const std::size_t at = key.find(of.delimiter, of.prefix.size());
  return at == std::string::npos ? std::string() : key.substr(0, at + of.delimiter.size());
}

// Keys as they are, common prefixes with a mark in front, in listing order.
std::vector<std::string> reference(const std::set<std::string>& keys, const ListArguments& of) {
  std::vector<std::string> out;
  for (const std::string& key : keys) {
    if (!key.starts_with(of.prefix) || key <= of.after) continue;
    const std::string hidden = common_prefix(key, of);
    if (hidden.empty()) {
      out.push_back(key);
    } else if (!of.after.starts_with(hidden) && (out.empty() || out.back() != "prefix " + hidden)) {
      out.push_back("prefix " + hidden);
    }
  }
  return out;
}

// Entries of one page in listing order: the two lists merged.
std::vector<std::string> entries_of(const ListOutcome& page) {
  std::vector<std::pair<std::string, std::string>> sorted;
  for (const ListedObject& object : page.objects) sorted.emplace_back(object.key, object.key);
  for (const std::string& hidden : page.common_prefixes)
    sorted.emplace_back(hidden, "prefix " + hidden);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> out;
  for (auto& entry : sorted) out.push_back(std::move(entry.second));
  return out;
}

TEST(Listing, PagesTogetherAreTheWhole) {
  for (const Seed seed : seeds(120)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemoryS3 s3;
    ASSERT_TRUE(s3.make_bucket("before").ok());
    ASSERT_TRUE(s3.make_bucket("bucket").ok());
    ASSERT_TRUE(s3.make_bucket("behind").ok());
    ASSERT_TRUE(s3.put("before", "zz", "x").ok());
    ASSERT_TRUE(s3.put("behind", "a", "x").ok());
    std::set<std::string> keys;
    for (std::size_t i = random.below(60); i > 0; --i) keys.insert(some_key(random));
    for (const std::string& key : keys) put(s3, key);
    for (int round = 0; round < 10; ++round) {
      ListArguments arguments;
      arguments.bucket = "bucket";
      if (random.chance(0.5)) arguments.prefix = some_key(random).substr(0, 2);
      if (random.chance(0.6))
        arguments.delimiter = some_key(random).substr(0, random.between(1, 2));
      if (random.chance(0.4)) arguments.after = some_key(random);
      arguments.count_max = 1 + random.skewed_below(8);
      const std::vector<std::string> expected = reference(keys, arguments);
      std::vector<std::string> got;
      for (int page = 0; page < 100; ++page) {
        const auto listed = s3.service.list(arguments);
        ASSERT_TRUE(listed.ok());
        const std::vector<std::string> entries = entries_of(listed.value());
        EXPECT_LE(entries.size(), arguments.count_max);
        got.insert(got.end(), entries.begin(), entries.end());
        if (!listed.value().truncated) break;
        EXPECT_EQ(entries.size(), arguments.count_max);
        EXPECT_LT(got.size(), expected.size()) << "truncated, and nothing comes";
        arguments.after = listed.value().next;
      }
      ASSERT_EQ(got, expected);
    }
  }
}

TEST(Listing, APageOfNothingIsNotTruncated) {
  MemoryS3 s3;
  ASSERT_TRUE(s3.make_bucket("bucket").ok());
  put(s3, "a");
  ListArguments arguments;
  arguments.bucket = "bucket";
  arguments.count_max = 0;
  EXPECT_FALSE(s3.service.list(arguments).value().truncated);
}

// A prefix full of keys is passed in one step, not walked.
TEST(Listing, ADelimiterCostsWhatItShows) {
  MemoryS3 s3;
  ASSERT_TRUE(s3.make_bucket("bucket").ok());
  for (int i = 0; i < 3'000; ++i) put(s3, cat("dir/", i));
  put(s3, "end");
  ListArguments arguments;
  arguments.bucket = "bucket";
  arguments.delimiter = "/";
  const auto listed = s3.service.list(arguments);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(entries_of(listed.value()), (std::vector<std::string>{"prefix dir/", "end"}));
}

TEST(Listing, BucketsComeByNameInPages) {
  MemoryS3 s3;
  for (const std::string name : {"ccc", "aaa", "bbb", "bbc"})
    ASSERT_TRUE(s3.make_bucket(name).ok());
  const auto names = [&](std::string_view prefix, std::string_view after, std::size_t count) {
    std::string out;
    const auto listed = s3.service.list_buckets(prefix, after, count);
    for (const ListedBucket& bucket : listed.value()) out += bucket.name + " ";
    return out;
  };
  EXPECT_EQ(names("", "", 10), "aaa bbb bbc ccc ");
  EXPECT_EQ(names("", "", 2), "aaa bbb bbc ") << "one more tells that there is more";
  EXPECT_EQ(names("", "bbb", 10), "bbc ccc ");
  EXPECT_EQ(names("bb", "a", 10), "bbb bbc ");
  EXPECT_EQ(names("bb", "bbb", 10), "bbc ");
}

// Uploads: by key, then by beginning. Keys without 0x00, whose rows would lie in another order.
TEST(Listing, PagesOfUploadsTogetherAreTheWhole) {
  for (const Seed seed : seeds(80)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemoryS3 s3;
    ASSERT_TRUE(s3.make_bucket("bucket").ok());
    ASSERT_TRUE(s3.make_bucket("behind").ok());
    ASSERT_TRUE(s3.upload("behind", "a").ok());
    const auto key_of = [&] { return random.text(1 + random.skewed_below(5), "ab/\x7f"); };
    std::set<std::pair<std::string, std::string>> uploads;  // key, id: ids of one log ascend
    for (std::size_t i = random.below(25); i > 0; --i) {
      const std::string key = key_of();
      const auto id = s3.upload("bucket", key);
      ASSERT_TRUE(id.ok());
      uploads.emplace(key, id.value());
    }
    for (int round = 0; round < 10; ++round) {
      ListArguments arguments;
      arguments.bucket = "bucket";
      if (random.chance(0.5)) arguments.prefix = key_of().substr(0, 2);
      if (random.chance(0.5)) arguments.delimiter = "/";
      if (random.chance(0.4)) arguments.after = key_of();
      arguments.count_max = 1 + random.skewed_below(6);
      std::vector<std::string> expected;
      for (const auto& [key, id] : uploads) {
        if (!key.starts_with(arguments.prefix) || key <= arguments.after) continue;
        const std::string hidden = common_prefix(key, arguments);
        const std::string entry = hidden.empty() ? key + " " + id : "prefix " + hidden;
        const bool passed = !hidden.empty() && arguments.after.starts_with(hidden);
        if (!passed && (expected.empty() || expected.back() != entry)) expected.push_back(entry);
      }
      std::sort(expected.begin(), expected.end());
      std::vector<std::string> got;
      std::string id_marker;
      for (int page = 0; page < 100; ++page) {
        const auto listed = s3.service.list_uploads(arguments, id_marker);
        ASSERT_TRUE(listed.ok());
        for (const ListedUpload& one : listed.value().uploads)
          got.push_back(one.key + " " + one.record.upload_id);
        for (const std::string& hidden : listed.value().common_prefixes)
          got.push_back("prefix " + hidden);
        if (!listed.value().truncated) break;
        arguments.after = listed.value().next_key;
        id_marker = listed.value().next_upload_id;
      }
      std::sort(got.begin(), got.end());
      ASSERT_EQ(got, expected);
    }
  }
}

}  // namespace
}  // namespace creel::s3
