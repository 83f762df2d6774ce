// Goal: users and what is theirs, over the real state machine: kept, sealed, decided, taken away.
#include "s3/service/identities.h"

#include <gtest/gtest.h>

#include "tests/s3/model/audit.h"
#include "tests/support/memory_s3.h"

namespace creel::s3 {
namespace {

using test::Audit;
using test::MemoryS3;

struct NoFacts final : AccessFacts {
  bool find(std::string_view, std::vector<std::string>&) const override { return false; }
  const ObjectAcl* object_acl() const override { return nullptr; }
};

struct IdentitiesTest : testing::Test {
  IdentitiesTest() : identities(s3.doors.platform, s3.log, access, master_key) {
    access.add_key("root-key", "root-secret", {"root", "Root", false, true});
    access.add_key("team-key", "team-secret", {"team", "Team"});
    EXPECT_TRUE(identities.load().ok());
  }
  static IdentityRecord record(IdentityKind kind, std::string name, std::string text = {}) {
    IdentityRecord made;
    made.kind = kind;
    made.account = "team";
    made.name = std::move(name);
    made.text = std::move(text);
    return made;
  }
  Result<Unit> add(IdentityRecord made) {
    return s3.run([&](Ctx& ctx) { return identities.add(ctx, std::move(made)); });
  }
  Result<Unit> change(IdentityRecord made) {
    return s3.run([&](Ctx& ctx) { return identities.change(ctx, std::move(made)); });
  }
  Result<Unit> remove(IdentityKind kind, std::string name) {
    return s3.run([&](Ctx& ctx) { return identities.remove(ctx, kind, "team", name); });
  }
  Result<NewKey> add_key(std::string user) {
    return s3.run([&](Ctx& ctx) { return identities.add_key(ctx, "team", user); });
  }
  IdentityRecord found(IdentityKind kind, std::string_view name) {
    const IdentityRecord* there = identities.find(kind, "team", name);
    EXPECT_NE(there, nullptr);
    return there != nullptr ? *there : IdentityRecord();
  }
  bool may(std::string_view access_key, std::string_view action, std::string_view key,
           std::string_view owner = "team") {
    const BucketRules rules;
    const NoFacts facts;
    const AccessRequest request{action, "bucket", key, owner, rules, facts};
    return access.decide(access.principal_of(access_key), request).allowed;
  }

  const Bytes master_key = Bytes(32, 7);
  MemoryS3 s3;
  Access access;
  Identities identities;
};

constexpr std::string_view kReader =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],)"
    R"("Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"]}]})";

