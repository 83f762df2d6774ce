// A request of the model's language as HTTP, and the answer back.
#pragma once
#include "tests/model/link.h"
#include "tests/model/real_s3.h"

namespace creel::test {

// The request without what cannot be said over HTTP: names that are not UTF-8, wrong lengths.
S3Request sayable(S3Request request);
bool is_sayable_key(const std::string& key);

Task<Outcome> perform_http(Ctx& ctx, Link& link, S3Request request);

// Takes out what the answer does not bear: times (a second's resolution), sizes and checksums of
// some. For both worlds, before they are compared.
void hide_from_http(const S3Request& request, S3Reply& reply);

}  // namespace creel::test
