#include "s3/service/identities.h"

#include <algorithm>
#include <tuple>

#include "platform/base/text.h"
#include "platform/cpu/hash.h"
#include "platform/cpu/seal.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kKeysPerUserMax = 2;  // AWS's bound: one in use, one to change to.
constexpr std::size_t kAttachedMax = 50;

std::string_view kind_name(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::kUser: return "user";
    case IdentityKind::kKey: return "access key";
    case IdentityKind::kGroup: return "group";
    case IdentityKind::kPolicy: break;
  }
  return "policy";
}

// The size of `alphabet` divides 256: all characters are equally likely.
std::string random_text(Random& random, std::size_t count, std::string_view alphabet) {
  check(256 % alphabet.size() == 0);
  Bytes raw(count);
  random.fill(raw);
  std::string out;
  for (const std::uint8_t byte : raw) out.push_back(alphabet[byte % alphabet.size()]);
  return out;
}

bool before(const IdentityRecord& a, const IdentityRecord& b) {
  return std::tie(a.kind, a.account, a.name) < std::tie(b.kind, b.account, b.name);
}
bool of_user_before(const IdentityRecord* a, const IdentityRecord* b) {
  return std::tie(a->account, a->user) < std::tie(b->account, b->user);
}

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

Identities::Identities(Platform& platform, Log& log, Access& access, ByteView master_key)
    : platform_(platform), log_(log), access_(access) {
  if (master_key.empty()) return;
  // One key a purpose: what seals identities opens nothing else.
  const Sha256::Digest derived =
      hmac_sha256(master_key, as_bytes(std::string_view("creel identities 1")));
  sealing_key_.assign(derived.begin(), derived.end());
}

Result<Unit> Identities::load() {
  TRY(all, load_identities(log_.rows()));
  all_ = std::move(all);
  std::sort(all_.begin(), all_.end(), before);
  tell_access();
  return Unit{};
}

const IdentityRecord* Identities::find(IdentityKind kind, std::string_view account,
                                       std::string_view name) const {
  IdentityRecord wanted;
  wanted.kind = kind;
  wanted.account = account;
  wanted.name = name;
  const auto found = std::lower_bound(all_.begin(), all_.end(), wanted, before);
  return found != all_.end() && !before(wanted, *found) ? &*found : nullptr;
}

std::shared_ptr<const UserPolicies> Identities::policies_of(const IdentityRecord& user) const {
  auto policies = std::make_shared<UserPolicies>();
  const auto add = [&](const IdentityRecord& holder, std::string_view whose) {
    for (const std::string& name : holder.policies) {
      const IdentityRecord* record = find(IdentityKind::kPolicy, user.account, name);
      if (record == nullptr) continue;
      S3Result<Policy> policy = parse_identity_policy(record->text);
      if (!policy.ok())
        continue;  // Was judged when it was put: only an older build's rules differ.
      policies->push_back({cat("the policy ", name, whose), policy.take()});
    }
  };
  add(user, "");
  for (const std::string& name : user.groups)
    if (const IdentityRecord* group = find(IdentityKind::kGroup, user.account, name))
      add(*group, cat(" of group ", name));
  return policies;
}

void Identities::tell_access() {
  unreadable_ = 0;
  std::vector<const IdentityRecord*> by_user;
  for (const IdentityRecord& record : all_)
    if (record.kind == IdentityKind::kKey && !record.inactive) by_user.push_back(&record);
  std::sort(by_user.begin(), by_user.end(), of_user_before);
  std::vector<UserKey> keys;
  for (const IdentityRecord& user : all_) {
    if (user.kind != IdentityKind::kUser) continue;
    UserKey key;
    key.principal.id = user.account;
    key.principal.display_name = access_.display_name_of(user.account);
    key.principal.user = user.name;
    key.principal.policies = policies_of(user);
    keys.push_back(key);  // Without an access key: the user is known.
    IdentityRecord whose;
    whose.account = user.account;
    whose.user = user.name;
    const auto [first, last] =
        std::equal_range(by_user.begin(), by_user.end(), &whose, of_user_before);
    for (auto at = first; at != last; ++at) {
      Result<Bytes> secret = fail(ErrorCode::kUnavailable, "no master key");
      if (!sealing_key_.empty())
        secret = open_sealed(sealing_key_, as_bytes((*at)->name), as_bytes((*at)->text));
      if (!secret.ok()) {
        ++unreadable_;
        continue;
      }
      key.access_key = (*at)->name;
      key.secret = to_string(secret.value());
      keys.push_back(key);
    }
  }
  access_.replace_users(std::move(keys));
}

Result<Unit> Identities::check_record(const IdentityRecord& record) const {
  if (!is_identity_name(record.name))
    return fail(ErrorCode::kInvalid, cat("'", record.name,
                                         "' is no name: letters, digits and "
                                         "+=,.@_- are allowed, at most ",
                                         kIdentityNameBytesMax));
  if (!access_.has_account(record.account))
    return fail(ErrorCode::kNotFound, cat("no account '", record.account, "'"));
  if (record.groups.size() > kAttachedMax || record.policies.size() > kAttachedMax)
    return fail(ErrorCode::kTooLarge, cat("at most ", kAttachedMax, " of a kind"));
  for (const std::string& name : record.groups)
    if (find(IdentityKind::kGroup, record.account, name) == nullptr)
      return fail(ErrorCode::kNotFound, cat("no group '", name, "'"));
  for (const std::string& name : record.policies)
    if (find(IdentityKind::kPolicy, record.account, name) == nullptr)
      return fail(ErrorCode::kNotFound, cat("no policy '", name, "'"));
  if (record.kind == IdentityKind::kPolicy) {
    const S3Result<Policy> policy = parse_identity_policy(record.text);
    if (!policy.ok()) return fail(ErrorCode::kInvalid, policy.error().message);
  }
  return Unit{};
}

