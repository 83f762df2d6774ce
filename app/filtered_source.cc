#include "app/filtered_source.h"

#include <algorithm>

#include "platform/base/text.h"
#include "replicate/feed/sealed_feed.h"

namespace creel::app {
namespace {

using edge::FilterOutcome;
using edge::FilterVerdict;
using replicate::FeedBatch;
using replicate::FeedBody;
using replicate::FeedItem;
using replicate::FeedKind;
using replicate::Verdict;

constexpr std::uint64_t kWaitingBytesMax = 8 * MiB;
constexpr std::size_t kWaitingMax = 512;

void put_in_place(std::string& text, std::string_view name, std::string_view value) {
  for (std::size_t at = text.find(name); at != std::string::npos;
       at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
}

// The output of a filter, plain; keeps the outcome alive.
class OutputReader final : public BodyReader {
 public:
  OutputReader(edge::ObjectFilter& filter, std::shared_ptr<FilterOutcome> outcome)
      : outcome_(std::move(outcome)), reader_(filter.body(*outcome_, 0)) {}
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    return reader_->read(ctx, into);
  }

 private:
  std::shared_ptr<FilterOutcome> outcome_;
  std::unique_ptr<BodyReader> reader_;
};

// The output of a filter as a body.
class OutputBody final : public FeedBody {
 public:
  OutputBody(edge::ObjectFilter& filter, std::shared_ptr<FilterOutcome> outcome, FeedItem item)
      : reader_(filter, std::move(outcome)), item_(std::move(item)) {}
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    return reader_.read(ctx, into);
  }
  Task<Result<FeedItem>> settled(Ctx&) override { co_return item_; }

 private:
  OutputReader reader_;
  FeedItem item_;
};

// Raw bytes of the object; the item keeps the names and headers that were decided.
class RawBody final : public FeedBody {
 public:
  RawBody(std::unique_ptr<FeedBody> inner, FeedItem item)
      : inner_(std::move(inner)), item_(std::move(item)) {}
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    return inner_->read(ctx, into);
  }
  Task<Result<FeedItem>> settled(Ctx& ctx) override {
    CO_TRY(inner, co_await inner_->settled(ctx));
    if (inner.verdict != Verdict::kSend) {
      item_.verdict = inner.verdict;
      item_.reason = inner.reason;
      item_.detail = inner.detail;
    }
    if (inner.sealed) {  // Then these speak of the bytes that travel.
      item_.sealed = inner.sealed;
      item_.record.size = inner.record.size;
      item_.record.crc64 = inner.record.crc64;
      item_.record.attributes.encryption = inner.record.attributes.encryption;
    }
    co_return item_;
  }

 private:
  std::unique_ptr<FeedBody> inner_;
  FeedItem item_;
};

void take_outcome(FeedItem& item, const FilterOutcome& outcome) {
  switch (outcome.verdict) {
    case FilterVerdict::kDrop: item.verdict = Verdict::kFiltered; return;
    case FilterVerdict::kHeld:
      item.verdict = Verdict::kHeld;
      item.reason = outcome.reason;
      item.detail = outcome.detail;
      return;
    case FilterVerdict::kSendRaw:
      item.key = outcome.key;
      item.record.headers = outcome.headers;
      return;
    case FilterVerdict::kFiltered: break;
  }
  item.key = outcome.key;
  item.record.headers = outcome.headers;
  item.record.size = outcome.body.size;
  item.record.crc64 = outcome.body.crc64;
  item.record.etag = outcome.body.md5_hex;
  item.record.checksum = {};
  item.record.part_count = 0;
}

bool rule_wants(const ReplicateRule& rule, std::string_view bucket, std::string_view key) {
  return rule.bucket == bucket && key.starts_with(rule.prefix);
}

}  // namespace

bool rules_want(const std::vector<ReplicateRule>& rules, std::string_view bucket,
                std::string_view key) {
  return std::any_of(rules.begin(), rules.end(), [bucket, key](const ReplicateRule& rule) {
    return rule_wants(rule, bucket, key);
  });
}

void FilteredSource::rename(FeedItem& item) const {
  for (const ReplicateRule& rule : rules_) {
    if (!rule_wants(rule, item.source_bucket, item.source_key)) continue;
    if (!rule.target_bucket.empty()) item.bucket = rule.target_bucket;
    std::string key = rule.target_key;
    put_in_place(key, "{site}", site_name_);
    put_in_place(key, "{key}", item.key);
    item.key = std::move(key);
    return;
  }
}

