#include "app/remote.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/uv/environment.h"
#include "platform/uv/local_file.h"
#include "platform/uv/uv_world.h"

namespace creel::app {
namespace {

constexpr std::size_t kSmallFileMax = 256 * KiB;

// The lines `access_key = …` and `secret_key = …`, as the server's first start writes them.
Result<s3::Credentials> read_credentials(const std::string& path) {
  s3::Credentials found;
  if (path.empty()) {
    found.access_key = env("CREEL_ROOT_ACCESS_KEY").value_or("");
    found.secret_key = env("CREEL_ROOT_SECRET_KEY").value_or("");
    if (found.access_key.empty() || found.secret_key.empty())
      return fail(ErrorCode::kNotFound,
                  "give --credentials FILE, or CREEL_ROOT_ACCESS_KEY and CREEL_ROOT_SECRET_KEY");
    return found;
  }
  TRY(content, read_secret_file(path, kSmallFileMax));
  std::string_view rest = as_text(content);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, equals));
    if (name == "access_key") found.access_key = trim(line.substr(equals + 1));
    if (name == "secret_key") found.secret_key = trim(line.substr(equals + 1));
  }
  if (found.access_key.empty() || found.secret_key.empty())
    return fail(ErrorCode::kInvalid,
                cat(path, ": needs the lines access_key = … and secret_key = …"));
  return found;
}

Task<void> ask(Ctx& ctx, Platform& platform, s3::ClientOptions options, s3::ClientRequest request,
               Result<s3::ClientAnswer>& outcome) {
  s3::S3Client client(platform, std::move(options));
  outcome = co_await client.must(ctx, std::move(request));
}

}  // namespace

Result<Arguments> parse_arguments(const std::vector<std::string>& words, std::size_t from,
                                  const std::vector<std::string>& known) {
  Arguments parsed;
  for (std::size_t i = from; i < words.size(); ++i) {
    std::string name = words[i];
    if (!name.starts_with("--")) {
      parsed.plain.push_back(std::move(name));
      continue;
    }
    if (name == "--json") {
      parsed.json = true;
      continue;
    }
    std::string value;
    const std::size_t equals = name.find('=');
    const bool has_value = equals != std::string::npos;
    if (has_value) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(ErrorCode::kInvalid, cat("unknown option ", name));
    if (!has_value) {
      if (++i == words.size()) return fail(ErrorCode::kInvalid, cat(name, " wants a value"));
      value = words[i];
    }
    parsed.options[name] = std::move(value);
  }
  return parsed;
}

Result<s3::ClientOptions> remote_options(const Arguments& arguments) {
  s3::ClientOptions options;
  TRY(endpoint, s3::parse_endpoint(arguments.option("--endpoint", "http://127.0.0.1:9000")));
  options.endpoint = std::move(endpoint);
  TRY(credentials, read_credentials(arguments.option("--credentials")));
  options.credentials = std::move(credentials);
  options.region = arguments.option("--region", options.region);
  if (const std::string ca = arguments.option("--ca"); !ca.empty()) {
    TRY(pem, read_local_file(ca, kSmallFileMax));
    options.ca_pem = to_string(pem);
  }
  return options;
}

Result<s3::ClientAnswer> ask_server(const s3::ClientOptions& options, s3::ClientRequest request) {
  TRY(world, UvWorld::make());
  Platform& platform = world->platform();
  Ctx ctx(platform.executor, platform.clock);
  ctx.set_deadline(platform.clock.now() + 60_s);
  Result<s3::ClientAnswer> outcome = fail(ErrorCode::kUnknown, "not asked");
  world->run(ask(ctx, platform, options, std::move(request), outcome));
  ctx.clear_deadline();
  return outcome;
}

}  // namespace creel::app
