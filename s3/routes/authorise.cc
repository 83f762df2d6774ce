#include "s3/routes/authorise.h"

#include "platform/base/text.h"
#include "s3/wire/copy_source.h"

namespace creel::s3 {
namespace {

struct HeaderKey {
  std::string_view key, header;
};
// Condition keys that are what a header says. No other key ever is.
constexpr HeaderKey kHeaderKeys[] = {
    {"aws:useragent", "user-agent"},
    {"aws:referer", "referer"},
    {"s3:if-match", "if-match"},
    {"s3:if-none-match", "if-none-match"},
    {"s3:object-lock-mode", "x-amz-object-lock-mode"},
    {"s3:object-lock-legal-hold", "x-amz-object-lock-legal-hold"},
    {"s3:object-lock-retain-until-date", "x-amz-object-lock-retain-until-date"},
};
constexpr std::string_view kQueryKeys[][2] = {
    {"s3:prefix", "prefix"}, {"s3:delimiter", "delimiter"}, {"s3:max-keys", "max-keys"}};

constexpr std::string_view kExistingTag = "s3:existingobjecttag/";
constexpr std::string_view kRequestTag = "s3:requestobjecttag/";
constexpr std::string_view kOwnHeaders = "s3:x-amz-";

// Pairs of a form-encoded x-amz-tagging.
void for_each_tag(std::string_view text, auto&& take) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (name && value) take(*name, *value);
  }
}

class CallFacts final : public AccessFacts {
 public:
  CallFacts(const Call& call, const Wanted& wanted) : call_(call), wanted_(wanted) {}

  bool find(std::string_view key, std::vector<std::string>& values) const override {
    const auto say = [&values](std::string_view text) {
      values.emplace_back(text);
      return true;
    };
    for (const HeaderKey& from : kHeaderKeys)
      if (key == from.key) return from_header(from.header, values);
    for (const auto& from : kQueryKeys)
      if (key == from[0]) return from_query(from[1], values);
    if (key.starts_with(kRequestTag) || key == "s3:requestobjecttagkeys")
      return from_tags(key, values);
    if (key == "s3:x-amz-copy-source") return from_copy_source(values);
    if (key.starts_with(kOwnHeaders)) return from_header(key.substr(3), values);
    if (key.starts_with(kExistingTag)) return from_existing_tags(key, values);
    if (key == "s3:versionid") return !wanted_.version_id.empty() && say(wanted_.version_id);
    if (key == "aws:sourceip") return say(call_.http.head.peer.address.host);
    if (key == "aws:securetransport") return say(call_.http.head.peer.tls ? "true" : "false");
    if (key == "aws:currenttime") return say(iso8601_ms(now()));
    if (key == "aws:epochtime") return say(cat(now().seconds()));
    if (key == "aws:requestedregion") return say(call_.service.region());
    if (key == "aws:resourceaccount" || key == "s3:resourceaccount")
      return wanted_.record != nullptr && say(wanted_.record->owner);
    return of_caller(key, values);
  }

  const ObjectAcl* object_acl() const override {
    look();
    return acl_ ? &*acl_ : nullptr;
  }

 private:
  // Reads the object, once and only if something asks for it.
  void look() const {
    if (looked_ || wanted_.key.empty()) return;
    looked_ = true;
    const S3Result<OpenedObject> opened =
        call_.service.open(wanted_.bucket, wanted_.key, wanted_.version_id);
    if (!opened.ok()) return;
    read_acl(opened.value());
    tags_ = opened.value().record.attributes.tags;
  }
  bool from_existing_tags(std::string_view key, std::vector<std::string>& values) const {
    look();
    const std::size_t before = values.size();
    for_each_tag(tags_, [&](const std::string& name, const std::string& value) {
      if (equal_ignore_case(name, key.substr(kExistingTag.size()))) values.push_back(value);
    });
    return values.size() > before;
  }
  void read_acl(const OpenedObject& object) const {
    acl_.emplace();
    acl_->owner = object.record.attributes.owner;
    Result<std::vector<Grant>> grants = decode_grants(object.record.attributes.acl);
    if (grants.ok()) acl_->grants = grants.take();  // Else nobody but its owner.
  }
  WallTime now() const { return call_.service.platform().clock.wall(); }

