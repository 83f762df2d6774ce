#include "platform/async/scope.h"
#include "platform/base/text.h"
#include "s3/routes/authorise.h"
#include "s3/routes/call.h"
#include "s3/wire/uri.h"
#include "s3/wire/xml_in.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

struct Outcome {
  std::optional<S3Error> error;
  DeleteOutcome done;
};

// Each key is a right of its own: a refused one leaves the others alone.
S3Result<Unit> may_delete(Call& call, const DeleteKey& key) {
  Wanted wanted = own_object(call);
  wanted.action = key.version_id.empty() ? "s3:DeleteObject" : "s3:DeleteObjectVersion";
  wanted.key = key.key;
  wanted.version_id = key.version_id;
  return authorise(call, wanted);
}

Task<void> delete_one(Ctx& ctx, Call& call, const DeleteKey& wanted, Outcome& outcome) {
  S3Result<Unit> named = check_key(wanted.key);
  if (named.ok() && !wanted.version_id.empty()) named = check_version_id(wanted.version_id);
  if (named.ok()) named = may_delete(call, wanted);
  if (!named.ok()) {
    outcome.error = named.error();
    co_return;
  }
  DeleteArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = wanted.key;
  arguments.version_id = wanted.version_id;
  arguments.conditions.if_match = wanted.etag;
  Wanted object = own_object(call);
  object.key = wanted.key;
  object.version_id = wanted.version_id;
  const S3Result<bool> bypass = may_bypass_governance(call, object);
  if (!bypass.ok()) {
    outcome.error = bypass.error();
    co_return;
  }
  arguments.bypass_governance = bypass.value();
  S3Result<DeleteOutcome> deleted = co_await call.service.delete_object(ctx, std::move(arguments));
  if (deleted.ok()) outcome.done = deleted.take();
  else outcome.error = deleted.error();
}

}  // namespace

// All keys are submitted side by side: they share batches and so flushes.
Task<S3Result<Reply>> delete_objects(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlListBodyBytesMax, true));
  CO_TRY(request, parse_delete(as_bytes(document)));
  std::vector<Outcome> outcomes(request.keys.size());
  Scope scope(ctx);
  for (std::size_t i = 0; i < request.keys.size(); ++i)
    scope.spawn(delete_one(scope.ctx(), call, request.keys[i], outcomes[i]));
  co_await scope.join();
  std::vector<DeletedEntry> deleted;
  std::vector<DeleteFault> faults;
  for (std::size_t i = 0; i < request.keys.size(); ++i) {
    const DeleteKey& key = request.keys[i];
    if (outcomes[i].error) {
      faults.push_back({key.key, key.version_id, *outcomes[i].error});
    } else {
      DeletedEntry entry;
      entry.key = key.key;
      entry.version_id = key.version_id;
      entry.delete_marker = outcomes[i].done.delete_marker;
      if (entry.delete_marker) entry.delete_marker_version_id = outcomes[i].done.version_id;
      deleted.push_back(std::move(entry));
    }
  }
  co_return xml_reply(delete_result_xml(deleted, faults, request.quiet));
}

}  // namespace creel::s3
