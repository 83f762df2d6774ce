#include "app/credentials.h"

#include <string_view>

#include "platform/base/text.h"

namespace creel::app {
namespace {

constexpr std::size_t kFileBytesMax = 4 * KiB;

// `count` characters of `alphabet`; its size divides 256, so all are equally likely.
std::string random_text(Random& random, std::size_t count, std::string_view alphabet) {
  check(256 % alphabet.size() == 0);
  Bytes raw(count);
  random.fill(raw);
  std::string out;
  for (const std::uint8_t byte : raw) out.push_back(alphabet[byte % alphabet.size()]);
  return out;
}

std::string_view line_value(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos || (at > 0 && text[at - 1] != '\n')) return {};
  text.remove_prefix(at + name.size());
  return trim(text.substr(0, text.find('\n')));
}

}  // namespace

Task<Result<RootKey>> root_key(Ctx& ctx, Platform& platform, const Config& config) {
  RootKey key;
  if (!config.root_access_key.empty()) {
    key.access_key = config.root_access_key;
    key.secret_key = config.root_secret_key;
    co_return std::move(key);
  }
  const std::string path = cat(config.data.front(), "/credentials");
  Result<Bytes> found = co_await read_file(ctx, platform.disk, path, kFileBytesMax);
  if (found.ok()) {
    const std::string text = to_string(found.value());
    key.access_key = line_value(text, "access_key =");
    key.secret_key = line_value(text, "secret_key =");
    if (key.access_key.empty() || key.secret_key.empty())
      co_return fail(ErrorCode::kInvalid, cat(path, ": needs the lines access_key = … and secret_key = …"));
    co_return std::move(key);
  }
  if (found.error().code != ErrorCode::kNotFound) co_return found.error();
  key.access_key = random_text(platform.random, 20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  key.secret_key = random_text(platform.random, 40,
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
  key.made_in = path;
  const std::string text = cat("# Creel's root key. Whoever has it may do everything.\naccess_key = ",
                               key.access_key, "\nsecret_key = ", key.secret_key, '\n');
  CO_DO(co_await write_file_durable(ctx, platform.disk, path, to_bytes(std::string_view(text))));
  co_return std::move(key);
}

}  // namespace creel::app
