#include "app/admin_api.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/json.h"

namespace creel::app {
namespace {

using s3::IdentityKind;
using s3::IdentityRecord;

constexpr AdminRoute kRoutes[] = {
    {"GET", "status"},
    {"GET", "check"},
    {"POST", "check"},
    {"GET", "heal"},
    {"POST", "heal"},
    {"GET", "quota"},
    {"POST", "quota/{bucket}/{bytes}/{objects}"},
    {"GET", "parked/{target}"},
    {"POST", "retry/{target}/{lsn}"},
    {"POST", "drop/{target}/{lsn}"},
    {"GET", "explain/{request_id}"},
    {"GET", "users"},
    {"GET", "users/{user}"},
    {"PUT", "users/{user}"},
    {"DELETE", "users/{user}"},
    {"POST", "users/{user}/keys"},
    {"PUT", "users/{user}/groups/{group}"},
    {"DELETE", "users/{user}/groups/{group}"},
    {"PUT", "users/{user}/policies/{policy}"},
    {"DELETE", "users/{user}/policies/{policy}"},
    {"GET", "keys"},
    {"PUT", "keys/{key}/active"},
    {"PUT", "keys/{key}/inactive"},
    {"DELETE", "keys/{key}"},
    {"GET", "groups"},
    {"PUT", "groups/{group}"},
    {"DELETE", "groups/{group}"},
    {"PUT", "groups/{group}/policies/{policy}"},
    {"DELETE", "groups/{group}/policies/{policy}"},
    {"GET", "policies"},
    {"GET", "policies/{policy}"},
    {"PUT", "policies/{policy}"},
    {"DELETE", "policies/{policy}"},
};

struct Collection {
  std::string_view name;
  IdentityKind kind;
};
constexpr Collection kCollections[] = {{"users", IdentityKind::kUser},
                                       {"keys", IdentityKind::kKey},
                                       {"groups", IdentityKind::kGroup},
                                       {"policies", IdentityKind::kPolicy}};

const Collection* collection_of(std::string_view path) {
  for (const Collection& collection : kCollections)
    if (path.substr(0, path.find('/')) == collection.name) return &collection;
  return nullptr;
}

void add_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.name(name).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

// Never a secret, sealed or not.
void add_record(JsonWriter& json, const IdentityRecord& record, bool with_document) {
  const bool is_key = record.kind == IdentityKind::kKey;
  json.begin_object().field("account", record.account);
  json.field(is_key ? "access_key" : "name", record.name);
  json.field("created", iso8601_ms(WallTime::from_ms(record.created_ms)));
  if (is_key) json.field("user", record.user).field("active", !record.inactive);
  if (record.kind == IdentityKind::kUser) add_texts(json, "groups", record.groups);
  if (record.kind == IdentityKind::kUser || record.kind == IdentityKind::kGroup)
    add_texts(json, "policies", record.policies);
  if (with_document && record.kind == IdentityKind::kPolicy) json.name("document").raw(record.text);
  json.end_object();
}

std::string list_json(const s3::Identities& identities, IdentityKind kind,
                      std::string_view account) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const IdentityRecord& record : identities.all())
    if (record.kind == kind && (account.empty() || record.account == account))
      add_record(json, record, false);
  json.end_array();
  return out;
}

// The lists of `record` that a path names, changed; Errors: kExists, kNotFound.
Result<Unit> edit_list(std::vector<std::string>& list, const std::string& name, bool adds) {
  const auto at = std::find(list.begin(), list.end(), name);
  if (adds == (at != list.end()))
    return fail(adds ? ErrorCode::kExists : ErrorCode::kNotFound,
                cat('\'', name, "' is ", adds ? "there already" : "not there"));
  if (adds) list.push_back(name);
  else list.erase(at);
  return Unit{};
}

}  // namespace

std::span<const AdminRoute> admin_routes() { return kRoutes; }

