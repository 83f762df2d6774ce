#include "s3/wire/post_policy.h"

#include <algorithm>
#include <array>

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/cpu/hash.h"

namespace creel::s3 {
namespace {

S3Error invalid_policy(std::string_view why) {
  return s3_fail(S3Code::kInvalidPolicyDocument, cat("Invalid Policy: ", why));
}
S3Error denied(std::string_view why) {
  return s3_fail(S3Code::kAccessDenied, cat("Invalid according to Policy: ", why));
}

// Fields that need no condition.
bool is_exempt(std::string_view name) {
  constexpr std::string_view kExempt[] = {"x-amz-signature", "signature", "awsaccesskeyid", "file",
                                          "policy"};
  return std::find(std::begin(kExempt), std::end(kExempt), name) != std::end(kExempt) ||
         name.starts_with("x-ignore-") || name.starts_with("x-amz-checksum-");
}

// A policy may write a dollar sign as `\$`.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '$') continue;
    out.push_back(text[i]);
  }
  return out;
}

bool holds(bool is_prefix, std::string_view value, std::string_view wanted) {
  return is_prefix ? value.starts_with(wanted) : value == wanted;
}

class Judge {
 public:
  Judge(const PostForm& form) : form_(form) {}

  S3Result<Unit> condition(JsonValue condition) {
    if (condition.is_object()) {
      if (condition.size() != 1) return invalid_policy("Invalid Simple-Condition.");
      const JsonItem item = *condition.begin();
      const auto value = item.value.as_string();
      if (!value) return invalid_policy("Invalid Simple-Condition: value must be a string.");
      return match(false, item.name, *value);
    }
    if (!condition.is_array() || condition.size() != 3)
      return invalid_policy("Invalid condition: a list of three is expected.");
    std::array<JsonValue, 3> items;
    std::size_t count = 0;
    for (const JsonItem item : condition) items[count++] = item.value;
    const auto operation = items[0].as_string();
    if (!operation) return invalid_policy("Invalid condition: its operation must be a string.");
    if (equal_ignore_case(*operation, "content-length-range")) return length(items[1], items[2]);
    const bool is_prefix = equal_ignore_case(*operation, "starts-with");
    if (!is_prefix && !equal_ignore_case(*operation, "eq"))
      return invalid_policy(cat("Invalid condition: unknown operation '", *operation, "'."));
    const auto name = items[1].as_string();
    const auto value = items[2].as_string();
    if (!name || !name->starts_with('$') || !value)
      return invalid_policy("Invalid condition: expected [\"eq\", \"$name\", \"value\"].");
    return match(is_prefix, name->substr(1), *value);
  }

  // Every field must have been spoken of.
  S3Result<Unit> no_extra_fields() const {
    for (const NameValue& field : form_.fields)
      if (!is_exempt(field.first) && !is_known(field.first))
        return denied(cat("Extra input fields: ", field.first));
    if (!is_known("bucket")) return denied("Extra input fields: bucket");
    return Unit{};
  }

  LengthRange range() const { return range_; }

 private:
  S3Result<Unit> match(bool is_prefix, std::string_view name, std::string_view wanted) {
    std::string lower = to_lower(name);
    const std::string* value = lower == "bucket" ? &form_.bucket : form_.find(lower);
    // "Starts with nothing": the field may have any value, or be left out.
    const bool ok = value != nullptr ? holds(is_prefix, *value, wanted) ||
                                           holds(is_prefix, *value, unescaped(wanted))
                                     : is_prefix && wanted.empty();
    if (!ok)
      return denied(cat("Policy Condition failed: [\"", is_prefix ? "starts-with" : "eq", "\", \"$",
                        name, "\", \"", wanted, "\"]"));
    known_.push_back(std::move(lower));
    return Unit{};
  }

  S3Result<Unit> length(JsonValue least, JsonValue most) {
    const auto from = least.as_u64();
    const auto to = most.as_u64();
    if (!from || !to || *from > *to)
      return invalid_policy("Invalid content-length-range: two sizes are expected.");
    range_ = {std::max(range_.least, *from), std::min(range_.most, *to)};
    return Unit{};
  }

  bool is_known(std::string_view name) const {
    return std::find(known_.begin(), known_.end(), name) != known_.end();
  }

  const PostForm& form_;
  std::vector<std::string> known_;
  LengthRange range_;
};

S3Error mismatch(const std::string& access_key, std::string_view signature) {
  return s3_fail(S3Code::kSignatureDoesNotMatch)
      .with("AWSAccessKeyId", access_key)
      .with("SignatureProvided", std::string(signature));
}

S3Error missing(std::string_view field) {
  return invalid_argument(cat("Bucket POST must contain a field named '", field,
                              "'.  If it is specified, please check the order of the fields."),
                          field, "");
}

