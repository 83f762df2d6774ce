#pragma once
#include "s3/routes/call.h"

namespace creel::s3 {

// Headers of a request that ask for what this server does not do (tags, locks): 501
// naming the header, so that nobody takes a plain success for it. Values that ask for nothing (an
// empty x-amz-tagging, `private`) pass.
S3Result<Unit> check_wishes(const Call& call);

}  // namespace creel::s3
