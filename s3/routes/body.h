#pragma once
#include <memory>
#include <optional>

#include "s3/routes/call.h"
#include "s3/wire/aws_chunked.h"

namespace creel::s3 {

// A request's body with its aws-chunked frames taken off, if it has any.
class RequestBody final : public UploadBody {
 public:
  // Errors: MissingContentLength, InvalidArgument, those of parse_trailer_names().
  static S3Result<std::unique_ptr<RequestBody>> make(Call& call);
  Task<S3Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;
  S3Result<std::optional<Checksum>> trailer_checksum(const BodyChecks& checks) const override;
  std::optional<std::uint64_t> length() const { return length_; }

 private:
  explicit RequestBody(BodyReader& body) : body_(body) {}
  BodyReader& body_;
  std::optional<ChunkDecoder> decoder_;
  std::optional<std::uint64_t> length_;  // Decoded.
  Bytes framed_;                         // Bytes as they came, for the decoder.
  ByteView pending_;                     // Of framed_, not decoded yet.
  ByteView decoded_;                     // Of framed_, not handed out yet.
};

// What the head promises of the body.
S3Result<BodyPromise> body_promise(const Call& call, const RequestBody& body);

}  // namespace creel::s3
