#include "edge/object_filter.h"

#include <algorithm>

#include "edge/filter_step.h"
#include "edge/provenance.h"
#include "platform/base/text.h"
#include "s3/service/object_reader.h"
#include "s3/wire/uri.h"

namespace creel::edge {
namespace {

constexpr std::size_t kSliceBytes = 256 * KiB;

// An S3 answer of the local service in the words of a caller who retries, waits or gives up.
Error world_error(const s3::S3Error& error) {
  const std::string text = cat(s3::name_of(error.code), ": ", error.message);
  switch (error.status()) {
    case 404: return fail(ErrorCode::kNotFound, text);
    case 503: return fail(ErrorCode::kUnavailable, text);
    case 507: return fail(ErrorCode::kNoSpace, text);
    default: return fail(error.status() >= 500 ? ErrorCode::kIo : ErrorCode::kInvalid, text);
  }
}

// Unversioned objects are told apart by their log position: "null" would name all of them.
std::string version_of(const s3::ObjectRecord& record) {
  return record.version_id.empty() ? cat("lsn-", record.lsn) : record.version_id;
}

std::string_view header_of(const std::vector<s3::Header>& headers, std::string_view name) {
  for (const s3::Header& header : headers)
    if (header.first == name) return header.second;
  return {};
}

filters::ObjectInfo object_info(const FilterInput& input) {
  filters::ObjectInfo info;
  info.bucket = input.bucket;
  info.key = input.key;
  info.content_type = header_of(input.record.headers, "content-type");
  info.size = input.record.size;
  info.etag = input.record.etag;
  info.version = input.record.version_id.empty() ? "null" : input.record.version_id;
  constexpr std::string_view kPrefix = "x-amz-meta-";
  for (const s3::Header& header : input.record.headers)
    if (header.first.starts_with(kPrefix))
      info.metadata.emplace_back(header.first.substr(kPrefix.size()), header.second);
  if (input.log_time_ms > input.record.mtime_ms)
    info.age_ms = input.log_time_ms - input.record.mtime_ms;
  return info;
}

FilterOutcome held(FilterOutcome outcome, std::string_view reason, std::string detail) {
  outcome.verdict = FilterVerdict::kHeld;
  outcome.reason = reason;
  outcome.detail = std::move(detail);
  outcome.retry_later = reason == filters::held_name(filters::HeldReason::kKey);
  outcome.headers.clear();
  outcome.body = {};
  return outcome;
}

FilterOutcome raw(FilterOutcome outcome, const FilterInput& input, const filters::Rule* rule) {
  outcome.verdict = FilterVerdict::kSendRaw;
  outcome.key = input.key;
  outcome.headers = raw_headers(input.record.headers, rule);
  return outcome;
}

FilterOutcome dropped(FilterOutcome outcome, std::string_view reason) {
  outcome.verdict = FilterVerdict::kDrop;
  outcome.reason = reason;
  return outcome;
}

// What a decision without a statement comes to.
FilterOutcome plain_outcome(const filters::Decision& decision, FilterOutcome outcome,
                            const FilterInput& input) {
  using filters::Action;
  if (decision.match_failed)
    return held(std::move(outcome), filters::held_name(filters::HeldReason::kMatch),
                "the rule's match failed on this object");
  switch (decision.action) {
    case Action::kReplicate: return raw(std::move(outcome), input, decision.rule);
    case Action::kDrop:
      return dropped(std::move(outcome), decision.rule != nullptr ? "rule" : "default");
    case Action::kHold:
      return held(
          std::move(outcome), "hold",
          decision.rule != nullptr ? "the rule says hold" : "no rule matches; default = hold");
    case Action::kFilter: break;
  }
  check(false);
  return outcome;
}

}  // namespace

Result<ObjectFilter::Governing> ObjectFilter::governing(std::string_view bucket,
                                                        std::uint64_t lsn) {
  s3::S3Result<s3::BucketRecord> owner = service_.find_bucket(bucket);
  if (!owner.ok()) return world_error(owner.error());
  // The bucket was removed and made again: the rules that governed this object are gone with the
  // old one, and so is the object. Without this its raw bytes would go out by the new default.
  if (owner.value().id > lsn)
    return fail(ErrorCode::kNotFound, cat("bucket ", bucket, " is younger than operation ", lsn));
  TRY(document, s3::load_filter(service_.log().rows(), owner.value().id, lsn));
  Governing found;
  if (document.empty()) return found;
  Result<Rules> rules = rules_.get(document);
  if (rules.ok()) found.rules = rules.take();
  else
    found.broken = rules.error().detail.empty() ? "the rules do not compile" : rules.error().detail;
  return found;
}

Task<Result<FilterOutcome>> ObjectFilter::run(Ctx& ctx, FilterInput input) {
  const Result<Semaphore::Permit> permit = co_await slots_.acquire(ctx, 1);
  if (!permit.ok()) co_return permit.error();
  CO_TRY(rules, governing(input.bucket, input.lsn));
  FilterOutcome outcome;
  if (!rules.broken.empty()) {
    outcome =
        held(std::move(outcome), filters::held_name(filters::HeldReason::kCompile), rules.broken);
  } else if (rules.rules == nullptr) {
    outcome = raw(std::move(outcome), input, nullptr);
  } else {
    const filters::ObjectInfo info = object_info(input);
    const filters::Decision decision = rules.rules->decide(info, input.target);
    const bool closed = s3::ObjectService::told(input.record.attributes.encryption, nullptr).kind ==
                        s3::EncryptionKind::kCustomer;
    if (decision.rule != nullptr) {
      outcome.rule = decision.rule->name;
      outcome.identity = decision.rule->identity_hex();
    }
    if (closed && decision.action != filters::Action::kDrop) {
      outcome = held(std::move(outcome), "Encrypted",
                     "sealed by the client's key: rules cannot look into it");
    } else if (decision.action == filters::Action::kFilter && !decision.match_failed) {
      check(decision.rule != nullptr);
      CO_TRY(filtered, co_await evaluate(ctx, input, *decision.rule, info, std::move(outcome)));
      outcome = std::move(filtered);
    } else {
      outcome = plain_outcome(decision, std::move(outcome), input);
    }
  }
  count(input, outcome);
  co_return std::move(outcome);
}

Task<Result<FilterOutcome>> ObjectFilter::evaluate(Ctx& ctx, const FilterInput& input,
                                                   const filters::Rule& rule,
                                                   const filters::ObjectInfo& info,
                                                   FilterOutcome outcome) {
  std::string dlq =
      rule.dead_letter_bucket.empty() ? cat(input.bucket, ".dlq") : rule.dead_letter_bucket;
  // Its dead letters would be objects to filter, and so on for ever.
  if (dlq == input.bucket || !s3::is_valid_bucket_name(dlq))
    co_return held(std::move(outcome), filters::held_name(filters::HeldReason::kCompile),
                   cat("'", dlq, "' cannot be the bucket of dead letters"));
  const std::unique_ptr<filters::RecordFilter> filter = filters::RecordFilter::make(rule, info);
  // What comes of an encrypted object lies nowhere in the clear.
  std::optional<SecretKey> keys[2];
  if (!input.record.attributes.encryption.empty())
    for (std::optional<SecretKey>& key : keys) key = s3::make_data_key(service_.platform().random);
  Spool output(service_.blobs(), options_.output_memory_max, keys[0] ? &*keys[0] : nullptr);
  Spool letters(service_.blobs(), options_.letters_memory_max, keys[1] ? &*keys[1] : nullptr);
  Result<Unit> pumped = co_await pump(ctx, input, *filter, output, letters);
  if (filter->held())
    co_return held(std::move(outcome), filters::held_name(*filter->held()), filter->held_detail());
  if (!pumped.ok()) co_return pumped.error();
  if (filter->sends_raw()) {
    if (rule.redacting)
      co_return held(std::move(outcome), filters::held_name(filters::HeldReason::kBinary),
                     "not text, and the rule redacts");
    co_return raw(std::move(outcome), input, &rule);
  }
  outcome.counters = filter->counters();
  if (letters.size() > 0) {
    CO_TRY(kept, co_await letters.seal(ctx));
    CO_DO(co_await keep_letters(ctx, input, rule, std::move(dlq), std::move(kept)));
  }
  if (outcome.counters.kept == 0 && !rule.empty_marker)
    co_return dropped(std::move(outcome), "empty");
  outcome.verdict = FilterVerdict::kFiltered;
  outcome.key = input.key;
  const std::string version = version_of(input.record);
  const Source source{input.bucket, input.key, version, input.record.etag, options_.site_name};
  outcome.headers = output_headers(input.record.headers, rule, *filter, source);
  CO_TRY(body, co_await output.seal(ctx));
  outcome.body = std::move(body);
  co_return std::move(outcome);
}

// The whole body through the filter. After ok its output is final; it may also have stopped early
// because the object is held or goes out raw.
Task<Result<Unit>> ObjectFilter::pump(Ctx& ctx, const FilterInput& input,
                                      filters::RecordFilter& filter, Spool& output,
                                      Spool& letters) {
  s3::OpenedObject opened;
  opened.record = input.record;
  s3::S3Result<std::unique_ptr<BodyReader>> reader = service_.read(opened, 0, input.record.size);
  if (!reader.ok()) co_return world_error(reader.error());
  Bytes slice(static_cast<std::size_t>(std::min<std::uint64_t>(kSliceBytes, input.record.size)));
  std::uint64_t left = input.record.size;
  FilterStep step(filter);
  do {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(slice.size(), left));
    std::size_t filled = 0;
    while (filled < want) {
      const MutableBytes room(slice.data() + filled, want - filled);
      CO_TRY(got, co_await reader.value()->read(ctx, room));
      if (got == 0)
        co_return fail(ErrorCode::kCorrupt,
                       cat("body of ", input.record.size, " bytes ends early"));
      filled += got;
    }
    left -= want;
    step.give(ByteView(slice.data(), want), left == 0);
    while (!step.done()) {
      co_await service_.platform().offload.run(ctx, step);
      CO_DO(co_await output.write(ctx, step.take_output()));
      CO_DO(co_await letters.write(ctx, step.take_letters()));
      if (ctx.stopped()) co_return ctx.stop_error();
    }
    if (!step.state().ok()) co_return step.state().error();
  } while (left > 0 && !filter.sends_raw());
  co_return Unit{};
}

