#include "s3/wire/error.h"

#include <array>

#include "platform/base/text.h"
#include "platform/codec/xml.h"

namespace creel::s3 {
namespace {

struct Row {
  S3Code code;
  std::uint16_t status;
  std::string_view name;
  std::string_view message;
};

using enum S3Code;

constexpr std::string_view kSchemaText =
    "The XML you provided was not well-formed or did not validate against our published schema.";

// In the order of the enumeration; row_of() checks that. Texts are the ones AWS sends.
constexpr std::array<Row, static_cast<std::size_t>(kCount)> kRows{{
    {kNotModified, 304, "NotModified", "Not Modified"},
    {kAccessControlListNotSupported, 400, "AccessControlListNotSupported",
     "The bucket does not allow ACLs."},
    {kAuthorizationHeaderMalformed, 400, "AuthorizationHeaderMalformed",
     "The authorization header is malformed."},
    {kAuthorizationQueryParametersError, 400, "AuthorizationQueryParametersError",
     "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
     "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
    {kBadDigest, 400, "BadDigest", "The Content-MD5 you specified did not match what we received."},
    {kBadRequest, 400, "BadRequest", "Bad Request"},
    {kEntityTooLarge, 400, "EntityTooLarge",
     "Your proposed upload exceeds the maximum allowed object size."},
    {kEntityTooSmall, 400, "EntityTooSmall",
     "Your proposed upload is smaller than the minimum allowed size"},
    {kIllegalVersioningConfiguration, 400, "IllegalVersioningConfigurationException",
     "The versioning configuration specified in the request is invalid."},
    {kIncompleteBody, 400, "IncompleteBody",
     "You did not provide the number of bytes specified by the Content-Length HTTP header"},
    {kInvalidArgument, 400, "InvalidArgument", "Invalid Argument"},
    {kInvalidBucketAclWithObjectOwnership, 400, "InvalidBucketAclWithObjectOwnership",
     "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
    {kInvalidBucketName, 400, "InvalidBucketName", "The specified bucket is not valid."},
    {kInvalidDigest, 400, "InvalidDigest", "The Content-Md5 you specified is not valid."},
    {kInvalidLocationConstraint, 400, "InvalidLocationConstraint",
     "The specified location-constraint is not valid"},
    {kInvalidPart, 400, "InvalidPart",
     "One or more of the specified parts could not be found.  The part may not have been "
     "uploaded, or the specified entity tag may not match the part's entity tag."},
    {kInvalidPartOrder, 400, "InvalidPartOrder",
     "The list of parts was not in ascending order. Parts must be ordered by part number."},
    {kInvalidPolicyDocument, 400, "InvalidPolicyDocument", "Invalid Policy"},
    {kInvalidRedirectLocation, 400, "InvalidRedirectLocation",
     "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."},
    {kInvalidRequest, 400, "InvalidRequest", "Invalid Request."},
    {kInvalidStorageClass, 400, "InvalidStorageClass",
     "The storage class you specified is not valid"},
    {kInvalidTag, 400, "InvalidTag", "The tag provided was not a valid tag."},
    {kInvalidToken, 400, "InvalidToken", "The provided token is malformed or otherwise invalid."},
    {kInvalidUri, 400, "InvalidURI", "Couldn't parse the specified URI."},
    {kKeyTooLong, 400, "KeyTooLongError", "Your key is too long."},
    {kKmsNotFound, 400, "KMS.NotFoundException", "The KMS key does not exist."},
    {kMalformedAcl, 400, "MalformedACLError", kSchemaText},
    {kMalformedPolicy, 400, "MalformedPolicy",
     "Policies must be valid JSON and the first byte must be '{'"},
    {kMalformedPostRequest, 400, "MalformedPOSTRequest",
     "The body of your POST request is not well-formed multipart/form-data."},
    {kMalformedTrailer, 400, "MalformedTrailerError",
     "The request contained trailing data that was not well-formed or did not conform to our "
     "published schema."},
    {kMalformedXml, 400, "MalformedXML", kSchemaText},
    {kMaxMessageLengthExceeded, 400, "MaxMessageLengthExceeded", "Your request was too big."},
    {kMetadataTooLarge, 400, "MetadataTooLarge",
     "Your metadata headers exceed the maximum allowed metadata size"},
    {kMissingRequestBody, 400, "MissingRequestBodyError", "Request Body is empty"},
    {kMissingSecurityHeader, 400, "MissingSecurityHeader",
     "Your request was missing a required header."},
    {kRequestTimeout, 400, "RequestTimeout",
     "Your socket connection to the server was not read from or written to within the timeout "
     "period. Idle connections will be closed."},
    {kUnexpectedContent, 400, "UnexpectedContent", "This request does not support content."},
    {kXAmzContentSha256Mismatch, 400, "XAmzContentSHA256Mismatch",
     "The provided 'x-amz-content-sha256' header does not match what was computed."},
    {kAccessDenied, 403, "AccessDenied", "Access Denied."},
    {kAccessForbidden, 403, "AccessForbidden", "Access forbidden."},
    {kInvalidAccessKeyId, 403, "InvalidAccessKeyId",
     "The AWS Access Key Id you provided does not exist in our records."},
    {kInvalidObjectState, 403, "InvalidObjectState",
     "The operation is not valid for the current state of the object."},
    // Not S3's: what Ceph and MinIO say of a bucket's quota.
    {kQuotaExceeded, 403, "QuotaExceeded", "The bucket has reached its quota."},
    {kRequestTimeTooSkewed, 403, "RequestTimeTooSkewed",
     "The difference between the request time and the current time is too large."},
    {kSignatureDoesNotMatch, 403, "SignatureDoesNotMatch",
     "The request signature we calculated does not match the signature you provided. Check your "
     "key and signing method."},
    {kNoSuchBucket, 404, "NoSuchBucket", "The specified bucket does not exist."},
    {kNoSuchBucketPolicy, 404, "NoSuchBucketPolicy", "The bucket policy does not exist."},
    {kNoSuchCorsConfiguration, 404, "NoSuchCORSConfiguration",
     "The CORS configuration does not exist"},
    {kNoSuchKey, 404, "NoSuchKey", "The specified key does not exist."},
    {kNoSuchLifecycleConfiguration, 404, "NoSuchLifecycleConfiguration",
     "The lifecycle configuration does not exist"},
    {kNoSuchObjectLockConfiguration, 404, "NoSuchObjectLockConfiguration",
     "The specified object does not have a ObjectLock configuration."},
    {kNoSuchPublicAccessBlockConfiguration, 404, "NoSuchPublicAccessBlockConfiguration",
     "The public access block configuration was not found"},
    {kNoSuchTagSet, 404, "NoSuchTagSet", "The TagSet does not exist."},
    {kNoSuchUpload, 404, "NoSuchUpload",
     "The specified multipart upload does not exist. The upload ID may be invalid, or the upload "
     "may have been aborted or completed."},
    {kNoSuchVersion, 404, "NoSuchVersion", "The specified version does not exist."},
    {kNoSuchWebsiteConfiguration, 404, "NoSuchWebsiteConfiguration",
     "The specified bucket does not have a website configuration"},
    {kObjectLockConfigurationNotFound, 404, "ObjectLockConfigurationNotFoundError",
     "Object Lock configuration does not exist for this bucket."},
    {kOwnershipControlsNotFound, 404, "OwnershipControlsNotFoundError",
     "The bucket ownership controls were not found."},
    {kServerSideEncryptionConfigurationNotFound, 404,
     "ServerSideEncryptionConfigurationNotFoundError",
     "The server side encryption configuration was not found"},
    {kMethodNotAllowed, 405, "MethodNotAllowed",
     "The specified method is not allowed against this resource."},
    {kBucketAlreadyExists, 409, "BucketAlreadyExists",
     "The requested bucket name is not available. The bucket namespace is shared by all users of "
     "the system. Please select a different name and try again."},
    {kBucketAlreadyOwnedByYou, 409, "BucketAlreadyOwnedByYou",
     "Your previous request to create the named bucket succeeded and you already own it."},
    {kBucketNotEmpty, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty."},
    {kConditionalRequestConflict, 409, "ConditionalRequestConflict",
     "The conditional request cannot succeed due to a conflicting operation against this "
     "resource."},
    {kInvalidBucketState, 409, "InvalidBucketState",
     "The request is not valid for the current state of the bucket."},
    {kOperationAborted, 409, "OperationAborted",
     "A conflicting conditional operation is currently in progress against this resource. Please "
     "try again."},
    {kMissingContentLength, 411, "MissingContentLength",
     "You must provide the Content-Length HTTP header."},
    {kPreconditionFailed, 412, "PreconditionFailed",
     "At least one of the pre-conditions you specified did not hold."},
    {kInvalidPartNumber, 416, "InvalidPartNumber", "The requested partnumber is not satisfiable."},
    {kInvalidRange, 416, "InvalidRange", "The requested range is not satisfiable"},
    {kInternalError, 500, "InternalError", "We encountered an internal error. Please try again."},
    {kNotImplemented, 501, "NotImplemented",
     "A header you provided implies functionality that is not implemented."},
    {kServiceUnavailable, 503, "ServiceUnavailable",
     "Service is unable to handle request. Please try again."},
    {kSlowDown, 503, "SlowDown", "Please reduce your request rate."},
    {kInsufficientStorage, 507, "InsufficientStorage",
     "There is not enough free space to complete this request."},
}};

const Row& row_of(S3Code code) {
  const auto at = static_cast<std::size_t>(code);
  check(at < kRows.size() && kRows[at].code == code);
  return kRows[at];
}

S3Code code_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return kInvalidRequest;
    case ErrorCode::kExists:
    case ErrorCode::kConflict: return kOperationAborted;
    case ErrorCode::kDenied: return kAccessDenied;
    case ErrorCode::kTooLarge: return kEntityTooLarge;
    case ErrorCode::kUnsupported: return kNotImplemented;
    case ErrorCode::kNoSpace: return kInsufficientStorage;
    case ErrorCode::kReadOnly:
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
    case ErrorCode::kStopped: return kServiceUnavailable;
    case ErrorCode::kClosed: return kIncompleteBody;
    case ErrorCode::kNotFound:  // What a client names is looked up by s3/ itself.
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
    case ErrorCode::kUnknown: return kInternalError;
  }
  check(false);
  return kInternalError;
}

bool speaks_of_the_request(ErrorCode code) {
  return code == ErrorCode::kInvalid || code == ErrorCode::kTooLarge ||
         code == ErrorCode::kUnsupported;
}

// XML holds no broken UTF-8, but a client's header or path may: that is shown percent-encoded.
std::string showable(std::string_view text) {
  return is_utf8(text) ? std::string(text) : percent_encode(text, true);
}

}  // namespace

int status_of(S3Code code) { return row_of(code).status; }
std::string_view name_of(S3Code code) { return row_of(code).name; }
std::string_view message_of(S3Code code) { return row_of(code).message; }

S3Error&& S3Error::with(std::string name, std::string value) && {
  extra.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

S3Error&& S3Error::with_header(std::string name, std::string value) && {
  headers.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

S3Error s3_fail(S3Code code) { return {code, std::string(message_of(code))}; }
S3Error s3_fail(S3Code code, std::string message) { return {code, std::move(message)}; }

S3Error invalid_argument(std::string message, std::string_view name, std::string_view value) {
  return s3_fail(kInvalidArgument, std::move(message))
      .with("ArgumentName", std::string(name))
      .with("ArgumentValue", std::string(value));
}

S3Error from_error(const Error& error) {
  const S3Code code = code_for(error.code);
  if (speaks_of_the_request(error.code) && !error.detail.empty()) return {code, error.detail};
  return s3_fail(code);
}

std::string render_error(const S3Error& error, const ErrorPlace& place) {
  std::string out;
  XmlWriter xml(out);
  xml.open("Error");
  xml.leaf("Code", name_of(error.code));
  xml.leaf("Message", showable(error.message));
  for (const NameValue& element : error.extra) xml.leaf(element.first, showable(element.second));
  xml.leaf("Resource", showable(place.resource));
  xml.leaf("RequestId", place.request_id);
  xml.leaf("HostId", place.host_id);
  xml.close();
  return out;
}

}  // namespace creel::s3