  bool from_header(std::string_view name, std::vector<std::string>& values) const {
    const std::optional<std::string_view> value = call_.headers().find(name);
    if (value) values.emplace_back(*value);
    return value.has_value();
  }
  bool from_query(std::string_view name, std::vector<std::string>& values) const {
    std::optional<std::string_view> value = call_.query.find(name);
    if (wanted_.prefix) value = name == "prefix" ? wanted_.prefix : std::nullopt;
    if (value) values.emplace_back(*value);
    return value.has_value();
  }
  bool from_tags(std::string_view key, std::vector<std::string>& values) const {
    const std::size_t before = values.size();
    for_each_tag(call_.headers().find("x-amz-tagging").value_or(""),
                 [&](const std::string& name, const std::string& value) {
                   if (!key.starts_with(kRequestTag)) values.push_back(name);
                   else if (equal_ignore_case(name, key.substr(kRequestTag.size())))
                     values.push_back(value);
                 });
    return values.size() > before;
  }
  // With and without its optional slash: policies write both.
  bool from_copy_source(std::vector<std::string>& values) const {
    const auto header = call_.headers().find("x-amz-copy-source");
    if (!header) return false;
    const S3Result<CopySource> source = parse_copy_source(*header);
    if (!source.ok()) return false;
    values.push_back(cat(source.value().bucket, '/', source.value().key));
    values.push_back(cat('/', source.value().bucket, '/', source.value().key));
    return true;
  }
  bool of_caller(std::string_view key, std::vector<std::string>& values) const {
    const Principal& who = call_.principal;
    const auto say = [&values](std::string_view text) {
      values.emplace_back(text);
      return true;
    };
    if (key == "aws:principaltype")
      return say(who.anonymous ? "Anonymous" : who.user.empty() ? "Account" : "User");
    if (key == "s3:authtype")
      return !who.anonymous &&
             say(call_.identity.kind == AuthKind::kQuery ? "REST-QUERY-STRING" : "REST-HEADER");
    if (who.anonymous) return false;
    if (key == "aws:username") return !who.user.empty() && say(who.user);
    if (key == "aws:userid") return say(who.user.empty() ? who.id : cat(who.id, ':', who.user));
    if (key == "aws:principalarn") return say(arn_of(who));
    if (key == "aws:principalaccount") return say(who.id);
    if (key == "s3:signatureversion") return say("AWS4-HMAC-SHA256");
    if (key != "s3:signatureage") return false;
    const std::optional<WallTime> signed_at = parse_iso8601_basic(call_.identity.amz_date);
    return signed_at && say(cat(now().ms() - signed_at->ms()));
  }

  const Call& call_;
  const Wanted& wanted_;
  mutable bool looked_ = false;
  mutable std::optional<ObjectAcl> acl_;
  mutable std::string tags_;
};

const BucketRules& rules_of(const Call& call, const Wanted& wanted) {
  return wanted.rules != nullptr ? *wanted.rules : *call.rules;
}

Decision decide(Call& call, const Wanted& wanted) {
  const CallFacts facts(call, wanted);
  const AccessRequest request{wanted.action,
                              wanted.bucket,
                              wanted.key,
                              wanted.record != nullptr ? wanted.record->owner : std::string_view(),
                              rules_of(call, wanted),
                              facts};
  return call.access.decide(call.principal, request);
}

S3Error refusal(const Call& call, const Wanted& wanted, const Decision& decision) {
  const CallFacts facts(call, wanted);
  const AccessRequest request{wanted.action,          wanted.bucket, wanted.key, {},
                              rules_of(call, wanted), facts};
  return access_denied(call.principal, request, decision);
}

bool may_list(Call& call, const Wanted& wanted) {
  Wanted listing = wanted;
  listing.action = "s3:ListBucket";
  listing.key = {};
  listing.prefix = wanted.key;
  return decide(call, listing).allowed;
}

bool is_missing(const Call& call, const Wanted& wanted) {
  const S3Result<OpenedObject> opened =
      call.service.open(wanted.bucket, wanted.key, wanted.version_id);
  return !opened.ok() && opened.error().status() == 404;
}

struct HeaderRight {
  std::string_view header;  // One that ends in '-' stands for all that begin with it.
  std::string_view action;
};
constexpr HeaderRight kHeaderRights[] = {
    {"x-amz-acl", "s3:PutObjectAcl"},
    {"x-amz-grant-", "s3:PutObjectAcl"},
    {"x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"},
    {"x-amz-object-lock-mode", "s3:PutObjectRetention"},
    {"x-amz-object-lock-retain-until-date", "s3:PutObjectRetention"},
    {"x-amz-tagging", "s3:PutObjectTagging"},
};

}  // namespace

Wanted own_object(const Call& call) {
  Wanted wanted;
  wanted.bucket = call.bucket();
  wanted.key = call.key();
  wanted.version_id = call.query.find("versionId").value_or("");
  if (call.record) wanted.record = &*call.record;
  return wanted;
}

S3Result<Unit> authorise(Call& call, const Wanted& wanted) {
  call.action = wanted.action;
  call.decision = decide(call, wanted);
  if (call.decision.allowed) return Unit{};
  const bool reads =
      !wanted.key.empty() && !call.decision.denied && wanted.action.starts_with("s3:GetObject");
  if (reads && may_list(call, wanted) && is_missing(call, wanted)) return Unit{};
  return refusal(call, wanted, call.decision);
}

S3Result<Unit> authorise_headers(Call& call, const Wanted& wanted) {
  const Decision::Why why = call.decision.why;
  // An owner has all rights, and who may write by a grant owns what is written.
  const bool by_statement =
      why == Decision::Why::kBucketPolicy || why == Decision::Why::kUserPolicy;
  if (call.rules->plain() && !call.principal.policies) return Unit{};
  for (const HeaderField& field : call.fields) {
    if (trim(field.value).empty()) continue;
    for (const HeaderRight& right : kHeaderRights) {
      const bool prefix = right.header.ends_with('-');
      const std::string_view name = prefix ? field.name.substr(0, right.header.size()) : field.name;
      if (!equal_ignore_case(name, right.header)) continue;
      Wanted extra = wanted;
      extra.action = right.action;
      Decision decision = decide(call, extra);
      if (decision.allowed || (!decision.denied && !by_statement)) continue;
      call.action = extra.action;
      call.decision = std::move(decision);
      return refusal(call, extra, call.decision);
    }
  }
  return Unit{};
}

S3Error missing_as_told(Call& call, const Wanted& wanted, S3Error error) {
  const bool missing = error.code == S3Code::kNoSuchKey || error.code == S3Code::kNoSuchVersion;
  if (!missing || may_list(call, wanted)) return error;
  return s3_fail(S3Code::kAccessDenied);
}

}  // namespace creel::s3