Task<Result<Unit>> ObjectFilter::keep_letters(Ctx& ctx, const FilterInput& input,
                                              const filters::Rule& rule, std::string bucket,
                                              Spooled letters) {
  s3::PutArguments arguments;
  const s3::ToldEncryption told =
      s3::ObjectService::told(input.record.attributes.encryption, nullptr);
  arguments.encryption.kind = told.kind;
  arguments.encryption.kms_key = told.kms_key;
  arguments.bucket = bucket;
  arguments.key = dead_letter_key(input.key, version_of(input.record), rule);
  arguments.headers.emplace_back("content-type", "application/x-ndjson");
  arguments.headers.emplace_back(cat(kProvenancePrefix, "filter"),
                                 cat(rule.name, '@', rule.identity_hex().substr(0, 12)));
  const s3::S3Result<s3::OpenedObject> there = service_.open(bucket, arguments.key);
  // Evaluated before, by a run whose outcome was not used: nothing to write again.
  const bool same = there.ok() && there.value().record.size == letters.size &&
                    there.value().record.crc64 == letters.crc64 &&
                    (there.value().record.etag == letters.md5_hex ||
                     !there.value().record.attributes.encryption.empty());
  Result<Unit> kept = Unit{};
  if (!same) kept = co_await put_letters(ctx, std::move(arguments), letters);
  if (letters.blob) co_await service_.blobs().abandon(ctx, std::move(*letters.blob));
  co_return std::move(kept);
}

