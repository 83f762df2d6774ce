#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/async/event.h"
#include "platform/network.h"
#include "platform/platform.h"
#include "replicate/feed/parked_row.h"
#include "replicate/feed/source.h"
#include "replicate/link/messages.h"
#include "s3/service/log.h"
#include "s3/service/object_service.h"

namespace creel::replicate {

struct ShipperOptions {
  std::string name;                 // Of the target, for people and metrics.
  StreamIdentity stream;            // make_identity() below.
  std::string site_name;
  Address server;                   // The receiver's listener.
  std::optional<TlsSettings> tls;   // Mutual: certificate of this site, CA of the core.
  std::string host;                 // HTTP Host; empty: the server's.
  std::uint64_t starts = 0;         // store::Store::starts(): connection numbers only rise.
  std::map<std::string, std::string> bucket_names;  // Source bucket → name at the target.
  std::size_t window_bytes_max = 8 * MiB;  // Un-acked, also bounded by the receiver's grant.
  std::size_t frame_bytes = 256 * KiB;     // A DATA frame closes at this raw size,
  std::size_t frame_records_max = 500;     // … or this many records,
  Duration linger = 20_ms;                 // … or when the feed was dry for so long.
  Duration keep_alive = 30_s;
  Duration ack_timeout = 45_s;      // Data out and no answer: the link is dead.
  Duration dial_timeout = 15_s;
  Duration backoff_first = 1_s;     // Doubles, ± 50 %.
  Duration backoff_max = 30_s;
  Duration cursor_every = 4_s;
};

enum class LinkState : std::uint8_t {
  kIdle,        // run() not started.
  kConnecting,  // Dialling or waiting to dial again; last_error tells why.
  kUp,
  kAlarm,  // The receiver's position contradicts ours: nothing is sent until a person looks.
};
std::string_view link_state_name(LinkState state);

// Counters since the start of the process. Operations; bytes where it says so.
struct ShipperStatus {
  LinkState state = LinkState::kIdle;
  std::string last_error;
  std::uint64_t acked_lsn = 0;  // Settled at the target up to here.
  std::uint64_t log_end = 0;
  std::uint64_t acked = 0, superseded = 0, filtered = 0, parked = 0;
  std::uint64_t pending = 0;  // Read from the log and not yet settled.
  std::uint64_t matched() const { return acked + superseded + filtered + parked + pending; }
  std::uint64_t log_behind = 0;  // log_end − what was read: an upper bound of unread operations.
  std::uint64_t sent_operations = 0, sent_payload_bytes = 0, sent_wire_bytes = 0;
  std::uint64_t resent_operations = 0;
  std::uint64_t connections = 0, refused = 0;
  std::int64_t oldest_ms = 0;  // When the oldest unsettled operation was written; 0: none.
  Duration ack_time;  // Of the newest ack.
};

// Sends one stream to one receiver, in log order, for as long as run() runs. Nothing is forgotten:
// the cursor passes an operation only when the receiver called it durable, or it is parked in the
// log. Loop thread only.
class Shipper {
 public:
  // All borrowed; they outlive the shipper.
  Shipper(Platform& platform, s3::Log& log, Source& source, ShipperOptions options);
  ~Shipper();

  // Dials, ships and dials again until ctx stops. Spawn it in the owner's scope.
  Task<void> run(Ctx& ctx);
  // Writes the cursor to the log; at a clean stop, after run() has ended and before the store
  // stops.
  Task<Result<Unit>> save_cursor(Ctx& ctx);

  ShipperStatus status() const;
  // PENDING, COMPLETED or FAILED for the operation `lsn`.
  std::string_view replication_status(std::uint64_t lsn) const;
  const ShipperOptions& options() const { return options_; }
  const std::string& stream() const { return stream_; }

  // At most count_max parked operations above `after`. Errors: those of the rows.
  Result<std::vector<ParkedOperation>> parked(std::uint64_t after, std::size_t count_max) const;
  // Sends a parked operation again: logged, so it survives a crash. Errors: kNotFound.
  Task<Result<Unit>> retry(Ctx& ctx, std::uint64_t lsn);
  // Gives a parked operation up. Errors: kNotFound.
  Task<Result<Unit>> drop(Ctx& ctx, std::uint64_t lsn);

 private:
  friend class ShipperSession;
  struct Tally {
    std::uint64_t sent = 0, superseded = 0, filtered = 0, parked = 0;
    std::uint64_t total() const { return sent + superseded + filtered + parked; }
  };
  // What one DATA frame settles; kept until its ack, also over a reconnection.
  struct Range {
    std::uint64_t to = 0;
    Digest digest;
    std::size_t bytes = 0;
    Tally tally;
    std::int64_t oldest_ms = 0;
    Instant sent_at;
    std::vector<std::uint64_t> retried;  // Parked operations that its ack settles.
  };
  Task<Result<Unit>> session(Ctx& ctx);
  Result<Unit> load_cursor();
  Result<Unit> check_welcome(const Welcome& welcome);
  // Settles every range up to `low`. Errors: kConflict (digests differ).
  Result<Unit> settle(std::uint64_t low, const Digest& digest);
  Task<Result<Unit>> park(Ctx& ctx, const FeedItem& item, std::string reason, std::string detail);
  Result<std::optional<ParkedOperation>> find_parked(std::uint64_t lsn) const;
  Task<Result<Unit>> unpark(Ctx& ctx, std::uint64_t lsn);
  Task<Result<Unit>> tidy(Ctx& ctx);  // After acks: cursor now and then, rows of settled retries.
  Task<Result<Unit>> submit(Ctx& ctx, std::string meta);
  Task<void> peek_oldest(Ctx& ctx);
  Duration next_backoff();

  Platform& platform_;
  s3::Log& log_;
  Source& source_;
  ShipperOptions options_;
  std::string stream_;
  bool loaded_ = false;
  std::uint64_t acked_ = 0;
  Digest acked_digest_;
  std::uint64_t saved_ = 0;  // Cursor in the log.
  Instant saved_at_;
  std::deque<Range> ranges_;  // Sent, not acked.
  std::vector<std::uint64_t> settled_retries_;
  std::uint64_t connection_ = 0;
  std::uint64_t sent_max_ = 0;  // Highest operation ever sent: above it nothing is resent.
  std::uint64_t read_ = 0;  // The feed was read up to here.
  std::uint64_t waiting_ = 0;  // Items read and not in a range,
  std::int64_t waiting_oldest_ms_ = 0;  // … and when the oldest of them was written.
  Duration retry_after_;  // As the receiver asked.
  Duration backoff_;
  ShipperStatus status_;
};

// The identity of a store's stream to a target: site, log and rule. `generation` rises when the
// rule changes in a way that needs everything sent anew.
StreamIdentity make_identity(std::uint32_t site, const store::Store& store, std::string rule,
                             std::uint32_t generation = 1);

// Status of objects for HEAD and GET (x-amz-replication-status) over all targets of a node.
class ReplicationBoard final : public s3::ReplicationStatus {
 public:
  void add(const Shipper& shipper, std::function<bool(std::string_view, std::string_view)> wants) {
    targets_.push_back({&shipper, std::move(wants)});
  }
  std::string status(std::string_view bucket, std::string_view key,
                     std::uint64_t lsn) const override;

 private:
  struct Target {
    const Shipper* shipper;
    std::function<bool(std::string_view, std::string_view)> wants;  // Empty: all.
  };
  std::vector<Target> targets_;
};

}  // namespace creel::replicate
