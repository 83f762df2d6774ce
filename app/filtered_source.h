#pragma once
#include <deque>

#include "app/config.h"
#include "edge/object_filter.h"
#include "replicate/feed/log_source.h"

namespace creel::app {

// The feed of one target with the edge's filters in front: what the log holds goes in, what may
// leave comes out. Outputs wait here, at most 8 MiB of them, until the target has acknowledged
// them; one that was forgotten is evaluated again and gives the same bytes. Where edge/ and
// replicate/ meet.
class FilteredSource final : public replicate::Source {
 public:
  // All borrowed; `keys` opens encrypted objects. `rules`: those of this target, for names at the
  // other end.
  FilteredSource(replicate::LogSource& inner, edge::ObjectFilter& filter, const s3::KeyRing& keys,
                 std::string target, std::vector<ReplicateRule> rules, std::string site_name)
      : inner_(inner),
        filter_(filter),
        keys_(keys),
        target_(std::move(target)),
        rules_(std::move(rules)),
        site_name_(std::move(site_name)) {}

  Task<Result<replicate::FeedBatch>> read(Ctx& ctx, std::uint64_t after,
                                          replicate::FeedBounds bounds) override;
  Task<Result<std::unique_ptr<replicate::FeedBody>>> open(Ctx& ctx,
                                                          replicate::FeedItem item) override;
  Task<Result<Unit>> wait_beyond(Ctx& ctx, std::uint64_t after) override {
    return inner_.wait_beyond(ctx, after);
  }
  std::uint64_t end() const override { return inner_.end(); }
  void acknowledged(std::uint64_t low) override { acknowledged_ = low; }

 private:
  struct Waiting {
    std::uint64_t lsn = 0;
    std::shared_ptr<edge::FilterOutcome> outcome;
  };
  // Sets verdict, names and record. Errors: as ObjectFilter::run(), worth a retry.
  Task<Result<Unit>> judge(Ctx& ctx, replicate::FeedItem& item);
  Task<Result<std::shared_ptr<edge::FilterOutcome>>> outcome_of(Ctx& ctx,
                                                                const replicate::FeedItem& item);
  Task<void> forget(Ctx& ctx);
  void rename(replicate::FeedItem& item) const;

  replicate::LogSource& inner_;
  edge::ObjectFilter& filter_;
  const s3::KeyRing& keys_;
  std::string target_;
  std::vector<ReplicateRule> rules_;
  std::string site_name_;
  std::deque<Waiting> waiting_;  // By rising lsn.
  std::uint64_t waiting_bytes_ = 0;
  std::uint64_t acknowledged_ = 0;
};

// Whether some rule of the target wants the object.
bool rules_want(const std::vector<ReplicateRule>& rules, std::string_view bucket,
                std::string_view key);

}  // namespace creel::app