Task<Result<std::shared_ptr<FilterOutcome>>> FilteredSource::outcome_of(Ctx& ctx,
                                                                        const FeedItem& item) {
  for (const Waiting& waiting : waiting_)
    if (waiting.lsn == item.lsn) co_return waiting.outcome;
  edge::FilterInput input;
  input.bucket = item.source_bucket;
  input.key = item.source_key;
  input.lsn = item.lsn;
  input.record = item.record;
  input.target = target_;
  input.log_time_ms = item.time_ms;
  CO_TRY(outcome, co_await filter_.run(ctx, std::move(input)));
  auto kept = std::make_shared<FilterOutcome>(std::move(outcome));
  if (kept->verdict == FilterVerdict::kFiltered) {
    waiting_.push_back({item.lsn, kept});
    waiting_bytes_ += kept->body.memory.size();
  }
  co_return std::move(kept);
}

Task<void> FilteredSource::forget(Ctx& ctx) {
  while (!waiting_.empty() &&
         (waiting_.front().lsn <= acknowledged_ || waiting_bytes_ > kWaitingBytesMax ||
          waiting_.size() > kWaitingMax)) {
    Waiting done = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= done.outcome->body.memory.size();
    // Bodies that are being sent share the outcome; its blob is freed by whoever is last.
    if (done.outcome.use_count() == 1 && done.outcome->body.blob)
      co_await filter_.release(ctx, std::move(*done.outcome));
  }
}

Task<Result<Unit>> FilteredSource::judge(Ctx& ctx, FeedItem& item) {
  if (item.kind == FeedKind::kDelete) {
    CO_TRY(travels, filter_.delete_travels(item.source_bucket, item.source_key, item.lsn, target_));
    if (!travels) item.verdict = Verdict::kFiltered;
  } else if (item.kind == FeedKind::kPut) {
    Result<std::shared_ptr<FilterOutcome>> outcome = co_await outcome_of(ctx, item);
    if (outcome.ok()) {
      take_outcome(item, *outcome.value());
    } else if (outcome.error().code == ErrorCode::kNotFound) {
      item.verdict = Verdict::kSuperseded;
    } else if (outcome.error().code == ErrorCode::kCorrupt) {
      item.verdict = Verdict::kHeld;
      item.reason = "BodyDamaged";
      item.detail = outcome.error().detail;
    } else {
      co_return outcome.error();
    }
  }
  rename(item);
  co_return Unit{};
}

Task<Result<FeedBatch>> FilteredSource::read(Ctx& ctx, std::uint64_t after,
                                             replicate::FeedBounds bounds) {
  co_await forget(ctx);
  CO_TRY(batch, co_await inner_.read(ctx, after, bounds));
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    FeedItem& item = batch.items[i];
    if (item.verdict != Verdict::kSend) continue;
    const bool full = waiting_bytes_ > kWaitingBytesMax || waiting_.size() >= kWaitingMax;
    Result<Unit> judged = Unit{};
    if (!full || i == 0) judged = co_await judge(ctx, item);
    if (!judged.ok() && i == 0) co_return judged.error();
    if ((full && i > 0) || !judged.ok()) {  // What was judged goes first; the rest comes again.
      batch.through = batch.items[i - 1].lsn;
      batch.items.resize(i);
      break;
    }
  }
  co_return std::move(batch);
}

Task<Result<std::unique_ptr<FeedBody>>> FilteredSource::open(Ctx& ctx, FeedItem item) {
  CO_TRY(outcome, co_await outcome_of(ctx, item));
  const bool filtered = outcome->verdict == FilterVerdict::kFiltered;
  if (filtered && !item.record.attributes.encryption.empty()) {
    auto plain = std::make_unique<OutputReader>(filter_, std::move(outcome));
    co_return replicate::resealed_feed(keys_, std::move(plain), std::move(item));
  }
  if (filtered)
    co_return std::unique_ptr<FeedBody>(
        std::make_unique<OutputBody>(filter_, std::move(outcome), std::move(item)));
  // Held or dropped on a second look (a key was lost meanwhile): never raw instead.
  if (outcome->verdict != FilterVerdict::kSendRaw)
    co_return fail(ErrorCode::kUnavailable, cat("the filter's decision has changed to ",
                                                edge::verdict_name(outcome->verdict)));
  FeedItem decided = item;
  CO_TRY(raw, co_await inner_.open(ctx, std::move(item)));
  co_return std::unique_ptr<FeedBody>(
      std::make_unique<RawBody>(std::move(raw), std::move(decided)));
}

}  // namespace creel::app
