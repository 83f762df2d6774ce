#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3/service/identities.h"
#include "s3/wire/uri.h"

namespace creel::app {

// One request to /-/admin/v1/…, its signature already judged.
struct AdminCall {
  std::string method;
  std::string name;  // Behind "/-/admin/v1/".
  s3::Query query;
  std::string body;
};
inline constexpr std::size_t kAdminBodyBytesMax = 64 * KiB;

// Every call there is; docs/admin-api.json describes each, and a test compares the two.
struct AdminRoute {
  std::string_view method;
  std::string_view path;  // "users/{user}/keys"
};
std::span<const AdminRoute> admin_routes();

// What stands in the braces, in order; nullopt: another route's.
std::optional<std::vector<std::string>> match_admin(const AdminRoute& route, const AdminCall& call);

// Whether the call is one of users, keys, groups and policies.
bool is_identity_call(const AdminCall& call);
// JSON. Parameter `account`: whose users; absent: `own_account`. Errors: kNotFound (no such call,
// too), those of Identities.
Task<Result<std::string>> identity_call(Ctx& ctx, s3::Identities& identities,
                                        std::string own_account, AdminCall call);

}  // namespace creel::app