std::optional<std::vector<std::string>> match_admin(const AdminRoute& route,
                                                    const AdminCall& call) {
  if (route.method != call.method) return std::nullopt;
  std::vector<std::string> values;
  std::string_view path = route.path, name = call.name;
  for (;;) {
    const std::string_view wanted = path.substr(0, path.find('/'));
    const std::string_view given = name.substr(0, name.find('/'));
    if (wanted.starts_with('{')) {
      if (given.empty()) return std::nullopt;
      const std::optional<std::string> decoded = percent_decode(given);
      if (!decoded) return std::nullopt;
      values.push_back(*decoded);
    } else if (wanted != given) {
      return std::nullopt;
    }
    if ((path.size() == wanted.size()) != (name.size() == given.size())) return std::nullopt;
    if (path.size() == wanted.size()) return values;
    path.remove_prefix(wanted.size() + 1);
    name.remove_prefix(given.size() + 1);
  }
}

bool is_identity_call(const AdminCall& call) { return collection_of(call.name) != nullptr; }

Task<Result<std::string>> identity_call(Ctx& ctx, s3::Identities& identities,
                                        std::string own_account, AdminCall call) {
  const AdminRoute* route = nullptr;
  std::vector<std::string> values;
  for (const AdminRoute& candidate : kRoutes)
    if (const auto matched = match_admin(candidate, call)) {
      route = &candidate;
      values = *matched;
    }
  const Collection* collection = collection_of(call.name);
  if (route == nullptr || collection == nullptr)
    co_return fail(ErrorCode::kNotFound, cat("no such admin call: ", call.method, ' ', call.name));
  const IdentityKind kind = collection->kind;
  const std::optional<std::string_view> asked = call.query.find("account");
  std::string account = asked ? std::string(*asked) : own_account;
  if (values.empty()) co_return list_json(identities, kind, asked ? std::string_view(account) : "");
  const std::string& name = values[0];
  if (kind == IdentityKind::kKey && !asked)  // Its own name finds it.
    for (const IdentityRecord& record : identities.all())
      if (record.kind == kind && record.name == name) account = record.account;
  if (route->path.ends_with("/keys")) {
    CO_TRY(key, co_await identities.add_key(ctx, account, name));
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("access_key", key.access_key).field("secret_key", key.secret);
    json.end_object();
    co_return std::move(out);
  }
  const IdentityRecord* found = identities.find(kind, account, name);
  const bool creates = route->method == "PUT" && values.size() == 1 && kind != IdentityKind::kKey;
  if (found == nullptr && !creates)
    co_return fail(ErrorCode::kNotFound,
                   cat("account ", account, " has no '", name, "' among its ", collection->name));
  Result<Unit> done = Unit{};
  if (route->method == "DELETE" && values.size() == 1) {
    done = co_await identities.remove(ctx, kind, account, name);
    if (!done.ok()) co_return done.error();
    co_return std::string("{}");
  }
  if (route->method != "GET") {
    IdentityRecord record;
    if (found != nullptr) record = *found;
    record.kind = kind;
    record.account = account;
    record.name = name;
    if (kind == IdentityKind::kKey) record.inactive = route->path.ends_with("inactive");
    if (kind == IdentityKind::kPolicy) record.text = std::move(call.body);
    if (values.size() == 2) {
      const bool groups =
          route->path.find("/groups/") != std::string_view::npos && kind == IdentityKind::kUser;
      CO_DO(edit_list(groups ? record.groups : record.policies, values[1], route->method == "PUT"));
    }
    const bool replaces = found != nullptr && (kind == IdentityKind::kPolicy || !creates);
    if (replaces) done = co_await identities.change(ctx, std::move(record));
    else done = co_await identities.add(ctx, std::move(record));
    if (!done.ok()) co_return done.error();
    found = identities.find(kind, account, name);
    if (found == nullptr) co_return fail(ErrorCode::kConflict, "removed meanwhile");
  }
  std::string out;
  JsonWriter json(out);
  add_record(json, *found, true);
  co_return std::move(out);
}

}  // namespace creel::app