TEST_F(IdentitiesTest, AUserMayWhatItsAndItsGroupsPoliciesSay) {
  ASSERT_TRUE(add(record(IdentityKind::kUser, "ann")).ok());
  const Result<NewKey> key = add_key("ann");
  ASSERT_TRUE(key.ok()) << key.error().detail;
  const std::string& id = key.value().access_key;
  EXPECT_EQ(access.secret_of(id), key.value().secret);
  EXPECT_FALSE(may(id, "s3:GetObject", "x"))
      << "no policy, no right, not even to the own account's";

  ASSERT_TRUE(add(record(IdentityKind::kPolicy, "reader", std::string(kReader))).ok());
  ASSERT_TRUE(add(record(IdentityKind::kPolicy, "no-secrets",
                         R"({"Statement":[{"Effect":"Deny","Action":"s3:*",)"
                         R"("Resource":"arn:aws:s3:::bucket/secret/*"}]})"))
                  .ok());
  ASSERT_TRUE(add(record(IdentityKind::kGroup, "staff")).ok());
  IdentityRecord staff = found(IdentityKind::kGroup, "staff");
  staff.policies = {"reader"};
  ASSERT_TRUE(change(staff).ok());
  IdentityRecord ann = found(IdentityKind::kUser, "ann");
  ann.groups = {"staff"};
  ann.policies = {"no-secrets"};
  ASSERT_TRUE(change(ann).ok());
  EXPECT_TRUE(may(id, "s3:GetObject", "x"));
  EXPECT_TRUE(may(id, "s3:ListBucket", ""));
  EXPECT_FALSE(may(id, "s3:PutObject", "x"));
  EXPECT_FALSE(may(id, "s3:GetObject", "secret/x"));
  EXPECT_FALSE(may(id, "s3:GetObject", "x", "other")) << "another account gave no leave";
  EXPECT_TRUE(may("team-key", "s3:GetObject", "secret/x")) << "the account's own key";
  EXPECT_FALSE(may("team-key", "s3:GetObject", "x", "other"));
  EXPECT_TRUE(access.has_user("team", "ann"));
  EXPECT_FALSE(access.has_user("root", "ann"));

  ann = found(IdentityKind::kUser, "ann");
  ann.groups.clear();
  ASSERT_TRUE(change(ann).ok());
  EXPECT_FALSE(may(id, "s3:GetObject", "x")) << "at once, without a restart";
}

TEST_F(IdentitiesTest, KeysAreChangedWithoutARestart) {
  ASSERT_TRUE(add(record(IdentityKind::kUser, "ann")).ok());
  const Result<NewKey> first = add_key("ann");
  const Result<NewKey> second = add_key("ann");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first.value().secret, second.value().secret);
  EXPECT_EQ(add_key("ann").error().code, ErrorCode::kTooLarge);
  IdentityRecord old = found(IdentityKind::kKey, first.value().access_key);
  old.inactive = true;
  ASSERT_TRUE(change(old).ok());
  EXPECT_FALSE(access.secret_of(first.value().access_key).has_value());
  EXPECT_TRUE(access.secret_of(second.value().access_key).has_value());
  old = found(IdentityKind::kKey, first.value().access_key);
  old.inactive = false;
  ASSERT_TRUE(change(old).ok());
  EXPECT_EQ(access.secret_of(first.value().access_key), first.value().secret);
  ASSERT_TRUE(remove(IdentityKind::kKey, first.value().access_key).ok());
  EXPECT_FALSE(access.secret_of(first.value().access_key).has_value());
  EXPECT_TRUE(access.principal_of(first.value().access_key).anonymous);
}

TEST_F(IdentitiesTest, SecretsAreSealedInTheRowsAndTheLog) {
  ASSERT_TRUE(add(record(IdentityKind::kUser, "ann")).ok());
  const Result<NewKey> key = add_key("ann");
  ASSERT_TRUE(key.ok());
  for (const auto& [name, value] : test::rows_of(s3.log.image()))
    EXPECT_EQ(value.find(key.value().secret), std::string::npos) << name;
  for (const auto& accepted : s3.log.accepted())
    EXPECT_EQ(accepted.meta.find(key.value().secret), std::string::npos);

  // After a restart: with the key, with another one, with none.
  for (const Bytes& master : {master_key, Bytes(32, 8), Bytes()}) {
    Access later;
    later.add_key("team-key", "team-secret", {"team", "Team"});
    Identities again(s3.doors.platform, s3.log, later, master);
    ASSERT_TRUE(again.load().ok());
    const bool opens = master == master_key;
    EXPECT_EQ(again.unreadable_keys(), opens ? 0u : 1u);
    EXPECT_EQ(later.secret_of(key.value().access_key).has_value(), opens);
  }
  Identities without(s3.doors.platform, s3.log, access, {});
  ASSERT_TRUE(without.load().ok());
  const Result<NewKey> refused =
      s3.run([&](Ctx& ctx) { return without.add_key(ctx, "team", "ann"); });
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
}

TEST_F(IdentitiesTest, WhatIsInUseStaysAndWhatIsWrongIsRefused) {
  ASSERT_TRUE(add(record(IdentityKind::kUser, "ann")).ok());
  EXPECT_EQ(add(record(IdentityKind::kUser, "ann")).error().code, ErrorCode::kExists);
  EXPECT_EQ(add(record(IdentityKind::kUser, "a/b")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(add(record(IdentityKind::kUser, "")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(add(record(IdentityKind::kPolicy, "p", "{}")).error().detail,
            "Missing required field Statement");
  IdentityRecord nowhere = record(IdentityKind::kUser, "bob");
  nowhere.account = "nobody";
  EXPECT_EQ(add(nowhere).error().code, ErrorCode::kNotFound);
  IdentityRecord ann = found(IdentityKind::kUser, "ann");
  ann.groups = {"nosuch"};
  EXPECT_EQ(change(ann).error().code, ErrorCode::kNotFound);

  ASSERT_TRUE(add(record(IdentityKind::kGroup, "staff")).ok());
  ASSERT_TRUE(add(record(IdentityKind::kPolicy, "reader", std::string(kReader))).ok());
  ann.groups = {"staff"};
  ann.policies = {"reader"};
  ASSERT_TRUE(change(ann).ok());
  EXPECT_EQ(change(ann).error().code, ErrorCode::kConflict) << "as it was before the change";
  EXPECT_EQ(remove(IdentityKind::kGroup, "staff").error().code, ErrorCode::kConflict);
  EXPECT_EQ(remove(IdentityKind::kPolicy, "reader").error().code, ErrorCode::kConflict);
  ASSERT_TRUE(add_key("ann").ok());
  EXPECT_EQ(remove(IdentityKind::kUser, "ann").error().code, ErrorCode::kConflict);
  EXPECT_EQ(remove(IdentityKind::kUser, "bob").error().code, ErrorCode::kNotFound);
}

TEST_F(IdentitiesTest, LongPoliciesAreKeptWholeAndLeaveNothingBehind) {
  const std::string blanks(5'000, ' ');
  const std::string text = cat(kReader.substr(0, kReader.size() - 1), blanks, '}');
  ASSERT_TRUE(add(record(IdentityKind::kPolicy, "long", text)).ok());
  EXPECT_EQ(found(IdentityKind::kPolicy, "long").text, text);
  {
    Audit audit(s3.log, false);
  }
  IdentityRecord shorter = found(IdentityKind::kPolicy, "long");
  shorter.text = kReader;
  ASSERT_TRUE(change(shorter).ok());
  {
    Audit audit(s3.log, false);
  }
  ASSERT_TRUE(remove(IdentityKind::kPolicy, "long").ok());
  {
    Audit audit(s3.log, false);
  }
  EXPECT_EQ(s3.log.rows_in(store::Table::kIam), 0u);
}

}  // namespace
}  // namespace creel::s3