Task<Result<Unit>> ObjectFilter::put_letters(Ctx& ctx, s3::PutArguments arguments,
                                             const Spooled& letters) {
  if (!service_.find_bucket(arguments.bucket).ok()) {
    std::string name = arguments.bucket;
    std::string owner = options_.owner;
    std::string region = service_.region();
    s3::S3Result<Unit> made =
        co_await service_.create_bucket(ctx, std::move(name), std::move(owner), std::move(region));
    // Somebody was quicker: as good.
    if (!made.ok() && made.error().status() != 409) co_return world_error(made.error());
  }
  const std::unique_ptr<BodyReader> reader = read_spooled(service_.blobs(), letters, 0);
  s3::CopyBody body(*reader);
  s3::BodyPromise promise;
  promise.length = letters.size;
  s3::S3Result<s3::WriteOutcome> put =
      co_await service_.put_object(ctx, std::move(arguments), body, std::move(promise));
  if (!put.ok()) co_return world_error(put.error());
  co_return Unit{};
}

Result<bool> ObjectFilter::delete_travels(std::string_view bucket, std::string_view key,
                                          std::uint64_t lsn, std::string_view target) {
  TRY(rules, governing(bucket, lsn));
  // With the rules unreadable nothing is said against it, and a delete carries no bytes.
  if (rules.rules == nullptr) return true;
  filters::ObjectInfo info;  // All that a delete knows.
  info.bucket = bucket;
  info.key = key;
  const filters::Decision decision = rules.rules->decide(info, target);
  return decision.rule == nullptr || decision.rule->replicate_deletes;
}

Task<void> ObjectFilter::release(Ctx& ctx, FilterOutcome outcome) {
  if (outcome.body.blob) co_await service_.blobs().abandon(ctx, std::move(*outcome.body.blob));
}

void ObjectFilter::count(const FilterInput& input, const FilterOutcome& outcome) {
  metrics_.add(input.bucket, outcome.rule, outcome.verdict, outcome.counters);
  if (outcome.verdict == FilterVerdict::kHeld) metrics_.add_held(outcome.reason);
}

}  // namespace creel::edge
