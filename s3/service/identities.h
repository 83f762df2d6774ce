#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.h"
#include "s3/model/identity.h"
#include "s3/model/ops.h"
#include "s3/service/access.h"
#include "s3/service/log.h"

namespace creel::s3 {

struct NewKey {
  std::string access_key, secret;  // The secret is told here and never again.
};

// Users, their keys, groups and policies: rows through the log, so mirrors and recovery have them;
// in memory for decisions. Secrets are sealed under a key made from the master key, which is never
// in a data folder. Loop thread only.
class Identities {
 public:
  // `master_key`: at least 32 bytes, or empty: then there are no keys of users.
  Identities(Platform& platform, Log& log, Access& access, ByteView master_key);

  // Reads the rows and tells Access. Call it before anybody is served. Errors: kCorrupt, kIo.
  Result<Unit> load();
  // Keys whose secrets do not open: another master key, or none.
  std::size_t unreadable_keys() const { return unreadable_; }

  const std::vector<IdentityRecord>& all() const { return all_; }
  const IdentityRecord* find(IdentityKind kind, std::string_view account,
                             std::string_view name) const;

  // Errors of all: kInvalid (a name, a policy with what is wrong in it), kNotFound, kExists,
  // kConflict (changed meanwhile; still in use), kTooLarge (too many), and those of the log.
  Task<Result<Unit>> add(Ctx& ctx, IdentityRecord record);
  Task<Result<Unit>> change(Ctx& ctx, IdentityRecord record);  // As find() gave it, changed.
  Task<Result<Unit>> remove(Ctx& ctx, IdentityKind kind, std::string account, std::string name);
  // A key for a user; kUnavailable without a master key.
  Task<Result<NewKey>> add_key(Ctx& ctx, std::string account, std::string user);

 private:
  // The record if it is sound and there is room; if it can go. Errors: as above.
  Result<IdentityRecord> prepared(IdentityRecord record) const;
  Result<IdentityRecord> removable(IdentityKind kind, std::string_view account,
                                   std::string_view name) const;
  Task<Result<Unit>> submit(Ctx& ctx, Result<IdentityRecord> prepared, Conditions conditions,
                            bool removes);
  Result<Unit> check_record(const IdentityRecord& record) const;
  // Who names it, in words; empty: nobody.
  std::string user_of(IdentityKind kind, std::string_view account, std::string_view name) const;
  std::shared_ptr<const UserPolicies> policies_of(const IdentityRecord& user) const;
  void tell_access();

  Platform& platform_;
  Log& log_;
  Access& access_;
  Bytes sealing_key_;  // Empty: no master key.
  std::vector<IdentityRecord> all_;  // By row name.
  std::size_t unreadable_ = 0;
};

}  // namespace creel::s3
