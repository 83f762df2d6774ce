#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "app/config.h"
#include "app/filtered_source.h"
#include "app/metrics.h"
#include "replicate/shipper/shipper.h"

namespace creel::app {

// For store::Options: up to where all targets of this configuration are through with the log.
std::function<store::Lsn(const store::Store& log)> log_read_upto(const Config& config);

// The sending half of a node: for each target a feed, a filter in front of it and a shipper.
class Senders {
 public:
  // `filter` may be null in a core: whole objects go. All borrowed.
  Senders(Platform& platform, const Config& config, store::Store& store, s3::Log& log,
          s3::Blobs& blobs, edge::ObjectFilter* filter, const s3::KeyRing& keys)
      : platform_(platform),
        config_(config),
        store_(store),
        log_(log),
        blobs_(blobs),
        filter_(filter),
        keys_(keys) {}

  void prepare(const std::optional<TlsSettings>& tls);  // Before anybody asks for a status.
  // Ships until ctx stops, then writes every cursor.
  Task<void> run(Ctx& ctx);
  const s3::ReplicationStatus& board() const { return board_; }
  void add_metrics(Metrics& metrics) const;
  // JSON array of targets: state, position, counters.
  std::string json() const;
  // POST parked/retry/TARGET/LSN and so on. Errors: kNotFound, kInvalid.
  Task<Result<std::string>> act(Ctx& ctx, std::string name);

 private:
  struct Sender {
    std::vector<ReplicateRule> rules;
    std::unique_ptr<replicate::LogSource> source;
    std::unique_ptr<FilteredSource> filtered;
    std::unique_ptr<replicate::Shipper> shipper;
  };
  Sender* find(std::string_view target);

  Platform& platform_;
  const Config& config_;
  store::Store& store_;
  s3::Log& log_;
  s3::Blobs& blobs_;
  edge::ObjectFilter* filter_;
  const s3::KeyRing& keys_;
  std::vector<std::unique_ptr<Sender>> senders_;
  replicate::ReplicationBoard board_;
};

}  // namespace creel::app
