#pragma once
#include <string>
#include <vector>

#include "s3/routes/call.h"
#include "s3/routes/route_table.h"

namespace creel::s3 {

struct HandlerOptions {
  std::vector<std::string> base_domains;  // For virtual-host style; lower case, without port.
  Duration clock_window = 15_min;         // How far a client's clock may be off.
};

// What the operator may want to know of a finished request; no secrets.
struct RequestReport {
  std::string_view request_id, method, target, access_key, code;
  int status = 0;
  const Call* call = nullptr;  // Who asked for what, and what decided; gone after finished().
};
class RequestObserver {
 public:
  virtual void finished(const RequestReport& report) = 0;

 protected:
  ~RequestObserver() = default;
};

// S3 over HTTP: authenticate, find the route, authorise, act, answer (s3.md §1 has the order).
class S3Handler final : public HttpHandler {
 public:
  // All outlive the handler; filters and observer may be null.
  S3Handler(ObjectService& service, const Access& access, BucketFilters* filters,
            RequestObserver* observer, HandlerOptions options)
      : service_(service),
        access_(access),
        filters_(filters),
        observer_(observer),
        options_(std::move(options)) {}

  Task<Result<Unit>> handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) override;
  HttpResponse refusal(int status, std::string_view reason) override;

 private:
  S3Result<Unit> authenticate(Call& call, const Route& route);
  S3Result<Unit> find_bucket(Call& call);
  Task<S3Result<Reply>> run(Ctx& ctx, Call& call);
  Task<Result<Unit>> send(Ctx& ctx, Call& call, Reply reply, ResponseWriter& out);
  Task<Result<Unit>> send_error(Ctx& ctx, Call& call, const S3Error& error, ResponseWriter& out);
  std::string new_request_id();

  ObjectService& service_;
  const Access& access_;
  BucketFilters* filters_;
  RequestObserver* observer_;
  HandlerOptions options_;
  SigningKeyCache keys_;
};

}  // namespace creel::s3
