#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "s3/wire/error.h"

namespace creel::s3 {

inline constexpr std::size_t kFormFieldsBytesMax = 64 * 1024;  // All that comes before the file.
inline constexpr std::size_t kFormFieldsMax = 256;

// The boundary of a Content-Type of multipart/form-data (RFC 2046 §5.1.1). Errors:
// PreconditionFailed, as S3 says it; MalformedPOSTRequest (no boundary, or longer than 70).
S3Result<std::string> parse_form_boundary(std::optional<std::string_view> content_type);

// Takes a body of multipart/form-data (RFC 7578) apart as POST Object has it: fields, then one
// file; what comes behind the file is ignored. Feed it in pieces of any size; the result is the
// same for every cut. Memory: the fields, or one piece.
//   feed(piece); … until in_file(); then take() the file's bytes between feeds; finish() at the
//   end.
class FormDecoder {
 public:
  explicit FormDecoder(std::string_view boundary);

  // Errors: MalformedPOSTRequest; MaxMessageLengthExceeded (fields beyond the bounds). After an
  // error the decoder is used up.
  S3Result<Unit> feed(ByteView bytes);
  bool in_file() const { return state_ == State::kFile || (state_ == State::kEnd && !closed_); }
  // Bytes of the file that are known to be its own; 0: feed more, or it has ended.
  std::size_t take(MutableBytes into);
  // Call at the end of the body. Errors: MalformedPOSTRequest (cut), InvalidArgument (no file).
  S3Result<Unit> finish() const;

  // In their order, names in lower case; complete once in_file().
  const std::vector<NameValue>& fields() const { return fields_; }
  const std::string& filename() const { return filename_; }  // Of the file; may be empty.

 private:
  enum class State : std::uint8_t { kPreamble, kFields, kFile, kEnd };
  S3Result<bool> part();

  std::string delimiter_;  // "\r\n--boundary"
  std::string pending_;
  std::size_t fields_bytes_ = 0;
  State state_ = State::kPreamble;
  bool closed_ = false;  // The last delimiter was seen before any file.
  std::vector<NameValue> fields_;
  std::string filename_;
};

}  // namespace creel::s3
