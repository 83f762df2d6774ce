#include "tests/model/real_s3.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/http/body.h"
#include "s3/wire/etag.h"
#include "store/index/lmdb_base.h"
#include "tests/model/http_s3.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

constexpr unsigned kCoreDrives = 6;
constexpr std::size_t kInlineBytesMax = 4 * KiB;  // Small, so that extents are common.

std::vector<s3::Header> header_list(const HeaderMap& headers) {
  return {headers.begin(), headers.end()};
}
std::string checksum_text(const s3::StoredChecksum& checksum) {
  return cat(checksum.algorithm, ' ', checksum.type, ' ', checksum.value);
}
Outcome refusal(const s3::S3Error& error) {
  Outcome outcome;
  outcome.reply.code = std::string(s3::name_of(error.code));
  if (error.status() >= 500) outcome.reply.code += cat(" (", error.message, ")");
  return outcome;
}
s3::Conditions conditions(const S3Request& request) {
  return {request.if_match, request.if_none_match};
}
s3::ReadConditions source_conditions(const S3Request& request) {
  s3::ReadConditions read;
  if (!request.source_if_match.empty()) read.if_match = request.source_if_match;
  if (!request.source_if_none_match.empty()) read.if_none_match = request.source_if_none_match;
  return read;
}
std::optional<std::string> range_header(const S3Request& request) {
  return request.range.empty() ? std::nullopt : std::optional<std::string>(request.range);
}

s3::BodyPromise body_promise(const S3Request& request) {
  const Promise& said = request.promise;
  s3::BodyPromise promise;
  promise.length = request.body->size() + (said.wrong_length ? 1 : 0);
  if (said.md5) {
    const Md5::Digest md5 = Md5::of(as_bytes(*request.body));
    s3::Md5Digest told{};
    std::copy(md5.begin(), md5.end(), told.begin());
    if (said.wrong_md5) told[0] ^= 1;
    promise.checks.content_md5 = told;
  }
  if (!said.algorithm.empty()) {
    promise.checks.algorithm = s3::algorithm_of_name(said.algorithm);
    const std::string text = base64_of(full_checksum(said.algorithm, *request.body));
    promise.checks.expected = s3::parse_checksum(*promise.checks.algorithm, text);
    if (said.wrong_checksum) promise.checks.expected->raw[0] ^= 1;
  }
  return promise;
}

Outcome written(const s3::WriteOutcome& done) {
  Outcome outcome;
  outcome.reply.etag = done.etag;
  outcome.reply.size = done.size;
  if (done.checksum) outcome.reply.checksum = checksum_text(s3::stored_checksum(*done.checksum));
  outcome.reply.version = outcome.luck.version = done.version_id;
  outcome.luck.mtime_ms = done.mtime_ms;
  return outcome;
}

s3::ListArguments list_arguments(const S3Request& request) {
  s3::ListArguments arguments;
  arguments.bucket = request.bucket;
  arguments.prefix = request.prefix;
  arguments.delimiter = request.delimiter;
  arguments.after = request.after;
  arguments.count_max = request.count_max;
  return arguments;
}

}  // namespace

RealS3::RealS3(RealOptions options)
    : world(options.seed),
      options_(std::move(options)),
      node_(world.add_node("box")),
      model_({options_.part_bytes_min(), false}) {
  if (options_.core)
    for (unsigned i = 0; i < kCoreDrives; ++i) node_.disk().drive(cat("d", i));
  if (!options_.http) return;
  clients_ = &world.add_node("clients");
  link_options_ = {"box", 9000, {"model-key", "model-secret"}, 10_s};
  access_.add_key("model-key", "model-secret", {"owner", "Owner", false});
}

RealS3::~RealS3() {
  if (node_.alive()) node_.crash(SimCrash::kProcess);  // The store may be at work.
  down();
}