S3Result<std::string> verify_v2(const PostForm& form, const std::string& text,
                                const SecretLookup& secret_of) {
  const std::string* key = form.find("awsaccesskeyid");
  const std::string* signature = form.find("signature");
  if (key == nullptr) return missing("AWSAccessKeyId");
  if (signature == nullptr) return missing("signature");
  const std::optional<std::string> secret = secret_of(*key);
  if (!secret) return s3_fail(S3Code::kInvalidAccessKeyId).with("AWSAccessKeyId", *key);
  const std::string right = base64_encode(hmac_sha1(as_bytes(*secret), as_bytes(text)));
  if (!equal_constant_time(as_bytes(right), as_bytes(*signature)))
    return mismatch(*key, *signature);
  return *key;
}

// "AKID/yyyymmdd/region/s3/aws4_request", where the key may hold slashes.
S3Result<SigScope> parse_credential(std::string_view text, const SigPolicy& policy,
                                    std::string& access_key) {
  std::array<std::string_view, 4> tail;
  for (std::size_t i = tail.size(); i-- > 0;) {
    const std::size_t slash = text.rfind('/');
    if (slash == std::string_view::npos)
      return invalid_argument("The Credential is mal-formed.", "x-amz-credential", text);
    tail[i] = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  if (tail[1] != policy.region || tail[2] != policy.service || tail[3] != kSigTerminal)
    return invalid_argument(cat("The Credential is not for ", policy.region, '/', policy.service,
                                '/', kSigTerminal, '.'),
                            "x-amz-credential", tail[1]);
  access_key = text;
  SigScope scope;
  scope.date = tail[0];
  scope.region = tail[1];
  return scope;
}

}  // namespace

const std::string* PostForm::find(std::string_view name) const {
  for (const NameValue& field : fields)
    if (field.first == name) return &field.second;
  return nullptr;
}

S3Result<LengthRange> check_post_policy(std::string_view policy, const PostForm& form,
                                        WallTime now) {
  const std::optional<Bytes> text = base64_decode(policy);
  if (!text) return invalid_policy("it is not base64.");
  const Result<JsonDoc> parsed = JsonDoc::parse(*text);
  if (!parsed.ok()) return invalid_policy("Invalid JSON.");
  const JsonValue root = parsed.value().root();
  const auto expiration = root.find("expiration").as_string();
  if (!expiration) return invalid_policy("Policy missing expiration.");
  const auto expires = parse_iso8601(*expiration);
  if (!expires) return invalid_policy(cat("Invalid 'expiration' value: '", *expiration, "'"));
  const JsonValue conditions = root.find("conditions");
  if (!conditions.is_array() || conditions.size() == 0)
    return invalid_policy("Policy missing conditions.");
  if (now.seconds() >= expires->seconds()) return denied("Policy expired.");
  // What is malformed comes before what is refused.
  Judge judge(form);
  std::optional<S3Error> refused;
  for (const JsonItem item : conditions) {
    const S3Result<Unit> done = judge.condition(item.value);
    if (done.ok()) continue;
    if (done.error().code == S3Code::kInvalidPolicyDocument) return done.error();
    if (!refused) refused = done.error();
  }
  if (refused) return *refused;
  TRY_DO(judge.no_extra_fields());
  return judge.range();
}

S3Result<std::string> verify_post_signature(const PostForm& form, const SigPolicy& policy,
                                            const SecretLookup& secret_of) {
  const std::string* text = form.find("policy");
  if (text == nullptr) return std::string();
  const std::string* algorithm = form.find("x-amz-algorithm");
  if (algorithm == nullptr) return verify_v2(form, *text, secret_of);
  if (*algorithm != kSigAlgorithm)
    return invalid_argument(cat("x-amz-algorithm only supports ", kSigAlgorithm), "x-amz-algorithm",
                            *algorithm);
  const std::string* credential = form.find("x-amz-credential");
  const std::string* signature = form.find("x-amz-signature");
  const std::string* date = form.find("x-amz-date");
  if (credential == nullptr) return missing("X-Amz-Credential");
  if (date == nullptr) return missing("X-Amz-Date");
  if (signature == nullptr) return missing("X-Amz-Signature");
  std::string access_key;
  TRY(scope, parse_credential(*credential, policy, access_key));
  if (!date->starts_with(scope.date))
    return invalid_argument("X-Amz-Date is of another day than the Credential.", "x-amz-date",
                            *date);
  const std::optional<std::string> secret = secret_of(access_key);
  if (!secret) return s3_fail(S3Code::kInvalidAccessKeyId).with("AWSAccessKeyId", access_key);
  const std::string right = sign_text(derive_signing_key(*secret, scope), *text);
  if (!equal_constant_time(as_bytes(right), as_bytes(*signature)))
    return mismatch(access_key, *signature);
  return access_key;
}

}  // namespace creel::s3
