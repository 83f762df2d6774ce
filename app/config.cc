#include "app/config.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/toml.h"
#include "s3/access/acl.h"

namespace creel::app {
namespace {

Error at(std::string_view file, const TextPlace& place, std::string text) {
  return fail(ErrorCode::kInvalid,
              cat(file, ": line ", place.line, ", column ", place.column, ": ", text));
}

// Reads the entries of one table into fields; whatever no reader asked for is an unknown key.
class Table {
 public:
  Table(std::string_view file, std::string path, const TomlValue& value)
      : file_(file), path_(std::move(path)), value_(value) {}

  Result<Unit> text(std::string_view name, std::string& into) {
    return each(name, TomlType::kString, [&into](const TomlValue& value) -> Result<Unit> {
      into = value.string;
      return Unit{};
    });
  }
  Result<Unit> boolean(std::string_view name, bool& into) {
    return each(name, TomlType::kBoolean, [&into](const TomlValue& value) -> Result<Unit> {
      into = value.boolean;
      return Unit{};
    });
  }
  template <class Number>
  Result<Unit> number(std::string_view name, Number& into, std::int64_t low, std::int64_t high) {
    return each(name, TomlType::kInteger, [&](const TomlValue& value) -> Result<Unit> {
      if (value.integer < low || value.integer > high)
        return at(file_, value.place,
                  cat(full(name), " is ", value.integer, ", allowed are ", low, " to ", high));
      into = static_cast<Number>(value.integer);
      return Unit{};
    });
  }
  Result<Unit> address(std::string_view name, Address& into) {
    return each(name, TomlType::kString, [&](const TomlValue& value) -> Result<Unit> {
      const std::optional<Address> parsed = parse_address(value.string);
      if (!parsed) return at(file_, value.place, cat(full(name), " is not host:port"));
      into = *parsed;
      return Unit{};
    });
  }
  Result<Unit> texts(std::string_view name, std::vector<std::string>& into) {
    const TomlValue* found = take(name);
    if (found == nullptr) return Unit{};
    into.clear();
    if (found->type == TomlType::kString) {
      into.push_back(found->string);
      return Unit{};
    }
    if (found->type != TomlType::kArray)
      return wrong_type(name, *found, "a string or an array of strings");
    for (const TomlValue& item : found->items) {
      if (item.type != TomlType::kString) return wrong_type(name, item, "an array of strings");
      into.push_back(item.string);
    }
    return Unit{};
  }
  // Texts under names of the operator's own choice.
  template <class Use>
  Result<Unit> named_texts(std::string_view name, Use use) {
    const TomlValue* found = take(name);
    if (found == nullptr) return Unit{};
    if (found->type != TomlType::kTable) return wrong_type(name, *found, "a table");
    for (const TomlEntry& entry : found->entries) {
      if (entry.value.type != TomlType::kString) return wrong_type(name, entry.value, "texts");
      if (const std::string problem = use(entry.name, entry.value.string); !problem.empty())
        return at(file_, entry.place, cat(full(name), '.', entry.name, ' ', problem));
    }
    return Unit{};
  }
  template <class Read>
  Result<Unit> table(std::string_view name, Read read) {
    const TomlValue* found = take(name);
    if (found == nullptr) return Unit{};
    if (found->type != TomlType::kTable) return wrong_type(name, *found, "a table");
    Table inner(file_, full(name), *found);
    TRY_DO(read(inner));
    return inner.finish();
  }
  template <class Read>
  Result<Unit> tables(std::string_view name, Read read) {
    const TomlValue* found = take(name);
    if (found == nullptr) return Unit{};
    if (found->type != TomlType::kArray) return wrong_type(name, *found, "an array of tables");
    for (const TomlValue& item : found->items) {
      if (item.type != TomlType::kTable) return wrong_type(name, item, "an array of tables");
      Table inner(file_, full(name), item);
      TRY_DO(read(inner));
      TRY_DO(inner.finish());
    }
    return Unit{};
  }
  Error wrong(std::string_view name, std::string text) const {
    const TomlValue* found = value_.find(name);
    return at(file_, found != nullptr ? found->place : value_.place, cat(full(name), " ", text));
  }
  Result<Unit> finish() const {
    for (const TomlEntry& entry : value_.entries)
      if (std::find(known_.begin(), known_.end(), entry.name) == known_.end())
        return at(file_, entry.place, cat("unknown key ", full(entry.name)));
    return Unit{};
  }