void RealS3::serve() {
  s3::HandlerOptions handling;
  handling.clock_window = Duration{48LL * 3'600 * 1'000'000'000};  // The box's clock jumps.
  handler_.emplace(*service_, access_, nullptr, nullptr, std::move(handling));
  server_.emplace(*handler_, HttpServerOptions());
  node_.spawn(listen(node_, *server_));
}

Task<void> RealS3::listen(SimNode& node, HttpServer& server) {
  Address address{"box", 9000};
  auto listener =
      co_await node.platform().network.listen(node.ctx(), std::move(address), std::nullopt);
  check(listener.ok());
  [[maybe_unused]] const Result<Unit> served = co_await server.serve(node.ctx(), *listener.value());
}

void RealS3::down() {
  links_.clear();  // Requests under way hold theirs.
  server_.reset();
  handler_.reset();
  service_.reset();
  blobs_.reset();
  log_.reset();
  store_.reset();
  core_.reset();
}

Result<std::unique_ptr<store::RowBase>> RealS3::open_base(const std::string& dir,
                                                          const store::Uuid& store, bool fresh) {
  if (options_.lmdb_dir.empty())
    return std::unique_ptr<store::RowBase>(new store::MemBase(images_[dir], fresh));
  return store::open_lmdb(options_.lmdb_dir, store, {64 * MiB, fresh});
}

std::string RealS3::open() {
  down();
  node_.disk().faults().lying_sync = 0;
  const std::string failure = options_.core ? open_core() : open_edge();
  if (!failure.empty()) return failure;
  node_.disk().faults().lying_sync = options_.lying_sync;
  s3::Log& log = core_ ? core_->log() : *log_;
  s3::Blobs& blobs = core_ ? static_cast<s3::Blobs&>(core_->blobs()) : *blobs_;
  service_.emplace(node_.platform(), log, blobs, s3::ServiceOptions());
  if (options_.http) serve();
  return {};
}

std::string RealS3::open_edge() {
  store::Options options;
  options.dirs = {"d"};
  options.segment_bytes = 256 * KiB;
  options.size_bytes = 256 * MiB;
  options.batch_bytes_max = 64 * KiB;
  options.inline_bytes_max = kInlineBytesMax;
  options.checkpoint_rows = 200;
  options.open_base = [this](const std::string& dir, const store::Uuid& store, bool fresh) {
    return open_base(dir, store, fresh);
  };
  options.log = [this](std::string_view line) { lines.emplace_back(line); };
  auto opened = world.finish(
      node_, store::Store::open(node_.ctx(), node_.platform(), model_, std::move(options)));
  if (!opened) return "crashed";
  if (!opened->ok()) return error_text(opened->error());
  store_ = opened->take();
  log_.emplace(*store_, kInlineBytesMax);
  blobs_.emplace(*store_);
  node_.spawn(store_->run(node_.ctx()));
  return {};
}

namespace {
Task<void> run_core(Ctx& ctx, std::shared_ptr<core::CoreNode> core) { co_await core->run(ctx); }
}  // namespace

std::string RealS3::open_core() {
  core::CoreOptions options;
  for (unsigned i = 0; i < kCoreDrives; ++i) options.dirs.push_back(cat("d", i));
  options.segment_bytes = 2 * MiB;
  options.store_bytes = 128 * MiB;
  options.checkpoint_rows = 200;
  options.open_base = [this](const std::string& dir, const store::Uuid& store, bool fresh) {
    return open_base(dir, store, fresh);
  };
  options.log = [this](std::string_view line) { lines.emplace_back(line); };
  auto made = std::make_shared<core::CoreNode>(node_.platform(), std::move(options));
  auto opened = world.finish(node_, made->open(node_.ctx()), 600_s);
  if (!opened) return "crashed";
  if (!opened->ok()) return error_text(opened->error());
  core_ = made;
  node_.spawn(run_core(node_.ctx(), std::move(made)));
  return {};
}

