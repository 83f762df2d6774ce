#include "s3/wire/uri.h"

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }

// Four dotted decimal groups, whatever their size: S3 refuses all that look like an address.
bool looks_like_ipv4(std::string_view text) {
  int groups = 1;
  std::size_t digits = 0;
  for (char c : text) {
    if (c == '.') {
      if (digits == 0) return false;
      ++groups;
      digits = 0;
    } else if (is_digit(c)) {
      if (++digits > 3) return false;
    } else {
      return false;
    }
  }
  return groups == 4 && digits > 0;
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

// The bucket in front of the longest matching base domain; empty for path style.
std::string bucket_of_host(std::string_view host_header,
                           std::span<const std::string> base_domains) {
  const std::string host = to_lower(without_port(trim(host_header)));
  if (host.empty() || host.front() == '[' || looks_like_ipv4(host)) return {};
  std::size_t longest = 0;
  for (const std::string& domain : base_domains) {
    if (domain.size() <= longest) continue;
    if (host == domain) {
      longest = domain.size();
    } else if (host.size() > domain.size() + 1 && host.ends_with(domain) &&
               host[host.size() - domain.size() - 1] == '.') {
      longest = domain.size();
    }
  }
  if (longest == 0 || longest == host.size()) return {};
  return host.substr(0, host.size() - longest - 1);
}

S3Result<std::string> decode_path(std::string_view raw) {
  std::optional<std::string> decoded = percent_decode(raw);
  if (!decoded) return s3_fail(S3Code::kInvalidUri).with("URI", std::string(raw));
  return std::move(*decoded);
}

}  // namespace

Target split_target(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (scheme != std::string_view::npos && !target.starts_with('/')) {
    target.remove_prefix(scheme + 3);
    const std::size_t path = target.find_first_of("/?");
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  const std::string_view path = target.substr(0, mark);
  return {path.empty() ? "/" : path, target.substr(mark + 1)};
}

std::optional<std::string_view> Query::find(std::string_view name) const {
  for (const QueryParam& param : params_)
    if (param.name == name) return param.value;
  return std::nullopt;
}

void Query::add(std::string name, std::string value) {
  params_.push_back({std::move(name), std::move(value), true});
}

S3Result<Query> parse_query(std::string_view raw_query) {
  Query query;
  while (!raw_query.empty()) {
    const std::size_t end = raw_query.find('&');
    const std::string_view piece = raw_query.substr(0, end);
    raw_query = end == std::string_view::npos ? std::string_view{} : raw_query.substr(end + 1);
    if (piece.empty()) continue;
    if (query.params_.size() == kQueryParamsMax)
      return s3_fail(S3Code::kInvalidUri,
                     cat("The query has more than ", kQueryParamsMax, " parameters."));
    const std::size_t equals = piece.find('=');
    const bool has_equals = equals != std::string_view::npos;
    std::optional<std::string> name = percent_decode(piece.substr(0, equals), true);
    std::optional<std::string> value =
        percent_decode(has_equals ? piece.substr(equals + 1) : std::string_view{}, true);
    if (!name || !value) return s3_fail(S3Code::kInvalidUri).with("URI", std::string(piece));
    query.params_.push_back({std::move(*name), std::move(*value), has_equals});
  }
  return query;
}

S3Result<ResourceName> parse_resource(std::string_view raw_path, std::string_view host,
                                      std::span<const std::string> base_domains) {
  ResourceName name;
  if (raw_path.starts_with('/')) raw_path.remove_prefix(1);
  name.bucket = bucket_of_host(host, base_domains);
  name.virtual_host = !name.bucket.empty();
  if (!name.virtual_host) {
    // Cut before decoding, so an encoded slash never moves the border between bucket and key.
    const std::size_t slash = raw_path.find('/');
    TRY(bucket, decode_path(raw_path.substr(0, slash)));
    name.bucket = std::move(bucket);
    raw_path = slash == std::string_view::npos ? std::string_view{} : raw_path.substr(slash + 1);
  }
  TRY(key, decode_path(raw_path));
  name.key = std::move(key);
  return name;
}

bool is_valid_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  if (!is_lower_alnum(name.front()) || !is_lower_alnum(name.back())) return false;
  char before = 'a';
  for (char c : name) {
    if (!is_lower_alnum(c) && c != '.' && c != '-') return false;
    if (c == '.' && (before == '.' || before == '-')) return false;
    if (c == '-' && before == '.') return false;
    before = c;
  }
  return !looks_like_ipv4(name);
}

S3Result<Unit> check_bucket_name(std::string_view name) {
  if (is_valid_bucket_name(name)) return Unit{};
  return s3_fail(S3Code::kInvalidBucketName).with("BucketName", std::string(name));
}

S3Result<Unit> check_key(std::string_view key) {
  if (key.empty()) return s3_fail(S3Code::kInvalidRequest, "The object key is empty.");
  if (key.size() > kKeyBytesMax)
    return s3_fail(S3Code::kKeyTooLong)
        .with("Size", cat(key.size()))
        .with("MaxSizeAllowed", cat(kKeyBytesMax));
  if (!is_utf8(key))
    return s3_fail(S3Code::kInvalidUri, "Couldn't parse the specified URI: the key is not UTF-8.");
  return Unit{};
}

}  // namespace creel::s3