 private:
  std::string full(std::string_view name) const {
    return path_.empty() ? std::string(name) : cat(path_, '.', name);
  }
  const TomlValue* take(std::string_view name) {
    known_.emplace_back(name);
    return value_.find(name);
  }
  Error wrong_type(std::string_view name, const TomlValue& found, std::string_view wanted) const {
    return at(file_, found.place,
              cat(full(name), " is ", toml_type_name(found.type), ", wanted is ", wanted));
  }
  template <class Use>
  Result<Unit> each(std::string_view name, TomlType type, Use use) {
    const TomlValue* found = take(name);
    if (found == nullptr) return Unit{};
    if (found->type != type) return wrong_type(name, *found, toml_type_name(type));
    return use(*found);
  }

  std::string_view file_;
  std::string path_;
  const TomlValue& value_;
  std::vector<std::string> known_;
};

Result<Role> parse_role(std::string_view text) {
  if (text == "edge") return Role::kEdge;
  if (text == "core") return Role::kCore;
  return fail(ErrorCode::kInvalid, cat("is '", text, "', allowed are edge and core"));
}

Result<Unit> read_tls(Table& table, TlsFiles& files) {
  TRY_DO(table.text("cert", files.certificate));
  TRY_DO(table.text("key", files.key));
  return table.text("ca", files.ca);
}

Result<Unit> read_replicate(Table& table, Config& config) {
  TRY_DO(table.number("site", config.site, 1, UINT32_MAX));
  TRY_DO(table.text("site_name", config.site_name));
  Address listen;
  TRY_DO(table.address("listen", listen));
  if (!listen.host.empty()) config.replicate_listen = listen;
  TRY_DO(table.table("tls", [&config](Table& tls) { return read_tls(tls, config.replicate_tls); }));
  TRY_DO(table.tables("target", [&config](Table& inner) -> Result<Unit> {
    ReplicateTarget target;
    TRY_DO(inner.text("name", target.name));
    TRY_DO(inner.address("address", target.address));
    TRY_DO(inner.text("server_name", target.server_name));
    if (target.name.empty()) return inner.wrong("name", "is missing");
    if (target.address.host.empty()) return inner.wrong("address", "is missing");
    config.targets.push_back(std::move(target));
    return Unit{};
  }));
  return table.tables("rule", [&config](Table& inner) -> Result<Unit> {
    ReplicateRule rule;
    TRY_DO(inner.text("bucket", rule.bucket));
    TRY_DO(inner.text("target", rule.target));
    TRY_DO(inner.text("prefix", rule.prefix));
    TRY_DO(inner.text("target_bucket", rule.target_bucket));
    TRY_DO(inner.text("target_key", rule.target_key));
    if (rule.bucket.empty()) return inner.wrong("bucket", "is missing");
    if (rule.target.empty()) return inner.wrong("target", "is missing");
    config.rules.push_back(std::move(rule));
    return Unit{};
  });
}

Result<Unit> read_owner(Table& table, Config& config) {
  OwnerKey owner;
  TRY_DO(table.text("id", owner.id));
  TRY_DO(table.text("display_name", owner.display_name));
  TRY_DO(table.text("access_key", owner.access_key));
  TRY_DO(table.text("secret_key", owner.secret_key));
  if (owner.id.empty()) return table.wrong("id", "is missing");
  if (owner.access_key.empty()) return table.wrong("access_key", "is missing");
  if (owner.secret_key.empty()) return table.wrong("secret_key", "is missing");
  for (const OwnerKey& other : config.owners)
    if (other.access_key == owner.access_key) return table.wrong("access_key", "is given twice");
  config.owners.push_back(std::move(owner));
  return Unit{};
}

// What is wrong with it, in words without the key; empty: nothing.
std::string add_kms_key(Config& config, const std::string& name, const std::string& base64) {
  constexpr std::size_t kNameBytesMax = 128, kKeyBytes = 32;
  if (name.empty() || name.size() > kNameBytesMax) return "has a name of 1 to 128 bytes";
  const std::optional<Bytes> key = base64_decode(base64);
  if (!key || key->size() != kKeyBytes) return "is not the base64 of 32 bytes";
  config.kms_keys.push_back({name, base64});
  return {};
}

Result<Unit> read_root(Table& root, Config& config) {
  std::string role;
  TRY_DO(root.text("role", role));
  if (!role.empty()) {
    const Result<Role> parsed = parse_role(role);
    if (!parsed.ok()) return root.wrong("role", parsed.error().detail);
    config.role = parsed.value();
  }
  TRY_DO(root.texts("data", config.data));
  TRY_DO(root.address("listen", config.listen));
  TRY_DO(root.boolean("insecure_listen", config.insecure_listen));
  TRY_DO(root.table("tls", [&config](Table& tls) { return read_tls(tls, config.tls); }));
  TRY_DO(root.table("s3", [&config](Table& s3) -> Result<Unit> {
    TRY_DO(s3.text("region", config.region));
    TRY_DO(s3.texts("base_domains", config.base_domains));
    TRY_DO(s3.texts("extra_locations", config.extra_locations));
    config.owners.clear();
    TRY_DO(s3.tables("owners", [&config](Table& owner) { return read_owner(owner, config); }));
    TRY_DO(s3.text("master_key", config.master_key));
    TRY_DO(s3.texts("old_master_keys", config.old_master_keys));
    config.kms_keys.clear();
    TRY_DO(s3.named_texts("kms_keys", [&config](const std::string& name, const std::string& key) {
      return add_kms_key(config, name, key);
    }));
    TRY_DO(s3.text("default_bucket_encryption", config.default_bucket_encryption));
    if (config.default_bucket_encryption != "none" && config.default_bucket_encryption != "AES256")
      return s3.wrong("default_bucket_encryption", "is neither none nor AES256");
    TRY_DO(s3.text("default_object_ownership", config.default_object_ownership));
    if (!s3::parse_ownership(config.default_object_ownership))
      return s3.wrong("default_object_ownership",
                      "is none of BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter");
    std::int64_t window_s = config.clock_window.ns / 1'000'000'000;
    TRY_DO(s3.number("clock_window_s", window_s, 1, 86'400));
    config.clock_window = 1_s * window_s;
    return Unit{};
  }));
  TRY_DO(root.table("limits", [&config](Table& limits) -> Result<Unit> {
    TRY_DO(limits.number("connections", config.connections_max, 1, 100'000));
    return limits.number("connections_per_host", config.connections_per_host_max, 0, 100'000);
  }));
  TRY_DO(root.table("store", [&config](Table& store) -> Result<Unit> {
    TRY_DO(store.number("bytes", config.store_bytes, 64 * MiB, INT64_MAX));
    TRY_DO(store.number("segment_bytes", config.segment_bytes, 1 * MiB, 1 * GiB));
    TRY_DO(store.number("flash_cycles", config.flash_cycles, 100, 1'000'000));
    std::int64_t delay_ms = config.commit_delay.ms();
    TRY_DO(store.number("commit_delay_ms", delay_ms, 0, 20));
    config.commit_delay = 1_ms * delay_ms;
    std::int64_t scrub_days = config.scrub_every.ns / (60_min * 24).ns;
    TRY_DO(store.number("scrub_days", scrub_days, 0, 3'650));
    config.scrub_every = 60_min * 24 * scrub_days;
    TRY_DO(
        store.number("scrub_bytes_per_second", config.scrub_bytes_per_second, 64 * KiB, 1 * GiB));
    return Unit{};
  }));
  TRY_DO(
      root.table("replicate", [&config](Table& table) { return read_replicate(table, config); }));
  TRY_DO(root.table("audit", [&config](Table& audit) -> Result<Unit> {
    TRY_DO(audit.text("file", config.audit_file));
    return audit.number("bytes_max", config.audit_bytes_max, 64 * KiB, 1 * GiB);
  }));
  TRY_DO(root.table("testing", [&config](Table& testing) -> Result<Unit> {
    TRY_DO(testing.boolean("ssec_over_http", config.ssec_over_http));
    return testing.number("lifecycle_day_seconds", config.lifecycle_day_s, 1, 86'400);
  }));
  return root.table("log",
                    [&config](Table& log) { return log.boolean("requests", config.log_requests); });
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<Unit> check_tls(const TlsFiles& files, std::string_view name, bool mutual) {
  if (files.certificate.empty() != files.key.empty())
    return fail(ErrorCode::kInvalid, cat(name, ": cert and key belong together"));
  if (mutual && (files.certificate.empty() || files.ca.empty()))
    return fail(ErrorCode::kInvalid, cat(name, ": a replication link needs cert, key and ca"));
  return Unit{};
}

// Who takes the drive must not have the key with it.
Result<Unit> check_master_key(const Config& config, std::string_view name, const std::string& key) {
  if (!key.starts_with("file:") && !key.starts_with("env:"))
    return fail(ErrorCode::kInvalid, cat(name, " is neither file:PATH nor env:NAME"));
  for (const std::string& folder : config.data)
    if (key.starts_with(cat("file:", folder, '/')))
      return fail(ErrorCode::kInvalid, cat(name, " lies in the data folder ", folder,
                                           ": whoever takes the drive would have both"));
  return Unit{};
}

Result<Unit> check_keys(const Config& config) {
  if (!config.master_key.empty())
    TRY_DO(check_master_key(config, "s3.master_key", config.master_key));
  for (const std::string& key : config.old_master_keys)
    TRY_DO(check_master_key(config, "s3.old_master_keys", key));
  if (config.master_key.empty() && !config.old_master_keys.empty())
    return fail(ErrorCode::kInvalid, "s3.old_master_keys without a master_key");
  if (config.master_key.empty() && config.default_bucket_encryption == "AES256")
    return fail(ErrorCode::kInvalid, "s3.default_bucket_encryption = AES256 needs s3.master_key");
  return Unit{};
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

std::string quoted_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + quoted(text);
  return out + ']';
}

}  // namespace

Result<Unit> apply_file(Config& config, std::string_view document, std::string_view file) {
  Result<TomlValue> parsed = parse_toml(document);
  if (!parsed.ok()) return fail(parsed.error().code, cat(file, ": ", parsed.error().detail));
  Table root(file, {}, parsed.value());
  TRY_DO(read_root(root, config));
  return root.finish();
}

Result<Unit> apply_flags(Config& config, const std::vector<Flag>& flags) {
  bool first_data = true;
  for (const Flag& flag : flags) {
    if (flag.name == "--role") {
      const Result<Role> role = parse_role(flag.value);
      if (!role.ok()) return fail(ErrorCode::kInvalid, cat("--role ", role.error().detail));
      config.role = role.value();
    } else if (flag.name == "--data") {
      if (first_data) config.data.clear();
      first_data = false;
      config.data.push_back(flag.value);
    } else if (flag.name == "--listen") {
      const std::optional<Address> address = parse_address(flag.value);
      if (!address)
        return fail(ErrorCode::kInvalid, cat("--listen: '", flag.value, "' is not host:port"));
      config.listen = *address;
    } else if (flag.name == "--region") {
      config.region = flag.value;
    } else if (flag.name == "--insecure-listen") {
      config.insecure_listen = true;
    } else if (flag.name == "--allow-testing") {
      config.allow_testing = true;
    } else {
      return fail(ErrorCode::kInvalid, cat("unknown flag ", flag.name));
    }
  }
  return Unit{};
}

Result<Unit> apply_environment(Config& config, const Environment& environment) {
  if (const auto role = environment("CREEL_ROLE")) {
    const Result<Role> parsed = parse_role(*role);
    if (!parsed.ok()) return fail(ErrorCode::kInvalid, cat("CREEL_ROLE ", parsed.error().detail));
    config.role = parsed.value();
  }
  if (const auto data = environment("CREEL_DATA")) {
    config.data.clear();
    std::string_view rest = *data;
    for (;;) {
      const std::size_t colon = rest.find(':');
      config.data.emplace_back(rest.substr(0, colon));
      if (colon == std::string_view::npos) break;
      rest.remove_prefix(colon + 1);
    }
  }
  if (const auto listen = environment("CREEL_LISTEN")) {
    const std::optional<Address> address = parse_address(*listen);
    if (!address) return fail(ErrorCode::kInvalid, "CREEL_LISTEN is not host:port");
    config.listen = *address;
  }
  if (const auto region = environment("CREEL_REGION")) config.region = *region;
  config.root_access_key = environment("CREEL_ROOT_ACCESS_KEY").value_or("");
  config.root_secret_key = environment("CREEL_ROOT_SECRET_KEY").value_or("");
  return Unit{};
}

Result<Unit> check_config(const Config& config) {
  if (config.data.empty())
    return fail(ErrorCode::kInvalid, "no data folder: set data, or --data DIR");
  if (config.role == Role::kEdge && config.data.size() != 1)
    return fail(ErrorCode::kInvalid,
                cat("an edge keeps its data in one folder, ", config.data.size(), " are given"));
  if (config.data.size() > 16)
    return fail(ErrorCode::kInvalid,
                cat("a core has at most 16 drives, ", config.data.size(), " are given"));
  for (std::size_t i = 0; i < config.data.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (config.data[i] == config.data[j])
        return fail(ErrorCode::kInvalid, cat("data folder ", config.data[i], " is given twice"));
  if (config.root_access_key.empty() != config.root_secret_key.empty())
    return fail(ErrorCode::kInvalid,
                "CREEL_ROOT_ACCESS_KEY and CREEL_ROOT_SECRET_KEY belong together");
  TRY_DO(check_keys(config));
  if (!config.allow_testing && (config.lifecycle_day_s != 0 || config.ssec_over_http))
    return fail(ErrorCode::kInvalid,
                "[testing] is for tests: refused unless the server is started with "
                "--allow-testing");
  TRY_DO(check_tls(config.tls, "tls", false));
  if (config.tls.certificate.empty() && !is_loopback(config.listen.host) && !config.insecure_listen)
    return fail(ErrorCode::kInvalid, cat("listen ", address_text(config.listen),
                                         " would be plain HTTP beyond this machine: "
                                         "set [tls] cert and key, or insecure_listen = true"));
  const bool links = config.replicate_listen || !config.targets.empty();
  TRY_DO(check_tls(config.replicate_tls, "replicate.tls", links));
  if (!config.targets.empty() && config.site == 0)
    return fail(ErrorCode::kInvalid, "replicate.site: an edge that sends needs a site number");
  for (const ReplicateRule& rule : config.rules) {
    const bool known =
        std::any_of(config.targets.begin(), config.targets.end(),
                    [&rule](const ReplicateTarget& t) { return t.name == rule.target; });
    if (!known)
      return fail(ErrorCode::kInvalid,
                  cat("replicate.rule of bucket ", rule.bucket, ": no target named ", rule.target));
  }
  return Unit{};
}

std::string show_config(const Config& config) {
  std::string out;
  const auto line = [&out](const auto&... pieces) { out += cat(pieces...) + '\n'; };
  const auto tls = [&line](std::string_view name, const TlsFiles& files) {
    if (!files.set()) return;
    line("\n[", name, "]");
    line("cert = ", quoted(files.certificate), "\nkey = ", quoted(files.key),
         "\nca = ", quoted(files.ca));
  };
  line("role = ", config.role == Role::kEdge ? "\"edge\"" : "\"core\"");
  line("data = ", quoted_list(config.data));
  line("listen = ", quoted(address_text(config.listen)));
  line("insecure_listen = ", config.insecure_listen ? "true" : "false");
  tls("tls", config.tls);
  line("\n[s3]\nregion = ", quoted(config.region),
       "\nbase_domains = ", quoted_list(config.base_domains),
       "\nextra_locations = ", quoted_list(config.extra_locations));
  line("clock_window_s = ", config.clock_window.ns / 1'000'000'000);
  line("default_object_ownership = ", quoted(config.default_object_ownership));
  if (!config.master_key.empty()) line("master_key = ", quoted(config.master_key));
  if (!config.old_master_keys.empty())
    line("old_master_keys = ", quoted_list(config.old_master_keys));
  line("default_bucket_encryption = ", quoted(config.default_bucket_encryption));
  for (const KmsKey& key : config.kms_keys) line("# KMS key ", quoted(key.name));
  for (const OwnerKey& owner : config.owners)  // As remarks: what is shown has no secrets.
    line("# owner ", quoted(owner.id), " (", owner.display_name, ") has the key ",
         owner.access_key);
  line("\n[limits]\nconnections = ", config.connections_max);
  line("connections_per_host = ", config.connections_per_host_max);
  line("\n[store]\ncommit_delay_ms = ", config.commit_delay.ms());
  line("flash_cycles = ", config.flash_cycles);
  line("scrub_days = ", config.scrub_every.ns / (60_min * 24).ns);
  line("scrub_bytes_per_second = ", config.scrub_bytes_per_second);
  if (config.store_bytes != 0) line("bytes = ", config.store_bytes);
  if (config.segment_bytes != 0) line("segment_bytes = ", config.segment_bytes);
  if (config.site != 0 || config.replicate_listen) line("\n[replicate]");
  if (config.site != 0) line("site = ", config.site);
  if (!config.site_name.empty()) line("site_name = ", quoted(config.site_name));
  if (config.replicate_listen) line("listen = ", quoted(address_text(*config.replicate_listen)));
  tls("replicate.tls", config.replicate_tls);
  for (const ReplicateTarget& target : config.targets)
    line("\n[[replicate.target]]\nname = ", quoted(target.name),
         "\naddress = ", quoted(address_text(target.address)),
         "\nserver_name = ", quoted(target.server_name));
  for (const ReplicateRule& rule : config.rules)
    line("\n[[replicate.rule]]\nbucket = ", quoted(rule.bucket), "\ntarget = ", quoted(rule.target),
         "\nprefix = ", quoted(rule.prefix), "\ntarget_bucket = ", quoted(rule.target_bucket),
         "\ntarget_key = ", quoted(rule.target_key));
  if (!config.audit_file.empty())
    line("\n[audit]\nfile = ", quoted(config.audit_file), "\nbytes_max = ", config.audit_bytes_max);
  line("\n[log]\nrequests = ", config.log_requests ? "true" : "false");
  return out;
}

}  // namespace creel::app
