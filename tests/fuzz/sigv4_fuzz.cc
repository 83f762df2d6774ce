// A request head from outside: target, headers, signature. Nothing may crash, nothing unsigned may
// pass as signed, and canonical forms must be stable.
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "s3/wire/copy_source.h"
#include "s3/wire/listing.h"
#include "s3/wire/metadata.h"
#include "s3/wire/range.h"
#include "s3/wire/sigv4.h"
#include "s3/wire/uri.h"

namespace creel::s3 {
namespace {

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return line;
}

// Lines: method, target, then `name:value` fields.
void fuzz_one(std::string_view text) {
  const std::string_view method = next_line(text);
  const Target target = split_target(next_line(text));
  std::vector<HeaderField> fields;
  while (!text.empty() && fields.size() < 64) {
    const std::string_view line = next_line(text);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields.push_back({line.substr(0, colon), line.substr(colon + 1)});
  }
  const Headers headers(fields);

  SigningKeyCache keys;
  const WallTime now = *parse_iso8601_basic("20130524T000000Z");
  bool asked = false;
  const SecretLookup secret_of = [&asked](std::string_view access_key) {
    asked = true;
    return access_key == "AKIAIOSFODNN7EXAMPLE" ? std::optional<std::string>("guessed by nobody")
                                                : std::nullopt;
  };
  const S3Result<Identity> who =
      verify_request({method, target.raw_path, target.raw_query, headers}, {.region = "us-east-1"},
                     secret_of, keys, now);
  // No input can hold a signature made with that secret.
  check(!who.ok() || (who.value().kind == AuthKind::kAnonymous && !asked));
  if (!who.ok()) {
    check(who.error().status() >= 400 && !who.error().message.empty());
    check(render_error(who.error(), {target.raw_path, "r", "h"}).size() > 0);
  }

  const std::string path = canonical_path(target.raw_path);
  check(canonical_path(path) == path);
  const std::string query = canonical_query(target.raw_query);
  check(canonical_query(query) == query);

  const std::vector<std::string> domains{"example.org"};
  const S3Result<ResourceName> name =
      parse_resource(target.raw_path, headers.find("host").value_or(""), domains);
  if (name.ok()) (void)check_key(name.value().key);
  if (const S3Result<Query> params = parse_query(target.raw_query); params.ok()) {
    (void)parse_list_objects(params.value());
    (void)parse_list_versions(params.value());
    (void)parse_list_uploads(params.value());
    (void)parse_list_parts(params.value());
    (void)parse_list_buckets(params.value());
  }
  (void)collect_object_headers(headers);
  (void)parse_copy_source(headers.find("x-amz-copy-source").value_or(""));
  for (std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}}) {
    const S3Result<std::optional<ByteRange>> range =
        resolve_range(parse_range(headers.find("range")), size, "");
    if (range.ok() && range.value())
      check(range.value()->first <= range.value()->last && range.value()->last < size);
  }
}

}  // namespace
}  // namespace creel::s3

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  creel::s3::fuzz_one(creel::as_text({data, size}));
  return 0;
}
