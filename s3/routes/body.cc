#include "s3/routes/body.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kFramedBytes = 64 * KiB;

// What went wrong below, as the client should hear it.
S3Error body_error(const Error& error) {
  if (error.code == ErrorCode::kClosed) return s3_fail(S3Code::kIncompleteBody);
  if (error.code == ErrorCode::kTimeout) return s3_fail(S3Code::kRequestTimeout);
  if (error.code == ErrorCode::kInvalid) return s3_fail(S3Code::kIncompleteBody, error.detail);
  return from_error(error);
}

}  // namespace

S3Result<std::unique_ptr<RequestBody>> RequestBody::make(Call& call) {
  std::unique_ptr<RequestBody> body(new RequestBody(call.http.body));
  const PayloadMode mode = call.identity.payload;
  if (!is_streaming(mode)) {
    if (call.http.head.content_length) body->length_ = call.http.head.content_length;
    else if (!call.http.head.chunked) return s3_fail(S3Code::kMissingContentLength);
    return body;
  }
  TRY(length, parse_body_length(call.headers(), mode));
  body->length_ = length.decoded;
  ChunkDecoder::Options options;
  options.mode = mode;
  options.decoded_length = length.decoded;
  if (has_trailer(mode)) {
    TRY(names, parse_trailer_names(call.headers()));
    options.trailer_names = std::move(names);
  }
  body->decoder_.emplace(std::move(options), call.identity);
  body->framed_.resize(kFramedBytes);
  return body;
}

Task<S3Result<std::size_t>> RequestBody::read(Ctx& ctx, MutableBytes into) {
  if (!decoder_) {
    Result<std::size_t> got = co_await body_.read(ctx, into);
    if (!got.ok()) co_return body_error(got.error());
    co_return got.value();
  }
  while (decoded_.empty()) {
    if (pending_.empty()) {
      Result<std::size_t> got = co_await body_.read(ctx, framed_);
      if (!got.ok()) co_return body_error(got.error());
      if (got.value() == 0) {
        CO_DO(decoder_->finish());
        co_return std::size_t{0};
      }
      pending_ = ByteView(framed_).first(got.value());
    }
    CO_TRY(piece, decoder_->decode(pending_));
    decoded_ = piece;
  }
  const std::size_t take = std::min(into.size(), decoded_.size());
  std::copy_n(decoded_.begin(), take, into.begin());
  decoded_ = decoded_.subspan(take);
  co_return take;
}

S3Result<std::optional<Checksum>> RequestBody::trailer_checksum(const BodyChecks& checks) const {
  if (!decoder_ || !checks.in_trailer) return std::optional<Checksum>();
  TRY(checksum, parse_trailer_checksum(checks, decoder_->trailers()));
  return std::optional<Checksum>(std::move(checksum));
}

S3Result<BodyPromise> body_promise(const Call& call, const RequestBody& body) {
  BodyPromise promise;
  promise.length = body.length();
  TRY(checks, parse_body_checks(call.headers()));
  promise.checks = std::move(checks);
  if (call.identity.kind != AuthKind::kAnonymous && call.identity.payload == PayloadMode::kHash)
    promise.payload_sha256 = call.identity.payload_sha256;
  return promise;
}

namespace {

Task<S3Result<std::string>> read_promised(Ctx& ctx, RequestBody& body, BodyPromise promise,
                                          std::uint64_t bytes_max) {
  if (promise.length.value_or(0) > bytes_max) co_return s3_fail(S3Code::kMaxMessageLengthExceeded);
  ChecksumSet::Wanted wanted;
  wanted.payload_sha256 = promise.payload_sha256.has_value();
  if (promise.checks.algorithm) wanted.add(*promise.checks.algorithm);
  ChecksumSet digest(wanted);
  std::string document;
  Bytes buffer(16 * KiB);
  for (;;) {
    CO_TRY(got, co_await body.read(ctx, buffer));
    if (got == 0) break;
    digest.update(ByteView(buffer).first(got));
    document.append(as_text(ByteView(buffer).first(got)));
    if (document.size() > bytes_max) co_return s3_fail(S3Code::kMaxMessageLengthExceeded);
  }
  CO_TRY(trailer, body.trailer_checksum(promise.checks));
  const Digests digests = digest.finish();
  CO_DO(check_digests(promise.checks, trailer, digests));
  if (promise.payload_sha256 && digests.payload_sha256 != promise.payload_sha256)
    co_return s3_fail(S3Code::kXAmzContentSha256Mismatch);
  co_return std::move(document);
}

bool has_body(const Call& call) { return call.http.head.content_length || call.http.head.chunked; }

}  // namespace

Task<S3Result<std::string>> read_document(Ctx& ctx, Call& call, std::uint64_t bytes_max,
                                          bool digest_required) {
  if (!has_body(call)) {
    if (digest_required) co_return s3_fail(S3Code::kMissingRequestBody);
    co_return std::string();
  }
  CO_TRY(body, RequestBody::make(call));
  CO_TRY(promise, body_promise(call, *body));
  if (digest_required) CO_DO(require_body_check(promise.checks));
  co_return co_await read_promised(ctx, *body, std::move(promise), bytes_max);
}

Task<S3Result<std::string>> read_plain_document(Ctx& ctx, Call& call, std::uint64_t bytes_max) {
  if (!has_body(call)) co_return std::string();
  CO_TRY(body, RequestBody::make(call));
  CO_TRY(promise, body_promise(call, *body));
  promise.checks = BodyChecks();
  co_return co_await read_promised(ctx, *body, std::move(promise), bytes_max);
}

}  // namespace creel::s3
