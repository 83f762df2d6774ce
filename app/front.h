#pragma once
#include <functional>
#include <string>

#include "app/admin_api.h"
#include "app/config.h"
#include "s3/routes/s3_handler.h"

namespace creel::app {

// What the server knows of itself, asked anew for each request.
struct Health {
  bool ready = false;
  std::string reason;  // Why not.
  std::string warning; // Served, but somebody should act; or empty.
};

// The one HTTP entry: paths below `/-/` are ours (no bucket can be called `-`), all else is S3.
//   /-/live     200 while the loop turns
//   /-/ready    200, or 503 with the reason
//   /-/metrics  Prometheus text
//   /-/admin/v1/…  JSON, signed with the root key like any S3 request
class Front final : public HttpHandler {
 public:
  struct Sources {
    std::function<Health()> health;
    std::function<std::string()> metrics;
    // JSON for /-/admin/v1/NAME; kNotFound if there is no such thing.
    std::function<Task<Result<std::string>>(Ctx& ctx, AdminCall call)> admin;
  };
  Front(s3::S3Handler& s3, const s3::Access& access, Platform& platform, std::string region,
        Sources sources)
      : s3_(s3),
        access_(access),
        platform_(platform),
        region_(std::move(region)),
        sources_(std::move(sources)) {}

  Task<Result<Unit>> handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) override;
  HttpResponse refusal(int status, std::string_view reason) override {
    return s3_.refusal(status, reason);
  }

 private:
  Task<HttpResponse> own(Ctx& ctx, HttpRequest& request);
  Task<HttpResponse> admin(Ctx& ctx, HttpRequest& request, std::string name);

  s3::S3Handler& s3_;
  const s3::Access& access_;
  Platform& platform_;
  std::string region_;
  Sources sources_;
  s3::SigningKeyCache keys_;
};

}  // namespace creel::app
