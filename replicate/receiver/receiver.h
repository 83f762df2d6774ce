#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/async/event.h"
#include "platform/http/server.h"
#include "platform/platform.h"
#include "replicate/link/messages.h"
#include "s3/service/blobs.h"
#include "s3/service/key_ring.h"
#include "s3/service/log.h"

namespace creel::replicate {

inline constexpr std::string_view kReplicatePath = "/-/repl";
inline constexpr std::string_view kReplicateProtocol = "creel-repl";  // Upgrade token and ALPN.

// A site that may connect.
struct SiteGrant {
  std::uint32_t id = 0;
  std::string name;
  // `{bucket}` and `{key}` of the source, `{site}` the name above.
  std::string bucket_template = "{bucket}";
  std::string key_template = "{key}";
};

struct ReceiverOptions {
  std::vector<SiteGrant> sites;     // Others are refused …
  bool any_certified_site = false;  // … unless every site whose certificate was verified may come.
  std::string default_key_template = "{key}";  // Of sites that are not listed.
  bool allow_plain = false;  // Tests only: without TLS the site is whom HELLO says.
  std::string bucket_owner;  // Owner of buckets made for replicas.
  std::string region = "us-east-1";
  const s3::KeyRing* keys = nullptr;  // Seals the keys of encrypted replicas; null: there is none.
  std::size_t sessions_max = 1'024;
  std::size_t grant_bytes = 8 * MiB;  // A sender may have this much un-acked.
  std::size_t part_bytes = 4 * MiB;  // Parts of large objects are sealed at this size.
  std::size_t batch_bytes_max = 4 * MiB;  // Bodies of waiting frames that make one operation.
  Duration idle_max = 100_s;  // No frame for so long: the link is dead.
  std::function<void(std::string_view)> log;  // One line for the operator; may be empty.
};

// Counters since the start of the process.
struct ReceiverStatus {
  std::uint64_t sessions = 0;  // Now.
  std::uint64_t connections = 0;  // Ever admitted.
  std::uint64_t refused_connections = 0;
  std::uint64_t batches = 0, operations = 0, duplicates = 0, refused_operations = 0;
  std::uint64_t parts = 0, payload_bytes = 0, wire_bytes = 0;
  std::uint64_t bad_frames = 0;  // Links cut for bytes that do not add up.
  std::string last_error;
};

class ReceiverSession;

// The other end of Shipper: answers `GET /-/repl`, takes frames and makes their effects durable
// together with the stream's new position. Loop thread only.
class Receiver final : public HttpHandler {
 public:
  // All borrowed; they outlive the receiver.
  Receiver(Platform& platform, s3::Log& log, s3::Blobs& blobs, ReceiverOptions options);
  ~Receiver();

  // Answers a request for kReplicatePath; returns when the link has ended.
  Task<Result<Unit>> handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) override;
  // Ends every link after its batch under way; call it when the server begins to drain.
  void begin_drain();
  ReceiverStatus status() const;

 private:
  friend class ReceiverSession;
  // nullopt: nobody we know.
  std::optional<SiteGrant> grant_of(const PeerInfo& peer, std::uint32_t site,
                                    std::string_view name) const;
  void note(std::string_view text);

  Platform& platform_;
  s3::Log& log_;
  s3::Blobs& blobs_;
  ReceiverOptions options_;
  ReceiverStatus status_;
  bool draining_ = false;
  std::size_t sessions_now_ = 0;
  std::map<std::string, ReceiverSession*> streams_;  // The one live link of each stream.
  Event changed_;  // A link has ended.
};

// The site number in a certificate's identity ("creel:FLEET/site/7"); nullopt if there is none.
std::optional<std::uint32_t> site_of_identity(std::string_view identity);

}  // namespace creel::replicate
