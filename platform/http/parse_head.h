#pragma once
#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/http/message.h"

namespace creel {

// Second half of the guard, then llhttp (never with a lenient flag), then a comparison of what both
// understood. `head` is one whole head as HeadScanner found it, its skipped bytes left out. Refused
// beyond llhttp's own rules: versions other than 1.0 and 1.1, spaces around names, names that are
// no tokens, Content-Length that is repeated, a list or not plain digits, together with
// Transfer-Encoding, any Transfer-Encoding but one `chunked` under 1.1; for requests a missing
// (1.1) or repeated Host and a target with bytes outside printable ASCII. Errors: kInvalid; the
// detail is fit to be shown to the peer and holds nothing of its bytes.
Result<HttpRequestHead> parse_request_head(ByteView head);
Result<HttpResponseHead> parse_response_head(ByteView head);

}  // namespace creel
