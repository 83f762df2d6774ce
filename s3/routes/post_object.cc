#include <algorithm>

#include "platform/base/text.h"
#include "s3/routes/authorise.h"
#include "s3/routes/body.h"
#include "s3/routes/call.h"
#include "s3/routes/unsupported.h"
#include "s3/wire/etag.h"
#include "s3/wire/form_data.h"
#include "s3/wire/metadata.h"
#include "s3/wire/post_policy.h"
#include "s3/wire/tags.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

// The file of a form, as a body on its way in.
class FormFile final : public UploadBody {
 public:
  FormFile(std::unique_ptr<RequestBody> body, std::string_view boundary)
      : body_(std::move(body)), decoder_(boundary), piece_(64 * KiB) {}

  // Up to where the file begins. Errors: those of FormDecoder.
  Task<S3Result<Unit>> read_fields(Ctx& ctx) {
    while (!decoder_.in_file()) {
      CO_TRY(got, co_await body_->read(ctx, piece_));
      if (got == 0) break;
      CO_DO(decoder_.feed(ByteView(piece_).first(got)));
    }
    // Without a file the form has ended, or was cut.
    if (!decoder_.in_file()) co_return decoder_.finish();
    co_return Unit{};
  }

  Task<S3Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    for (;;) {
      const std::size_t taken = decoder_.take(into);
      bytes_ += taken;
      if (bytes_ > range.most) co_return s3_fail(S3Code::kEntityTooLarge);
      if (taken > 0) co_return taken;
      CO_TRY(got, co_await body_->read(ctx, piece_));
      if (got == 0) break;
      CO_DO(decoder_.feed(ByteView(piece_).first(got)));
    }
    CO_DO(decoder_.finish());
    if (bytes_ < range.least) co_return s3_fail(S3Code::kEntityTooSmall);
    co_return std::size_t{0};
  }
  S3Result<std::optional<Checksum>> trailer_checksum(const BodyChecks&) const override {
    return std::optional<Checksum>();
  }

  const FormDecoder& decoder() const { return decoder_; }
  LengthRange range;

 private:
  std::unique_ptr<RequestBody> body_;
  FormDecoder decoder_;
  Bytes piece_;
  std::uint64_t bytes_ = 0;
};

S3Result<PostForm> make_form(const Call& call, const FormDecoder& decoder) {
  constexpr std::string_view kFilename = "${filename}";
  PostForm form;
  form.bucket = call.bucket();
  form.fields = decoder.fields();
  // Nobody has proved who they are yet: a long name that is filled in many times is too much.
  std::size_t bytes = 0;
  for (NameValue& field : form.fields)
    for (std::size_t at = field.second.find(kFilename); at != std::string::npos;
         at = field.second.find(kFilename, at + decoder.filename().size())) {
      field.second.replace(at, kFilename.size(), decoder.filename());
      bytes += decoder.filename().size();
      if (bytes > kFormFieldsBytesMax)
        return s3_fail(S3Code::kMaxMessageLengthExceeded,
                       "Your POST request fields are too large with ${filename} filled in.");
    }
  if (form.find("key") != nullptr) return form;
  return invalid_argument(
      "Bucket POST must contain a field named 'key'.  If it is specified, please check the order "
      "of the fields.",
      "key", "");
}

// Fields that mean what a header of a PUT does, under that header's name.
std::vector<HeaderField> fields_as_headers(const PostForm& form) {
  std::vector<HeaderField> headers;
  for (const NameValue& field : form.fields) {
    std::string_view name = field.first;
    if (name == "acl") name = "x-amz-acl";
    else if (name == "tagging") name = "x-amz-tagging";
    headers.push_back({name, field.second});
  }
  return headers;
}

// A form says its tags in XML, and its policy speaks of that; a header says them form-encoded.
S3Result<Unit> encode_tagging(PostForm& form) {
  for (NameValue& field : form.fields) {
    if (field.first != "tagging") continue;
    TRY(tags, parse_tagging(as_bytes(field.second), false));
    field.second = encode_tags(tags);
  }
  return Unit{};
}

// Who sent the form, whether its policy covers it, and whether they may.
S3Result<Unit> prove(Call& call, PostForm& form, FormFile& file) {
  const SecretLookup secret_of = [&call](std::string_view key) {
    return call.access.secret_of(key);
  };
  SigPolicy policy;
  policy.region = call.service.region();
  TRY(access_key, verify_post_signature(form, policy, secret_of));
  call.identity.access_key = access_key;
  call.principal = call.access.principal_of(access_key);
  if (const std::string* text = form.find("policy")) {
    TRY(range, check_post_policy(*text, form, call.service.platform().clock.wall()));
    file.range = range;
  }
  TRY_DO(encode_tagging(form));
  // The fields of a form are what the headers of a PUT are, to conditions too.
  call.fields = fields_as_headers(form);
  Wanted wanted = own_object(call);
  wanted.action = "s3:PutObject";
  TRY_DO(authorise(call, wanted));
  return authorise_headers(call, wanted);
}

Reply success(const Call& call, const PostForm& form, const WriteOutcome& outcome) {
  Reply reply = empty_reply(204);
  const std::string etag = quoted_etag(outcome.etag);
  const std::string location = cat("http://", call.header("host").value_or(""), '/', call.bucket(),
                                   '/', percent_encode(call.key(), true));
  const std::string* redirect = form.find("success_action_redirect");
  if (redirect == nullptr) redirect = form.find("redirect");
  const std::string* status = form.find("success_action_status");
  const bool to_url = redirect != nullptr &&
                      (redirect->starts_with("http://") || redirect->starts_with("https://")) &&
                      redirect->find_first_of("\r\n ") == std::string::npos;
  if (to_url) {
    reply.status = 303;
    reply.headers.add("Location",
                      cat(*redirect, redirect->find('?') == std::string::npos ? '?' : '&',
                          "bucket=", call.bucket(), "&key=", percent_encode(call.key(), false),
                          "&etag=", percent_encode(etag, false)));
  } else if (status != nullptr && *status == "201") {
    reply = xml_reply(post_response_xml(location, call.bucket(), call.key(), outcome.etag));
    reply.status = 201;
    reply.headers.add("Location", location);
  } else {
    if (status != nullptr && *status == "200") reply.status = 200;
    reply.headers.add("Location", location);
  }
  reply.headers.add("ETag", etag);
  add_new_version(reply.headers, outcome.version_id);
  add_checksum(reply.headers, outcome.checksum);
  add_encryption_headers(reply.headers, outcome.encryption);
  return reply;
}

}  // namespace

// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
Task<S3Result<Reply>> post_object(Ctx& ctx, Call& call) {
  CO_TRY(boundary, parse_form_boundary(call.header("content-type")));
  CO_TRY(body, RequestBody::make(call));
  FormFile file(std::move(body), boundary);
  CO_DO(co_await file.read_fields(ctx));
  CO_TRY(form, make_form(call, file.decoder()));
  call.name.key = *form.find("key");
  CO_DO(check_key(call.name.key));
  CO_DO(prove(call, form, file));
  CO_DO(check_wishes(call));
  CO_TRY(arguments, put_arguments(call));
  BodyPromise promise;
  CO_TRY(checks, parse_body_checks(call.headers()));
  promise.checks = std::move(checks);
  CO_TRY(outcome,
         co_await call.service.put_object(ctx, std::move(arguments), file, std::move(promise)));
  co_return success(call, form, outcome);
}

}  // namespace creel::s3
