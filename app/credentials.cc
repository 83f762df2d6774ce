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

namespace {

std::string file_text(const RootKey& key) {
  return cat("# Creel's root key. Whoever has it may do everything.\naccess_key = ", key.access_key,
             "\nsecret_key = ", key.secret_key, '\n');
}

Task<Result<RootKey>> read_key(Ctx& ctx, Disk& disk, std::string path) {
  CO_TRY(content, co_await read_file(ctx, disk, path, kFileBytesMax));
  const std::string text = to_string(content);
  RootKey key;
  key.access_key = line_value(text, "access_key =");
  key.secret_key = line_value(text, "secret_key =");
  if (key.access_key.empty() || key.secret_key.empty())
    co_return fail(ErrorCode::kInvalid,
                   cat(path, ": needs the lines access_key = … and secret_key = …"));
  co_return std::move(key);
}

RootKey make_key(Random& random) {
  RootKey key;
  key.access_key = random_text(random, 20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  key.secret_key =
      random_text(random, 40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
  return key;
}

}  // namespace

// A core keeps the file on every drive: the one that is pulled out must not take the key with it.
Task<Result<RootKey>> root_key(Ctx& ctx, Platform& platform, const Config& config) {
  RootKey key;
  if (!config.root_access_key.empty()) {
    key.access_key = config.root_access_key;
    key.secret_key = config.root_secret_key;
    co_return std::move(key);
  }
  std::vector<std::string> missing;
  for (const std::string& folder : config.data) {
    const std::string path = cat(folder, "/credentials");
    Result<RootKey> found = co_await read_key(ctx, platform.disk, path);
    if (found.ok()) {
      if (key.access_key.empty()) key = found.take();
    } else if (found.error().code == ErrorCode::kInvalid) {
      co_return found.error();
    } else {
      missing.push_back(path);
    }
  }
  const bool is_new = key.access_key.empty();
  if (is_new) key = make_key(platform.random);
  std::size_t written = 0;
  for (const std::string& path : missing) {
    Bytes content = to_bytes(std::string_view(file_text(key)));
    const Result<Unit> kept =
        co_await write_file_durable(ctx, platform.disk, path, std::move(content));
    if (kept.ok()) {
      if (is_new && written++ == 0) key.made_in = path;
    } else if (is_new && written == 0 && &path == &missing.back()) {
      co_return kept.error();  // Nowhere to keep it: nobody could ever sign in.
    }
  }
  co_return std::move(key);
}

}  // namespace creel::app
