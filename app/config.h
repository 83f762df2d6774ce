#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/units.h"
#include "platform/network.h"

namespace creel::app {

enum class Role : std::uint8_t { kEdge, kCore };

struct TlsFiles {
  std::string certificate, key, ca;  // Paths; ca: who may connect (or whom we trust when dialling).
  bool set() const { return !certificate.empty() || !key.empty() || !ca.empty(); }
};

struct ReplicateTarget {
  std::string name;
  Address address;
  std::string server_name;  // The name its certificate must bear; empty: the host.
};

struct ReplicateRule {
  std::string bucket;  // At the source.
  std::string target;  // Name of a ReplicateTarget.
  std::string prefix;  // Keys that begin with it; empty: all.
  std::string target_bucket;  // Empty: as at the source.
  std::string target_key = "{key}";  // May hold {site} and {key}.
};

// A user from the configuration: owns the buckets made with its key, and no others.
struct OwnerKey {
  std::string id, display_name, access_key, secret_key;  // The secret is never shown.
};

// A key of SSE-KMS. The key is never shown.
struct KmsKey {
  std::string name;
  std::string base64;  // Of 32 bytes.
};

// All settings of a server. Precedence: flags, then environment, then the file, then these
// defaults. docs/configuration.md is the reference.
struct Config {
  Role role = Role::kEdge;
  std::vector<std::string> data;  // 1 folder at the edge, 1–16 in a core.
  Address listen{"127.0.0.1", 9000};
  bool insecure_listen = false;  // Plain HTTP on an address that is not loopback.
  TlsFiles tls;  // Of the S3 listener.
  std::string region = "us-east-1";
  std::vector<std::string> base_domains;
  std::vector<std::string> extra_locations;  // LocationConstraints beside the region.
  std::vector<OwnerKey> owners;
  std::string master_key;  // "file:PATH" or "env:NAME": seals secrets at rest; empty: none.
  std::vector<std::string> old_master_keys;  // As master_key: they still open, and seal nothing.
  std::vector<KmsKey> kms_keys;  // By name; the first is the default.
  std::string default_bucket_encryption = "none";  // Or "AES256".
  std::string default_object_ownership = "BucketOwnerEnforced";
  Duration clock_window = 15_min;
  std::size_t connections_max = 4'096;
  std::size_t connections_per_host_max = 0;  // 0: no limit.
  std::uint64_t store_bytes = 0;  // 0: chosen from the file system.
  std::uint64_t segment_bytes = 0;  // 0: chosen from the size.
  Duration scrub_every = 60_min * 24 * 30;  // All live bytes are read back so often; 0: never.
  std::uint64_t scrub_bytes_per_second = 4 * MiB;  // At most, each drive.
  unsigned flash_cycles = 3'000;  // Times a cell of the drive can be written: for the estimate.
  Duration commit_delay = Duration();  // Edge: how long a batch waits for company, at most 20 ms.
  std::uint32_t site = 0;  // Our number on a replication link; 0: none.
  std::string site_name;
  std::optional<Address> replicate_listen;  // Cores: where edges dial in, mutual TLS.
  TlsFiles replicate_tls;
  std::vector<ReplicateTarget> targets;
  std::vector<ReplicateRule> rules;
  bool log_requests = true;
  std::string audit_file;  // Empty: none is kept.
  std::uint64_t audit_bytes_max = 64 * MiB;  // Of one file; an older one is kept beside it.
  bool allow_testing = false;  // --allow-testing: else the switches of [testing] are refused.
  std::uint32_t lifecycle_day_s = 0;  // How long a day of lifecycle rules is; 0: a real one.
  bool ssec_over_http = false;  // Customers' keys are taken without TLS.
  std::string root_access_key, root_secret_key;  // From the environment only; never shown.
};

// One setting given on the command line: "--listen" "127.0.0.1:0".
struct Flag {
  std::string name, value;
};
using Environment = std::function<std::optional<std::string>(const char* name)>;

// Reads a document over the defaults. Errors: kInvalid with "FILE: line 3, column 7: …"; an unknown
// key, a wrong type or a value out of bounds is one.
Result<Unit> apply_file(Config& config, std::string_view document, std::string_view file);
// CREEL_ROLE, CREEL_DATA (':' between folders), CREEL_LISTEN, CREEL_REGION, CREEL_ROOT_ACCESS_KEY,
// CREEL_ROOT_SECRET_KEY. Errors: kInvalid naming the variable.
Result<Unit> apply_environment(Config& config, const Environment& environment);
// --role, --data (again for each folder), --listen, --region, --insecure-listen,
// --allow-testing. Errors: kInvalid.
Result<Unit> apply_flags(Config& config, const std::vector<Flag>& flags);
// What only the whole can tell: folders, roles, TLS files that belong together, rules without
// target.
Result<Unit> check_config(const Config& config);
// The settings in force as TOML, without secrets.
std::string show_config(const Config& config);

}  // namespace creel::app
