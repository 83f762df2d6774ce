#include "replicate/receiver/receiver.h"

#include "platform/base/text.h"
#include "replicate/receiver/receiver_session.h"

namespace creel::replicate {
namespace {

HttpResponse answer(int status, std::string_view text) {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain");
  response.body = cat(text, "\n");
  return response;
}

}  // namespace

std::optional<std::uint32_t> site_of_identity(std::string_view identity) {
  constexpr std::string_view kMark = "/site/";
  const std::size_t at = identity.rfind(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> id = parse_u64(identity.substr(at + kMark.size()));
  if (!id || *id == 0 || *id > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*id);
}

Receiver::Receiver(Platform& platform, s3::Log& log, s3::Blobs& blobs, ReceiverOptions options)
    : platform_(platform), log_(log), blobs_(blobs), options_(std::move(options)) {}

Receiver::~Receiver() = default;

std::optional<SiteGrant> Receiver::grant_of(const PeerInfo& peer, std::uint32_t site,
                                            std::string_view name) const {
  if (!options_.allow_plain || peer.identity) {
    if (!peer.tls || !peer.identity || site_of_identity(*peer.identity) != site)
      return std::nullopt;
  }
  for (const SiteGrant& grant : options_.sites)
    if (grant.id == site) return grant;
  if (!options_.any_certified_site && !options_.allow_plain) return std::nullopt;
  SiteGrant grant;
  grant.id = site;
  // The name goes into keys: only what cannot climb or confuse.
  const bool plain = !name.empty() && name.size() <= 64 &&
                     name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-_") == std::string_view::npos;
  grant.name = plain ? std::string(name) : cat("site-", site);
  grant.key_template = options_.default_key_template;
  return grant;
}

void Receiver::note(std::string_view text) {
  status_.last_error = text;
  if (options_.log) options_.log(text);
}

Task<Result<Unit>> Receiver::handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) {
  const HttpRequestHead& head = request.head;
  HttpResponse refusal;
  if (head.method != "GET") refusal = answer(405, "the replication link begins with GET");
  else if (!head.headers.has_token("Upgrade", kReplicateProtocol))
    refusal = answer(426, "this address speaks creel-repl only");
  else if (head.headers.find("Creel-Repl").value_or("") != cat(kLinkVersion, "-", kLinkVersion))
    refusal = answer(426, "no common version: this end speaks 1");
  else if (!options_.allow_plain && (!head.peer.tls || !head.peer.identity))
    refusal = answer(401, "a client certificate is needed");
  else if (!options_.allow_plain && !site_of_identity(*head.peer.identity))
    refusal = answer(403, "the certificate names no site");
  else if (draining_ || sessions_now_ >= options_.sessions_max)
    refusal = answer(503, draining_ ? "shutting down" : "too many links");
  if (refusal.status != 200) {
    ++status_.refused_connections;
    if (refusal.status == 426) refusal.headers.add("Upgrade", kReplicateProtocol);
    if (refusal.status == 503) refusal.headers.add("Retry-After", std::uint64_t{5});
    co_return co_await out.respond(ctx, std::move(refusal));
  }
  HeaderList headers;
  headers.add("Upgrade", kReplicateProtocol);
  CO_TRY(stream, co_await out.upgrade(ctx, std::move(headers)));
  ReceiverSession session(*this, *stream, head.peer);
  ++sessions_now_;
  Result<Unit> ended = co_await session.run(ctx);
  --sessions_now_;
  if (!ended.ok())
    note(cat("link from ", address_text(head.peer.address), ": ", error_text(ended.error())));
  co_return Unit{};
}

void Receiver::begin_drain() {
  draining_ = true;
  for (auto& [name, session] : streams_) session->cut("shutting down");
}

ReceiverStatus Receiver::status() const {
  ReceiverStatus status = status_;
  status.sessions = sessions_now_;
  return status;
}

}  // namespace creel::replicate
