#include "s3/service/access.h"

#include "platform/base/text.h"

namespace creel::s3 {

void Access::add_key(std::string access_key, std::string secret, Principal owner) {
  keys_[std::move(access_key)] = Key{std::move(secret), std::move(owner)};
}

std::optional<std::string> Access::secret_of(std::string_view access_key) const {
  const auto found = keys_.find(access_key);
  if (found == keys_.end()) return std::nullopt;
  return found->second.secret;
}

Principal Access::principal_of(std::string_view access_key) const {
  const auto found = keys_.find(access_key);
  if (found == keys_.end()) return Principal{{}, {}, true};
  return found->second.owner;
}

std::string Access::display_name_of(std::string_view id) const {
  for (const auto& [access_key, key] : keys_)
    if (key.owner.id == id) return key.owner.display_name;
  return std::string(id);
}

S3Result<Unit> Access::authorise(const Principal& principal, const AccessRequest& request) const {
  const bool own = request.owner.empty() || request.owner == principal.id;
  if (!principal.anonymous && (own || principal.root)) return Unit{};
  if (principal.anonymous && request.action == "s3:ListAllMyBuckets")
    return s3_fail(S3Code::kAccessDenied,
                   "Anonymous users cannot invoke this API. Please authenticate.");
  return s3_fail(S3Code::kAccessDenied);
}

}  // namespace creel::s3