std::string Identities::user_of(IdentityKind kind, std::string_view account,
                                std::string_view name) const {
  for (const IdentityRecord& record : all_) {
    if (record.account != account) continue;
    const bool names = kind == IdentityKind::kUser
                           ? record.kind == IdentityKind::kKey && record.user == name
                       : kind == IdentityKind::kGroup  ? contains(record.groups, name)
                       : kind == IdentityKind::kPolicy ? contains(record.policies, name)
                                                       : false;
    if (names) return cat("the ", kind_name(record.kind), ' ', record.name);
  }
  return {};
}

Task<Result<Unit>> Identities::submit(Ctx& ctx, Result<IdentityRecord> prepared,
                                      Conditions conditions, bool removes) {
  if (!prepared.ok()) co_return prepared.error();
  const IdentityRecord record = prepared.take();
  SetIdentity command;
  command.name = identity_row(record.kind, record.account, record.name);
  command.time_ms = platform_.clock.wall().ms();
  if (!removes) command.document = record.encode();
  command.conditions = std::move(conditions);
  store::Op op;
  op.meta = to_bytes(std::string_view(encode_op(command)));
  CO_TRY(verdict, co_await log_.submit(ctx, std::move(op)));
  if (!verdict.accepted && verdict.answer.empty()) {
    check(verdict.error.has_value());
    co_return *verdict.error;
  }
  CO_TRY(answer, Answer::decode(as_text(verdict.answer)));
  if (answer.refusal == Refusal::kPreconditionFailed)
    co_return answer.detail == "If-Match"
        ? fail(ErrorCode::kConflict, cat(record.name, " was changed meanwhile: ask again"))
        : fail(ErrorCode::kExists,
               cat("there is a ", kind_name(record.kind), " '", record.name, "' already"));
  co_return load();
}

Result<IdentityRecord> Identities::prepared(IdentityRecord record) const {
  TRY_DO(check_record(record));
  if (all_.size() >= kIdentitiesMax)
    return fail(ErrorCode::kTooLarge, cat("at most ", kIdentitiesMax, " identities"));
  return record;
}

Result<IdentityRecord> Identities::removable(IdentityKind kind, std::string_view account,
                                             std::string_view name) const {
  const IdentityRecord* found = find(kind, account, name);
  if (found == nullptr)
    return fail(ErrorCode::kNotFound, cat("no ", kind_name(kind), " '", name, "'"));
  const std::string user = user_of(kind, account, name);
  if (user.empty()) return *found;
  return fail(ErrorCode::kConflict, cat(name, " is still in use by ", user));
}

Task<Result<Unit>> Identities::add(Ctx& ctx, IdentityRecord record) {
  record.created_ms = platform_.clock.wall().ms();
  Conditions conditions;
  conditions.if_none_match = "*";
  return submit(ctx, prepared(std::move(record)), std::move(conditions), false);
}

Task<Result<Unit>> Identities::change(Ctx& ctx, IdentityRecord record) {
  Conditions conditions;
  conditions.if_match = cat(record.lsn);
  return submit(ctx, prepared(std::move(record)), std::move(conditions), false);
}

Task<Result<Unit>> Identities::remove(Ctx& ctx, IdentityKind kind, std::string account,
                                      std::string name) {
  Result<IdentityRecord> record = removable(kind, account, name);
  Conditions conditions;
  if (record.ok()) conditions.if_match = cat(record.value().lsn);
  return submit(ctx, std::move(record), std::move(conditions), true);
}

Task<Result<NewKey>> Identities::add_key(Ctx& ctx, std::string account, std::string user) {
  if (sealing_key_.empty())
    co_return fail(ErrorCode::kUnavailable,
                   "keys of users are sealed, and there is no master key: set [s3] master_key");
  if (find(IdentityKind::kUser, account, user) == nullptr)
    co_return fail(ErrorCode::kNotFound, cat("no user '", user, "'"));
  std::size_t count = 0;
  for (const IdentityRecord& record : all_)
    count += record.kind == IdentityKind::kKey && record.account == account && record.user == user;
  if (count >= kKeysPerUserMax)
    co_return fail(ErrorCode::kTooLarge,
                   cat(user, " has ", count, " keys; delete one to make another"));
  NewKey key;
  key.access_key = cat("CK", random_text(platform_.random, 18, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
  key.secret = random_text(platform_.random, 40,
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
  Bytes nonce(kSealNonceBytes);
  platform_.random.fill(nonce);
  IdentityRecord record;
  record.kind = IdentityKind::kKey;
  record.account = std::move(account);
  record.name = key.access_key;
  record.user = std::move(user);
  record.text =
      to_string(seal(sealing_key_, nonce, as_bytes(key.access_key), as_bytes(key.secret)));
  Result<Unit> added = co_await add(ctx, std::move(record));
  if (!added.ok()) co_return added.error();
  co_return std::move(key);
}

}  // namespace creel::s3
