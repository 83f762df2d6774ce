#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "platform/base/check.h"
#include "platform/base/result.h"

namespace creel::s3 {

// Every code Creel answers. The table in error.cc gives each its name, status and default text.
enum class S3Code : std::uint8_t {
  kNotModified,
  kAccessControlListNotSupported,
  kAuthorizationHeaderMalformed,
  kAuthorizationQueryParametersError,
  kBadDigest,
  kBadRequest,
  kEntityTooLarge,
  kEntityTooSmall,
  kIllegalVersioningConfiguration,
  kIncompleteBody,
  kInvalidArgument,
  kInvalidBucketAclWithObjectOwnership,
  kInvalidBucketName,
  kInvalidDigest,
  kInvalidLocationConstraint,
  kInvalidPart,
  kInvalidPartOrder,
  kInvalidPolicyDocument,
  kInvalidRedirectLocation,
  kInvalidRequest,
  kInvalidStorageClass,
  kInvalidTag,
  kInvalidToken,
  kInvalidUri,
  kKeyTooLong,
  kKmsNotFound,
  kMalformedAcl,
  kMalformedPolicy,
  kMalformedPostRequest,
  kMalformedTrailer,
  kMalformedXml,
  kMaxMessageLengthExceeded,
  kMetadataTooLarge,
  kMissingRequestBody,
  kMissingSecurityHeader,
  kRequestTimeout,
  kUnexpectedContent,
  kXAmzContentSha256Mismatch,
  kAccessDenied,
  kAccessForbidden,
  kInvalidAccessKeyId,
  kInvalidObjectState,
  kQuotaExceeded,
  kRequestTimeTooSkewed,
  kSignatureDoesNotMatch,
  kNoSuchBucket,
  kNoSuchBucketPolicy,
  kNoSuchCorsConfiguration,
  kNoSuchKey,
  kNoSuchLifecycleConfiguration,
  kNoSuchObjectLockConfiguration,
  kNoSuchPublicAccessBlockConfiguration,
  kNoSuchTagSet,
  kNoSuchUpload,
  kNoSuchVersion,
  kNoSuchWebsiteConfiguration,
  kObjectLockConfigurationNotFound,
  kOwnershipControlsNotFound,
  kServerSideEncryptionConfigurationNotFound,
  kMethodNotAllowed,
  kBucketAlreadyExists,
  kBucketAlreadyOwnedByYou,
  kBucketNotEmpty,
  kConditionalRequestConflict,
  kInvalidBucketState,
  kOperationAborted,
  kMissingContentLength,
  kPreconditionFailed,
  kInvalidPartNumber,
  kInvalidRange,
  kInternalError,
  kNotImplemented,
  kServiceUnavailable,
  kSlowDown,
  kInsufficientStorage,
  kCount,  // Not a code: the length of the table.
};

// HTTP status, such as 404.
int status_of(S3Code code);
// The <Code> text, such as "NoSuchKey".
std::string_view name_of(S3Code code);
// The <Message> used when the caller has nothing more exact to say.
std::string_view message_of(S3Code code);

using NameValue = std::pair<std::string, std::string>;

// What a client is told. `message`, `extra` and `headers` may repeat client input, so they never
// hold a secret and are escaped when rendered.
struct S3Error {
  S3Code code;
  std::string message;
  std::vector<NameValue> extra{};    // Elements between Message and Resource, in this order.
  std::vector<NameValue> headers{};  // Response headers that belong to this refusal.

  int status() const { return status_of(code); }
  S3Error&& with(std::string name, std::string value) &&;
  S3Error&& with_header(std::string name, std::string value) &&;
};

// The code with its default text, or with a text of its own.
S3Error s3_fail(S3Code code);
S3Error s3_fail(S3Code code, std::string message);
// 400 InvalidArgument with ArgumentName and ArgumentValue.
S3Error invalid_argument(std::string message, std::string_view name, std::string_view value);

// What a client may know of a failure below: full is 507, read-only, unavailable, stopped and timed
// out are 503, broken drives and unknown outcomes are 500. `error.detail` stays on our side, except
// for kInvalid, kTooLarge and kUnsupported, which speak of the request.
S3Error from_error(const Error& error);

// Who was asked, for <Resource>, <RequestId> and <HostId>.
struct ErrorPlace {
  std::string_view resource;
  std::string_view request_id;
  std::string_view host_id;
};
// The XML body. HEAD replies and 304 send none: that is the caller's part.
std::string render_error(const S3Error& error, const ErrorPlace& place);

// A value or an S3Error. Converts from creel::Error through from_error(), so TRY works across both.
template <class T>
class [[nodiscard]] S3Result {
 public:
  using Value = T;
  S3Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  S3Result(S3Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  S3Result(const Error& error) : state_(std::in_place_index<1>, from_error(error)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() {
    check(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    check(ok());
    return *std::get_if<0>(&state_);
  }
  // Moves the value out; the result then holds a moved-from value.
  T take() {
    check(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  const S3Error& error() const {
    check(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, S3Error> state_;
};

}  // namespace creel::s3
