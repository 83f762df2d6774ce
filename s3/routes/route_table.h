#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "s3/routes/call.h"

namespace creel::s3 {

enum class RouteLevel : std::uint8_t { kService, kBucket, kObject };

// What a request asks for and what it needs a right for. There is no route without an action.
struct Route {
  enum class Judged : std::uint8_t {
    kBefore,  // The handler asks for the right to `action` before the operation runs.
    kInside,  // The operation asks itself: it learns who asks, or for what, from the body.
  };
  Operation operation = nullptr;
  std::string_view action;          // "s3:GetObject"
  std::string_view version_action;  // Of one version, by versionId; empty: the same.
  // What an anonymous caller is told, whom no policy can help; empty: policies decide.
  std::string_view signed_only;
  Judged judged = Judged::kBefore;
};

struct RouteRow {
  RouteLevel level;
  std::string_view method;
  std::string_view sub;     // Sub-resource that must be there; empty: none is.
  std::string_view header;  // Header that must be there; empty: does not matter.
  Route route;
};
// All of them; the first that fits wins.
std::span<const RouteRow> route_rows();

// Finds the operation by method, resource and sub-resource. A sub-resource of AWS that is not
// served is 501, so that no `PUT /b/k?foo` ever falls through to PutObject. Errors: NotImplemented,
// MethodNotAllowed (with Allow).
S3Result<Route> find_route(const Call& call);

}  // namespace creel::s3
