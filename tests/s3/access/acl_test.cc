// Goal: lists give what they say, to whom they say, and survive their row.
#include "s3/access/acl.h"

#include <gtest/gtest.h>

#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

TEST(Acl, GrantsSurviveTheirRowAndDamageIsRefused) {
  for (const Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    std::vector<Grant> grants(random.below(6));
    for (Grant& grant : grants) {
      grant.to = static_cast<Grant::To>(random.below(4));
      if (grant.to == Grant::To::kAccount) grant.id = random.text(1 + random.below(20), "0123abc-");
      grant.permission = static_cast<std::uint8_t>(random.between(1, 15));
    }
    const std::string bytes = encode_grants(grants);
    const Result<std::vector<Grant>> again = decode_grants(bytes);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again.value(), grants);
    std::string damaged = bytes.substr(0, random.below(bytes.size() + 1));
    if (!damaged.empty())
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    const Result<std::vector<Grant>> other = decode_grants(damaged);
    if (other.ok()) {
      EXPECT_EQ(encode_grants(other.value()), damaged);
    }
  }
}

TEST(Acl, AGrantGivesItsPermissionToWhomItNames) {
  const Caller nobody{}, alice{"alice", {}}, bob{"bob", {}};
  const std::vector<Grant> list = {{Grant::To::kAccount, "alice", kReadAcp},
                                   {Grant::To::kEverybody, {}, kRead},
                                   {Grant::To::kAuthenticated, {}, kWrite},
                                   {Grant::To::kLogDelivery, {}, kWriteAcp}};
  for (const Caller& caller : {nobody, alice, bob}) {
    const bool known = !caller.account.empty();
    EXPECT_TRUE(grants_give(list, caller, kRead, true));
    EXPECT_FALSE(grants_give(list, caller, kRead, false));
    EXPECT_EQ(grants_give(list, caller, kWrite, true), known);
    EXPECT_EQ(grants_give(list, caller, kReadAcp, false), caller.account == "alice");
    EXPECT_FALSE(grants_give(list, caller, kWriteAcp, true));
    EXPECT_FALSE(grants_give(list, caller, kFullControl, true)) << "pieces are not the whole";
  }
  EXPECT_TRUE(has_public_grant(list));
  EXPECT_TRUE(has_foreign_grant(list, "alice"));
  EXPECT_FALSE(has_foreign_grant({{Grant::To::kAccount, "alice", kRead}}, "alice"));
}

TEST(Acl, CannedListsAreThoseOfAws) {
  const auto shape = [](std::string_view name, AclOwners owners) {
    const S3Result<std::vector<Grant>> grants = canned_grants(name, owners);
    return grants.ok() ? encode_grants(grants.value()) : std::string("refused");
  };
  const AclOwners own{"a", "a"}, foreign{"a", "b"};
  EXPECT_EQ(shape("private", own), "u?a\n");
  EXPECT_EQ(shape("public-read", own), "A1\nu?a\n");
  EXPECT_EQ(shape("public-read-write", own), "A1\nA2\nu?a\n");
  EXPECT_EQ(shape("authenticated-read", own), "G1\nu?a\n");
  EXPECT_EQ(shape("log-delivery-write", own), "L2\nL4\nu?a\n");
  EXPECT_EQ(shape("bucket-owner-read", own), "u?a\n");
  EXPECT_EQ(shape("bucket-owner-read", foreign), "u?a\nu1b\n");
  EXPECT_EQ(shape("bucket-owner-full-control", foreign), "u?a\nu?b\n");
  EXPECT_EQ(shape("Private", own), "refused");
  EXPECT_EQ(shape("", own), "refused");
}

}  // namespace
}  // namespace creel::s3
