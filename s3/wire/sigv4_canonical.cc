#include "s3/wire/sigv4_canonical.h"

#include <algorithm>
#include <utility>

#include "platform/base/text.h"
#include "platform/cpu/hash.h"

namespace creel::s3 {
namespace {

std::string decode_or_keep(std::string_view raw, bool plus_is_space) {
  std::optional<std::string> decoded = percent_decode(raw, plus_is_space);
  return decoded ? std::move(*decoded) : std::string(raw);
}

void append_folded(std::string& out, std::string_view value) {
  bool after_space = false;
  for (char c : trim(value)) {
    const bool space = c == ' ';
    if (!space || !after_space) out.push_back(c);
    after_space = space;
  }
}

}  // namespace

std::string SigScope::text() const {
  return cat(date, "/", region, "/", service, "/", kSigTerminal);
}

SigningKey derive_signing_key(std::string_view secret, const SigScope& scope) {
  const std::string start = cat("AWS4", secret);
  SigningKey key = hmac_sha256(as_bytes(start), as_bytes(scope.date));
  key = hmac_sha256(key, as_bytes(scope.region));
  key = hmac_sha256(key, as_bytes(scope.service));
  return hmac_sha256(key, as_bytes(kSigTerminal));
}

std::string sign_text(const SigningKey& key, std::string_view text) {
  return hex_encode(hmac_sha256(key, as_bytes(text)));
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(as_bytes(text));
  return hex_encode(hash.finish());
}

std::string canonical_path(std::string_view raw_path, bool bare_star) {
  if (raw_path.empty()) return "/";
  std::string path = percent_encode(decode_or_keep(raw_path, false), true);
  if (!bare_star) return path;
  std::string with_stars;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (std::string_view(path).substr(i, 3) == "%2A") {
      with_stars.push_back('*');
      i += 2;
    } else {
      with_stars.push_back(path[i]);
    }
  }
  return with_stars;
}

std::string canonical_query(std::string_view raw_query, std::string_view left_out) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!raw_query.empty()) {
    const std::size_t end = raw_query.find('&');
    const std::string_view piece = raw_query.substr(0, end);
    raw_query = end == std::string_view::npos ? std::string_view{} : raw_query.substr(end + 1);
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    const std::string name = decode_or_keep(piece.substr(0, equals), true);
    if (!left_out.empty() && name == left_out) continue;
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1);
    pairs.emplace_back(percent_encode(name, false),
                       percent_encode(decode_or_keep(value, true), false));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

std::string canonical_headers(Headers headers, const std::vector<std::string>& signed_names) {
  std::string out;
  for (const std::string& name : signed_names) {
    out.append(name).append(":");
    bool first = true;
    for (const HeaderField& field : headers) {
      if (!equal_ignore_case(field.name, name)) continue;
      if (!first) out.push_back(',');
      append_folded(out, field.value);
      first = false;
    }
    out.push_back('\n');
  }
  return out;
}

std::string canonical_request(const CanonicalParts& parts) {
  return cat(parts.method, "\n", parts.path, "\n", parts.query, "\n", parts.headers, "\n",
             parts.signed_headers, "\n", parts.payload);
}

std::string string_to_sign(std::string_view amz_date, const SigScope& scope,
                           std::string_view canonical_request) {
  return cat(kSigAlgorithm, "\n", amz_date, "\n", scope.text(), "\n",
             sha256_hex(canonical_request));
}

const SigningKey& SigningKeyCache::get(std::string_view access_key, std::string_view secret,
                                       const SigScope& scope) {
  const std::string scope_text = scope.text();
  for (const Entry& entry : entries_) {
    if (entry.access_key == access_key && entry.scope == scope_text &&
        equal_constant_time(as_bytes(entry.secret), as_bytes(secret)))
      return entry.key;
  }
  Entry fresh{std::string(access_key), std::string(secret), scope_text,
              derive_signing_key(secret, scope)};
  if (entries_.size() < kEntriesMax) {
    entries_.push_back(std::move(fresh));
    return entries_.back().key;
  }
  next_ = (next_ + 1) % kEntriesMax;
  entries_[next_] = std::move(fresh);
  return entries_[next_].key;
}

}  // namespace creel::s3
