#pragma once
#include <optional>
#include <string_view>

#include "s3/routes/call.h"

namespace creel::s3 {

// What a request asks for and what it needs a right for. There is no row without an action.
struct Route {
  Operation operation;
  std::string_view action;  // "s3:GetObject"
};

// Finds the operation by method, resource and sub-resource. A sub-resource of AWS that is not
// served is 501, so that no `PUT /b/k?foo` ever falls through to PutObject. Errors: NotImplemented,
// MethodNotAllowed (with Allow).
S3Result<Route> find_route(const Call& call);

}  // namespace creel::s3
