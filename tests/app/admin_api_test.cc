// Goal: docs/admin-api.json describes the server's admin API: every call, no other, and answers of
// the shape it says.
#include "app/admin_api.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "tests/support/memory_s3.h"

namespace creel::app {
namespace {

using s3::test::MemoryS3;

std::string document() {
  std::ifstream file(CREEL_SOURCE_DIR "/docs/admin-api.json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Whether `value` has the members that `schema` requires, of the types it names.
void expect_shape(JsonValue root, JsonValue schema, JsonValue value, const std::string& where) {
  if (const auto ref = schema.find("$ref").as_string()) {
    const std::string name(ref->substr(ref->rfind('/') + 1));
    return expect_shape(root, root.find("components").find("schemas").find(name), value,
                        cat(where, ' ', name));
  }
  ASSERT_FALSE(schema.absent()) << where;
  const std::string_view type = schema.find("type").as_string().value_or("");
  if (type == "object") {
    EXPECT_TRUE(value.is_object()) << where;
  }
  if (type == "array") {
    EXPECT_TRUE(value.is_array()) << where;
  }
  if (type == "string") {
    EXPECT_TRUE(value.as_string().has_value()) << where;
  }
  if (type == "boolean") {
    EXPECT_TRUE(value.as_bool().has_value()) << where;
  }
  for (const JsonItem name : schema.find("required"))
    EXPECT_FALSE(value.find(*name.value.as_string()).absent())
        << where << '.' << *name.value.as_string();
  for (const JsonItem property : schema.find("properties"))
    if (const JsonValue inner = value.find(property.name); !inner.absent())
      expect_shape(root, property.value, inner, cat(where, '.', property.name));
  if (type == "array")
    for (const JsonItem item : value) expect_shape(root, schema.find("items"), item.value, where);
}

TEST(AdminApi, TheDocumentListsEveryCallAndNoOther) {
  const std::string text = document();
  const Result<JsonDoc> doc = JsonDoc::parse(as_bytes(text));
  ASSERT_TRUE(doc.ok());
  std::set<std::string> described, served;
  for (const JsonItem path : doc.value().root().find("paths"))
    for (const JsonItem method : path.value) {
      std::string name(method.name);
      for (char& c : name) c = static_cast<char>(c - 32);
      described.insert(cat(name, ' ', path.name.substr(1)));
    }
  for (const AdminRoute& route : admin_routes()) served.insert(cat(route.method, ' ', route.path));
  EXPECT_EQ(described, served);
}

struct AdminApiTest : testing::Test {
  AdminApiTest() : identities(s3.doors.platform, s3.log, access, master_key) {
    access.add_key("root-key", "root-secret", {"root", "Root", false, true});
    EXPECT_TRUE(identities.load().ok());
  }
  Result<std::string> call(std::string method, std::string name, std::string body = {},
                           std::string account = {}) {
    AdminCall call{std::move(method), std::move(name), {}, std::move(body)};
    if (!account.empty()) call.query.add("account", account);
    return s3.run(
        [&](Ctx& ctx) { return identity_call(ctx, identities, "root", std::move(call)); });
  }
  const Bytes master_key = Bytes(32, 7);
  MemoryS3 s3;
  s3::Access access;
  s3::Identities identities;
};

TEST_F(AdminApiTest, AnswersHaveTheShapesOfTheDocument) {
  const std::string text = document();
  const Result<JsonDoc> doc = JsonDoc::parse(as_bytes(text));
  ASSERT_TRUE(doc.ok());
  const JsonValue root = doc.value().root();
  const std::string policy =
      R"({"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]})";
  std::set<std::string> covered;
  std::string key;
  const auto expect = [&](std::string method, std::string path, std::string name,
                          std::string body = {}) {
    SCOPED_TRACE(cat(method, ' ', path));
    const Result<std::string> answer = call(method, name, std::move(body));
    ASSERT_TRUE(answer.ok()) << answer.error().detail;
    const Result<JsonDoc> parsed = JsonDoc::parse(as_bytes(answer.value()));
    ASSERT_TRUE(parsed.ok()) << answer.value();
    const JsonValue schema = root.find("paths")
                                 .find(cat('/', path))
                                 .find(to_lower(method))
                                 .find("responses")
                                 .find("200")
                                 .find("content")
                                 .find("application/json")
                                 .find("schema");
    expect_shape(root, schema, parsed.value().root(), path);
    covered.insert(cat(method, ' ', path));
    if (const auto made = parsed.value().root().find("access_key").as_string()) key = *made;
    EXPECT_EQ(answer.value().find("sealed"), std::string::npos);
  };
  expect("PUT", "users/{user}", "users/ann");
  expect("PUT", "groups/{group}", "groups/staff");
  expect("PUT", "policies/{policy}", "policies/reader", policy);
  expect("PUT", "policies/{policy}", "policies/reader", policy);
  expect("PUT", "users/{user}/groups/{group}", "users/ann/groups/staff");
  expect("PUT", "users/{user}/policies/{policy}", "users/ann/policies/reader");
  expect("PUT", "groups/{group}/policies/{policy}", "groups/staff/policies/reader");
  expect("POST", "users/{user}/keys", "users/ann/keys");
  expect("GET", "users", "users");
  expect("GET", "users/{user}", "users/ann");
  expect("GET", "keys", "keys");
  expect("GET", "groups", "groups");
  expect("GET", "policies", "policies");
  expect("GET", "policies/{policy}", "policies/reader");
  expect("PUT", "keys/{key}/inactive", cat("keys/", key, "/inactive"));
  EXPECT_FALSE(access.secret_of(key).has_value());
  expect("PUT", "keys/{key}/active", cat("keys/", key, "/active"));
  EXPECT_TRUE(access.secret_of(key).has_value());
  expect("DELETE", "keys/{key}", cat("keys/", key));
  expect("DELETE", "users/{user}/groups/{group}", "users/ann/groups/staff");
  expect("DELETE", "users/{user}/policies/{policy}", "users/ann/policies/reader");
  expect("DELETE", "groups/{group}/policies/{policy}", "groups/staff/policies/reader");
  expect("DELETE", "users/{user}", "users/ann");
  expect("DELETE", "groups/{group}", "groups/staff");
  expect("DELETE", "policies/{policy}", "policies/reader");
  for (const AdminRoute& route : admin_routes()) {
    const bool of_identities =
        is_identity_call({std::string(route.method), std::string(route.path), {}, {}});
    EXPECT_EQ(of_identities, covered.count(cat(route.method, ' ', route.path)) == 1)
        << route.method << ' ' << route.path;
  }
}

TEST_F(AdminApiTest, RefusalsSayWhatIsWrong) {
  EXPECT_EQ(call("GET", "users/nobody").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call("GET", "users/a/b/c").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call("PATCH", "users").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call("PUT", "users/").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call("PUT", "users/a%2Fb").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(call("PUT", "users/ann", "", "nobody").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call("PUT", "policies/p", "{").error().detail, "This policy contains invalid Json");
  ASSERT_TRUE(call("PUT", "users/ann").ok());
  EXPECT_EQ(call("PUT", "users/ann").error().code, ErrorCode::kExists);
  EXPECT_EQ(call("PUT", "users/ann/groups/nosuch").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call("DELETE", "users/ann/groups/nosuch").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace creel::app