void RealS3::crash(SimCrash kind) {
  if (node_.alive()) node_.crash(kind);
  down();
  // A box without a battery wakes up at another time, before or after.
  TestRandom luck(world.steps());
  if (luck.chance(0.5))
    node_.options().wall_offset =
        Duration{luck.between<std::int64_t>(-3'600, 3'600) * 1'000'000'000};
  node_.restart();
}

void RealS3::crash_in(Duration delay) {
  const std::uint64_t life = node_.life_number();
  world.at(delay, [this, life] {
    if (node_.alive() && node_.life_number() == life) node_.crash(SimCrash::kPowerLoss);
  });
}

std::string RealS3::stop() {
  node_.ctx().request_stop();
  if (!world.run_until([&] { return node_.scope().running() == 0; }, 60_s))
    return "did not stop within a minute";
  auto closed = world.finish(node_, close(node_.ctx()));
  if (!closed || !closed->ok())
    return cat("closing: ", closed ? error_text(closed->error()) : "no end");
  crash(SimCrash::kProcess);
  return {};
}

Task<Result<Unit>> RealS3::close(Ctx& ctx) {
  if (core_) co_return co_await core_->close(ctx);
  co_return co_await store_->close(ctx);
}

void RealS3::start_image() { node_.spawn(make_image(node_.ctx())); }

Task<void> RealS3::make_image(Ctx& ctx) {
  const Result<Unit> made = co_await log_store().make_image(ctx);
  if (!made.ok() && made.error().code != ErrorCode::kStopped)
    trouble_ = cat("image: ", error_text(made.error()));
}

std::string RealS3::checkpoint() {
  auto done = world.finish(node_, log_store().checkpoint(node_.ctx()));
  if (!done) return "no end";
  return done->ok() ? std::string() : error_text(done->error());
}

void RealS3::drop_index() {
  images_.clear();
  if (options_.lmdb_dir.empty()) return;
  std::remove(cat(options_.lmdb_dir, "/data.mdb").c_str());
  std::remove(cat(options_.lmdb_dir, "/lock.mdb").c_str());
}

std::vector<std::optional<Outcome>> RealS3::call_all(std::vector<S3Request> requests,
                                                     std::optional<Duration> crash_after) {
  auto outcomes = std::make_shared<std::vector<std::optional<Outcome>>>(requests.size());
  const std::vector<S3Request> asked = tamper != nullptr ? requests : std::vector<S3Request>();
  if (crash_after) crash_in(*crash_after);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!options_.http) {
      node_.spawn(answer_into(outcomes, i, std::move(requests[i])));
      continue;
    }
    if (links_.size() <= i)
      links_.push_back(std::make_shared<Link>(clients_->platform(), link_options_));
    clients_->spawn(answer_over_http(outcomes, i, links_[i], std::move(requests[i])));
  }
  const std::uint64_t life = node_.life_number();
  std::size_t at = 0;
  world.run_until(
      [&] {
        if (!node_.alive() || node_.life_number() != life) return true;
        while (at < outcomes->size() && (*outcomes)[at]) ++at;
        return at == outcomes->size() && !crash_after;
      },
      3600_s);
  if (tamper != nullptr)
    for (std::size_t i = 0; i < asked.size(); ++i)
      if ((*outcomes)[i]) tamper(asked[i], *(*outcomes)[i]);
  return std::move(*outcomes);
}

Outcome RealS3::call(const S3Request& request) {
  auto outcomes = call_all({request});
  check(outcomes[0].has_value());
  return std::move(*outcomes[0]);
}

Task<void> RealS3::answer_into(std::shared_ptr<std::vector<std::optional<Outcome>>> into,
                               std::size_t index, S3Request request) {
  Ctx& ctx = node_.ctx();
  Outcome outcome = co_await perform(ctx, std::move(request));
  (*into)[index] = std::move(outcome);
}

