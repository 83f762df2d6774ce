#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/units.h"
#include "s3/wire/error.h"
#include "s3/wire/sigv4.h"

namespace creel::s3 {

// The form of a POST Object request: what a policy is judged by.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
struct PostForm {
  std::string bucket;
  std::vector<NameValue> fields;  // Names in lower case; `${filename}` filled in.
  const std::string* find(std::string_view name) const;  // The first of that name, or null.
};

struct LengthRange {
  std::uint64_t least = 0;
  std::uint64_t most = UINT64_MAX;
};

// Checks every condition of the policy (base64, as the field `policy` holds it) at `now`. What
// remains is the length of the file. Errors: InvalidPolicyDocument; AccessDenied, naming what
// failed.
S3Result<LengthRange> check_post_policy(std::string_view policy, const PostForm& form,
                                        WallTime now);

// Who signed the policy: V4's fields, or V2's `awsaccesskeyid` and `signature`. Empty without a
// policy: an anonymous request. Errors: InvalidArgument (a field is missing or garbled),
// InvalidAccessKeyId, SignatureDoesNotMatch.
S3Result<std::string> verify_post_signature(const PostForm& form, const SigPolicy& policy,
                                            const SecretLookup& secret_of);

}  // namespace creel::s3
