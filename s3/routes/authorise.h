#pragma once
#include <string_view>

#include "s3/routes/call.h"

namespace creel::s3 {

// What a call wants to do to what. Views live as long as the call.
struct Wanted {
  std::string_view action;
  std::string_view bucket, key;
  std::string_view version_id;              // Of the object; empty: the current one.
  const BucketRules* rules = nullptr;  // Of the bucket; null: those of the call's own.
  const BucketRecord* record = nullptr;     // Of the bucket; null: there is none yet.
  std::optional<std::string_view> prefix;   // s3:prefix of a listing that is only thought of.
};

// The object of the call itself, for an action still to be named.
Wanted own_object(const Call& call);

// Decides, and keeps the decision in the call. Who may not read an object that is not there, but
// may list its name, is let through: the operation then says 404. Errors: AccessDenied.
S3Result<Unit> authorise(Call& call, const Wanted& wanted);

// Rights that headers of a write need beside its own: x-amz-tagging is s3:PutObjectTagging, and so
// on. Errors: AccessDenied.
S3Result<Unit> authorise_headers(Call& call, const Wanted& wanted);

// NoSuchKey and NoSuchVersion are for those who may list; others hear AccessDenied.
S3Error missing_as_told(Call& call, const Wanted& wanted, S3Error error);

}  // namespace creel::s3
