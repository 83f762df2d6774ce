#include "app/certs_command.h"

#include <algorithm>
#include <cstdio>

#include "platform/base/text.h"
#include "platform/uv/certificates.h"
#include "platform/uv/uv_world.h"

namespace creel::app {
namespace {

constexpr std::size_t kPemBytesMax = 64 * KiB;
constexpr std::size_t kNamesMax = 64;
constexpr std::size_t kSitesMax = 10'000;
constexpr std::int64_t kDayNs = 86'400'000'000'000;
constexpr std::int64_t kAuthorityDays = 3'650;
constexpr std::int64_t kCertificateDays = 825;  // What strict TLS clients still take.

struct Wanted {
  std::string dir;
  std::vector<std::string> core_names;
  std::vector<std::uint32_t> sites;
};

Result<Wanted> parse_words(const std::vector<std::string>& words) {
  Wanted wanted;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word != "--core-name" && word != "--site") {
      if (word.starts_with("-") || !wanted.dir.empty())
        return fail(ErrorCode::kInvalid, cat("'", word, "' is not understood"));
      wanted.dir = word;
      continue;
    }
    if (++i == words.size()) return fail(ErrorCode::kInvalid, cat(word, " wants a value"));
    if (word == "--core-name") {
      wanted.core_names.push_back(words[i]);
      continue;
    }
    const std::optional<std::uint64_t> site = parse_u64(words[i]);
    if (!site || *site == 0 || *site > UINT32_MAX)
      return fail(ErrorCode::kInvalid, cat("--site ", words[i], ": expected a number from 1 on"));
    wanted.sites.push_back(static_cast<std::uint32_t>(*site));
  }
  if (wanted.dir.empty()) return fail(ErrorCode::kInvalid, "the folder is missing");
  if (wanted.core_names.empty() && wanted.sites.empty())
    return fail(ErrorCode::kInvalid, "nothing to make: give --core-name NAME, --site N");
  if (wanted.core_names.size() > kNamesMax || wanted.sites.size() > kSitesMax)
    return fail(ErrorCode::kTooLarge, "too many names or sites for one run");
  return wanted;
}

// Digits and dots, or a colon: an address, else a name.
bool is_address(std::string_view name) {
  return name.find(':') != std::string_view::npos ||
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

CertificateRequest request_for(std::string common_name, WallTime now, std::int64_t days) {
  CertificateRequest request;
  request.common_name = std::move(common_name);
  // A day earlier: a device's clock may be behind. Whole seconds.
  const std::int64_t start = now.seconds() * 1'000'000'000 - kDayNs;
  request.not_before = WallTime{start};
  request.not_after = WallTime{start + days * kDayNs};
  return request;
}

class CertsRun {
 public:
  CertsRun(Platform& platform, const Wanted& wanted) : platform_(platform), wanted_(wanted) {}

  Task<Result<Unit>> run(Ctx& ctx) {
    CO_DO(co_await platform_.disk.make_dir(ctx, wanted_.dir));
    CO_TRY(listed, co_await platform_.disk.list(ctx, wanted_.dir));
    there_ = std::move(listed);
    CO_DO(co_await load_or_make_authority(ctx));
    const WallTime now = platform_.clock.wall();
    if (!wanted_.core_names.empty()) {
      CertificateRequest request = request_for(wanted_.core_names.front(), now, kCertificateDays);
      for (const std::string& name : wanted_.core_names)
        (is_address(name) ? request.ip_addresses : request.dns_names).push_back(name);
      CO_DO(co_await make(ctx, "core", std::move(request)));
    }
    for (const std::uint32_t site : wanted_.sites) {
      CertificateRequest request = request_for(cat("site ", site), now, kCertificateDays);
      request.uris.push_back(cat("creel:fleet/site/", site));
      request.for_server = false;
      CO_DO(co_await make(ctx, cat("site-", site), std::move(request)));
    }
    co_return Unit{};
  }

 private:
  bool exists(const std::string& name) const {
    return std::find(there_.begin(), there_.end(), name) != there_.end();
  }
  std::string path(std::string_view name) const { return cat(wanted_.dir, '/', name); }

  Task<Result<Unit>> load_or_make_authority(Ctx& ctx) {
    if (exists("ca.pem") || exists("ca.key")) {
      CO_TRY(certificate, co_await read_file(ctx, platform_.disk, path("ca.pem"), kPemBytesMax));
      CO_TRY(key, co_await read_file(ctx, platform_.disk, path("ca.key"), kPemBytesMax));
      authority_.certificate_pem = to_string(certificate);
      authority_.key_pem = to_string(key);
      std::printf("%s: there, signs again\n", path("ca.pem").c_str());
      co_return Unit{};
    }
    const CertificateRequest request =
        request_for("Creel fleet authority", platform_.clock.wall(), kAuthorityDays);
    CO_TRY(made, make_ca(request));
    authority_ = std::move(made);
    co_return co_await write(ctx, "ca", authority_);
  }

  Task<Result<Unit>> make(Ctx& ctx, std::string name, CertificateRequest request) {
    if (exists(cat(name, ".pem")) || exists(cat(name, ".key"))) {
      std::printf("%s: there, left as it is\n", path(cat(name, ".pem")).c_str());
      co_return Unit{};
    }
    CO_TRY(made, make_certificate(authority_, request));
    CertificateAndKey pair = std::move(made);
    co_return co_await write(ctx, std::move(name), std::move(pair));
  }

  // The key first: a certificate without its key would be taken for a finished pair.
  Task<Result<Unit>> write(Ctx& ctx, std::string name, CertificateAndKey pair) {
    const std::string key = path(cat(name, ".key"));
    const std::string certificate = path(cat(name, ".pem"));
    CO_DO(co_await write_file_durable(ctx, platform_.disk, key,
                                      to_bytes(std::string_view(pair.key_pem))));
    CO_DO(co_await write_file_durable(ctx, platform_.disk, certificate,
                                      to_bytes(std::string_view(pair.certificate_pem))));
    CO_TRY(print, certificate_fingerprint_sha256(pair.certificate_pem));
    std::printf("%s  sha256 %s\n", certificate.c_str(), print.c_str());
    co_return Unit{};
  }

  Platform& platform_;
  const Wanted& wanted_;
  std::vector<std::string> there_;
  CertificateAndKey authority_;
};

Task<void> run_into(Ctx& ctx, CertsRun& run, Result<Unit>& outcome) {
  outcome = co_await run.run(ctx);
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "creel: certs: %s\n", error.detail.c_str());
  return code;
}

}  // namespace

int run_certs(const std::vector<std::string>& words) {
  const Result<Wanted> wanted = parse_words(words);
  if (!wanted.ok()) {
    std::fprintf(stderr, "usage: creel certs DIR --core-name NAME… --site N…\n");
    return complain(wanted.error(), 2);
  }
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make();
  if (!world.ok()) return complain(world.error(), 1);
  Platform& platform = world.value()->platform();
  Ctx ctx(platform.executor, platform.clock);
  CertsRun run(platform, wanted.value());
  Result<Unit> outcome = Unit{};
  world.value()->run(run_into(ctx, run, outcome));
  return outcome.ok() ? 0 : complain(outcome.error(), 1);
}

}  // namespace creel::app