Task<void> RealS3::answer_over_http(std::shared_ptr<std::vector<std::optional<Outcome>>> into,
                                    std::size_t index, std::shared_ptr<Link> link,
                                    S3Request request) {
  Outcome outcome = co_await perform_http(clients_->ctx(), *link, std::move(request));
  // Behind a crash nobody waits any more.
  if (outcome.reply.code != "no answer" && index < into->size())
    (*into)[index] = std::move(outcome);
}

Task<Outcome> RealS3::perform(Ctx& ctx, S3Request request) {
  switch (request.verb) {
    case Verb::kCreateBucket: {
      auto done = co_await service_->create_bucket(ctx, request.bucket, "owner", "us-east-1");
      co_return done.ok() ? Outcome() : refusal(done.error());
    }
    case Verb::kDeleteBucket: {
      auto done = co_await service_->delete_bucket(ctx, request.bucket);
      co_return done.ok() ? Outcome() : refusal(done.error());
    }
    case Verb::kListBuckets: co_return list_buckets(request);
    case Verb::kPut: {
      s3::PutArguments arguments;
      arguments.bucket = request.bucket;
      arguments.key = request.key;
      arguments.headers = header_list(request.headers);
      arguments.conditions = conditions(request);
      s3::test::TextBody body(*request.body, 5'000);
      s3::BodyPromise promise = body_promise(request);
      auto done =
          co_await service_->put_object(ctx, std::move(arguments), body, std::move(promise));
      co_return done.ok() ? written(done.value()) : refusal(done.error());
    }
    case Verb::kGet: co_return co_await get(ctx, std::move(request));
    case Verb::kDelete: {
      s3::DeleteArguments arguments;
      arguments.bucket = request.bucket;
      arguments.key = request.key;
      arguments.version_id = request.version;
      arguments.conditions = conditions(request);
      auto done = co_await service_->delete_object(ctx, std::move(arguments));
      if (!done.ok()) co_return refusal(done.error());
      Outcome outcome;
      outcome.reply.version = outcome.luck.version = done.value().version_id;
      outcome.reply.marker = done.value().delete_marker;
      outcome.luck.mtime_ms = done.value().mtime_ms;
      co_return std::move(outcome);
    }
    case Verb::kCopy: co_return co_await copy(ctx, std::move(request));
    case Verb::kSetVersioning: {
      const auto wanted = request.enable ? s3::Versioning::kEnabled : s3::Versioning::kSuspended;
      auto done = co_await service_->set_versioning(ctx, request.bucket, wanted);
      co_return done.ok() ? Outcome() : refusal(done.error());
    }
    case Verb::kList: co_return list(request);
    case Verb::kListVersions: co_return list_versions(request);
    case Verb::kCreateUpload: {
      s3::UploadArguments arguments;
      arguments.bucket = request.bucket;
      arguments.key = request.key;
      arguments.owner = "owner";
      arguments.headers = header_list(request.headers);
      arguments.checksum.algorithm = s3::algorithm_of_name(request.algorithm);
      if (arguments.checksum.algorithm)
        arguments.checksum.type = s3::default_type(*arguments.checksum.algorithm);
      auto done = co_await service_->create_upload(ctx, std::move(arguments));
      if (!done.ok()) co_return refusal(done.error());
      Outcome outcome;
      outcome.reply.upload_id = outcome.luck.upload_id = done.value();
      co_return std::move(outcome);
    }
    case Verb::kPutPart: co_return co_await put_part(ctx, std::move(request));
    case Verb::kCopyPart: co_return co_await copy_part(ctx, std::move(request));
    case Verb::kListParts: co_return list_parts(request);
    case Verb::kListUploads: co_return list_uploads(request);
    case Verb::kComplete: {
      s3::CompleteArguments arguments;
      arguments.bucket = request.bucket;
      arguments.key = request.key;
      arguments.upload_id = request.upload_id;
      arguments.conditions = conditions(request);
      arguments.object_size = request.object_size;
      for (const WantedPart& part : request.parts) {
        s3::CompletePart wanted;
        wanted.number = part.number;
        wanted.etag = part.etag;
        const auto algorithm = s3::algorithm_of_name(request.algorithm);
        if (algorithm && !part.checksum.empty())
          wanted.checksum = s3::parse_checksum(*algorithm, part.checksum);
        arguments.parts.push_back(std::move(wanted));
      }
      auto done = co_await service_->complete_upload(ctx, std::move(arguments));
      if (!done.ok()) co_return refusal(done.error());
      Outcome outcome;
      outcome.reply.etag = done.value().etag;
      outcome.luck.mtime_ms = done.value().mtime_ms;
      outcome.reply.version = outcome.luck.version = done.value().version_id;
      co_return std::move(outcome);
    }
    case Verb::kAbort: {
      auto done =
          co_await service_->abort_upload(ctx, request.bucket, request.key, request.upload_id);
      co_return done.ok() ? Outcome() : refusal(done.error());
    }
  }
  co_return Outcome();
}

Task<Outcome> RealS3::get(Ctx& ctx, S3Request request) {
  s3::S3Result<s3::OpenedObject> opened =
      service_->open(request.bucket, request.key, request.version);
  if (!opened.ok()) co_return refusal(opened.error());
  const s3::ObjectRecord& record = opened.value().record;
  auto range =
      s3::resolve_range(s3::parse_range(range_header(request)), record.size, request.range);
  if (!range.ok()) co_return refusal(range.error());
  std::uint64_t offset = 0;
  std::uint64_t length = record.size;
  if (range.value()) {
    offset = range.value()->first;
    length = range.value()->length();
  }
  Outcome outcome;
  S3Reply& reply = outcome.reply;
  reply.etag = record.etag;
  reply.checksum = checksum_text(record.checksum);
  reply.size = record.size;
  reply.mtime_ms = record.mtime_ms;
  reply.headers = HeaderMap(record.headers.begin(), record.headers.end());
  reply.part_count = record.part_count;
  reply.version = opened.value().version_id;
  auto reader = service_->read(opened.value(), offset, length);
  if (!reader.ok()) co_return refusal(reader.error());
  Result<std::string> body = co_await read_all(ctx, *reader.value(), 64 * MiB);
  if (!body.ok()) {
    outcome.reply.code = cat("body: ", error_text(body.error()));
    co_return std::move(outcome);
  }
  reply.body = body.take();
  co_return std::move(outcome);
}

Task<Outcome> RealS3::copy(Ctx& ctx, S3Request request) {
  s3::CopyArguments arguments;
  arguments.bucket = request.bucket;
  arguments.key = request.key;
  arguments.source.bucket = request.source_bucket;
  arguments.source.key = request.source_key;
  if (!request.source_version.empty()) arguments.source.version_id = request.source_version;
  arguments.source_conditions = source_conditions(request);
  arguments.replace_headers = request.replace_headers;
  arguments.headers = header_list(request.headers);
  arguments.algorithm = s3::algorithm_of_name(request.algorithm);
  arguments.conditions = conditions(request);
  auto done = co_await service_->copy_object(ctx, std::move(arguments));
  co_return done.ok() ? written(done.value()) : refusal(done.error());
}

Task<Outcome> RealS3::put_part(Ctx& ctx, S3Request request) {
  s3::PartArguments arguments{request.bucket, request.key, request.upload_id,
                              static_cast<std::uint16_t>(request.part)};
  s3::test::TextBody body(*request.body, 5'000);
  s3::BodyPromise promise = body_promise(request);
  auto done = co_await service_->put_part(ctx, std::move(arguments), body, std::move(promise));
  co_return done.ok() ? written(done.value()) : refusal(done.error());
}

Task<Outcome> RealS3::copy_part(Ctx& ctx, S3Request request) {
  s3::PartArguments arguments{request.bucket, request.key, request.upload_id,
                              static_cast<std::uint16_t>(request.part)};
  s3::CopySource source;
  source.bucket = request.source_bucket;
  source.key = request.source_key;
  s3::ReadConditions wanted = source_conditions(request);
  std::optional<std::string> range = range_header(request);
  auto done = co_await service_->copy_part(ctx, std::move(arguments), std::move(source),
                                           std::move(wanted), std::move(range));
  co_return done.ok() ? written(done.value()) : refusal(done.error());
}

Outcome RealS3::list_buckets(const S3Request& request) {
  auto found = service_->list_buckets(request.prefix, request.after, request.count_max);
  if (!found.ok()) return refusal(found.error());
  Outcome outcome;
  outcome.reply.truncated = found.value().size() > request.count_max;
  if (outcome.reply.truncated) found.value().pop_back();
  for (const s3::ListedBucket& bucket : found.value())
    outcome.reply.entries.push_back({bucket.name, {}, {}, {}, 0, 0});
  return outcome;
}

Outcome RealS3::list(const S3Request& request) {
  auto found = service_->list(list_arguments(request));
  if (!found.ok()) return refusal(found.error());
  Outcome outcome;
  for (const s3::ListedObject& object : found.value().objects)
    outcome.reply.entries.push_back({object.key,
                                     {},
                                     object.record.etag,
                                     checksum_text(object.record.checksum),
                                     object.record.size,
                                     object.record.mtime_ms});
  outcome.reply.prefixes = std::move(found.value().common_prefixes);
  outcome.reply.truncated = found.value().truncated;
  outcome.reply.next = std::move(found.value().next);
  return outcome;
}

Outcome RealS3::list_versions(const S3Request& request) {
  auto found = service_->list_versions(list_arguments(request), request.after_id);
  if (!found.ok()) return refusal(found.error());
  Outcome outcome;
  for (const s3::ListedVersion& version : found.value().versions) {
    const s3::ObjectRecord& record = version.record;
    Entry entry{version.key, record.version_id.empty() ? "null" : record.version_id,
                record.etag, record.delete_marker ? std::string() : checksum_text(record.checksum),
                record.size, record.mtime_ms};
    entry.latest = version.latest;
    entry.marker = record.delete_marker;
    outcome.reply.entries.push_back(std::move(entry));
  }
  outcome.reply.prefixes = std::move(found.value().common_prefixes);
  outcome.reply.truncated = found.value().truncated;
  outcome.reply.next = std::move(found.value().next_key);
  outcome.reply.next_id = std::move(found.value().next_version);
  return outcome;
}

Outcome RealS3::list_parts(const S3Request& request) {
  auto found = service_->list_parts(request.bucket, request.key, request.upload_id,
                                    request.after_part, request.count_max);
  if (!found.ok()) return refusal(found.error());
  Outcome outcome;
  for (const s3::ListedPart& part : found.value().parts)
    outcome.reply.entries.push_back({cat(part.number),
                                     {},
                                     part.record.etag,
                                     checksum_text(part.record.checksum),
                                     part.record.size,
                                     part.record.mtime_ms});
  outcome.reply.truncated = found.value().truncated;
  return outcome;
}

Outcome RealS3::list_uploads(const S3Request& request) {
  auto found = service_->list_uploads(list_arguments(request), request.after_id);
  if (!found.ok()) return refusal(found.error());
  Outcome outcome;
  for (const s3::ListedUpload& upload : found.value().uploads)
    outcome.reply.entries.push_back({upload.key, upload.record.upload_id, {}, {}, 0, 0});
  outcome.reply.prefixes = std::move(found.value().common_prefixes);
  outcome.reply.truncated = found.value().truncated;
  if (found.value().truncated) {
    outcome.reply.next = std::move(found.value().next_key);
    outcome.reply.next_id = std::move(found.value().next_upload_id);
  }
  return outcome;
}

}  // namespace creel::test
