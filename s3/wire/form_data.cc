#include "s3/wire/form_data.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

struct Disposition {
  std::string name;
  std::string filename;
  bool is_form_data = false;
};

// `; name=value` or `; name="value"` with backslash escapes, from `text` on; nullopt at the end.
std::optional<NameValue> next_parameter(std::string_view& text) {
  const std::size_t semicolon = text.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  text.remove_prefix(semicolon + 1);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  NameValue parameter{to_lower(trim(text.substr(0, equals))), {}};
  text.remove_prefix(equals + 1);
  text = text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
  if (!text.starts_with('"')) {
    parameter.second = trim(text.substr(0, text.find(';')));
    return parameter;
  }
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    // Only a quote is escaped: browsers send Windows paths with bare backslashes.
    if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '"') ++at;
    parameter.second.push_back(text[at]);
  }
  text.remove_prefix(std::min(at + 1, text.size()));
  return parameter;
}

Disposition parse_disposition(std::string_view head) {
  Disposition found;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos ||
        !equal_ignore_case(trim(line.substr(0, colon)), "content-disposition"))
      continue;
    std::string_view value = line.substr(colon + 1);
    found.is_form_data = equal_ignore_case(trim(value.substr(0, value.find(';'))), "form-data");
    while (std::optional<NameValue> parameter = next_parameter(value)) {
      if (parameter->first == "name") found.name = to_lower(parameter->second);
      if (parameter->first == "filename") found.filename = std::move(parameter->second);
    }
  }
  return found;
}

S3Error malformed() { return s3_fail(S3Code::kMalformedPostRequest); }

}  // namespace

S3Result<std::string> parse_form_boundary(std::optional<std::string_view> content_type) {
  constexpr std::size_t kBoundaryMax = 70;
  std::string_view text = content_type.value_or("");
  if (!equal_ignore_case(trim(text.substr(0, text.find(';'))), "multipart/form-data"))
    return s3_fail(S3Code::kPreconditionFailed)
        .with("Condition", "Bucket POST must be of the enclosure-type multipart/form-data");
  while (std::optional<NameValue> parameter = next_parameter(text))
    if (parameter->first == "boundary" && !parameter->second.empty() &&
        parameter->second.size() <= kBoundaryMax)
      return std::move(parameter->second);
  return malformed();
}

// The first delimiter stands at the start of the body, without the line end before it.
FormDecoder::FormDecoder(std::string_view boundary)
    : delimiter_(cat("\r\n--", boundary)), pending_("\r\n") {}

S3Result<Unit> FormDecoder::feed(ByteView bytes) {
  if (state_ == State::kEnd) return Unit{};
  pending_.append(as_text(bytes));
  if (state_ == State::kFile) return Unit{};
  fields_bytes_ += bytes.size();
  for (;;) {
    TRY(more, part());
    if (!more) break;
  }
  if (state_ == State::kFile || state_ == State::kEnd) return Unit{};
  if (fields_bytes_ > kFormFieldsBytesMax || fields_.size() > kFormFieldsMax)
    return s3_fail(S3Code::kMaxMessageLengthExceeded,
                   "Your POST request fields preceding the upload file were too large.");
  return Unit{};
}

// One delimiter and the head of the part behind it, or the whole part; false: more bytes are
// needed, or nothing more is.
S3Result<bool> FormDecoder::part() {
  if (state_ == State::kPreamble) {
    const std::size_t at = pending_.find(delimiter_);
    if (at == std::string::npos) return false;
    pending_.erase(0, at);
    state_ = State::kFields;
  }
  // Here pending_ begins with a delimiter, whole or not.
  const std::size_t after = delimiter_.size();
  if (pending_.size() < after + 2) return false;
  if (pending_.compare(after, 2, "--") == 0) {
    state_ = State::kEnd;
    closed_ = true;
    pending_.clear();
    return false;
  }
  if (pending_.compare(after, 2, "\r\n") != 0) return malformed();
  const std::size_t head = after + 2;
  const std::size_t head_end = pending_.find("\r\n\r\n", after);
  if (head_end == std::string::npos) return false;
  const std::size_t body = head_end + 4;
  const Disposition disposition = parse_disposition(std::string_view(pending_).substr(
      std::min(head, head_end), head_end - std::min(head, head_end)));
  if (!disposition.is_form_data || disposition.name.empty()) return malformed();
  if (disposition.name == "file") {
    filename_ = disposition.filename;
    pending_.erase(0, body);
    state_ = State::kFile;
    return false;
  }
  // An empty value: its delimiter's line end is the one that ends the head.
  const std::size_t end = pending_.find(delimiter_, body - 2);
  if (end == std::string::npos) return false;
  fields_.emplace_back(disposition.name,
                       end < body ? std::string() : pending_.substr(body, end - body));
  pending_.erase(0, end);
  return fields_.size() <= kFormFieldsMax;
}

std::size_t FormDecoder::take(MutableBytes into) {
  if (state_ != State::kFile) return 0;
  const std::size_t end = pending_.find(delimiter_);
  std::size_t known = end;
  if (end == std::string::npos)  // The last bytes may be the beginning of it.
    known = pending_.size() - std::min(pending_.size(), delimiter_.size() - 1);
  const std::size_t taken = std::min(known, into.size());
  std::copy_n(as_bytes(std::string_view(pending_)).begin(), taken, into.begin());
  pending_.erase(0, taken);
  if (end == taken) {
    state_ = State::kEnd;
    pending_.clear();
  }
  return taken;
}

S3Result<Unit> FormDecoder::finish() const {
  if (state_ == State::kEnd && !closed_) return Unit{};
  if (state_ == State::kEnd)
    return invalid_argument("POST requires exactly one file upload per request.", "file", "0");
  return malformed();
}

}  // namespace creel::s3
