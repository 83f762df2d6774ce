#pragma once
#include "s3/routes/call.h"

namespace creel::s3 {

// Owner and list of an object that the call writes, as attributes; nothing where they are the
// default. Errors: AccessControlListNotSupported, AccessDenied (BlockPublicAcls), those of
// header_grants().
S3Result<ObjectAttributes> written_attributes(const Call& call);

// The same for a bucket that the call makes: its first documents.
S3Result<std::vector<std::string>> first_documents(const Call& call);

}  // namespace creel::s3
