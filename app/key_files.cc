#include "app/key_files.h"

#include "platform/base/text.h"
#include "platform/uv/environment.h"
#include "platform/uv/local_file.h"

namespace creel::app {
namespace {

Result<Bytes> long_enough(Bytes key, std::string_view reference) {
  if (key.size() >= filters::KeyedHash::kKeyBytesMin) return key;
  return fail(ErrorCode::kInvalid, cat("key ", reference, " has ", key.size(), " bytes; it needs ",
                                       filters::KeyedHash::kKeyBytesMin));
}

}  // namespace

Result<Bytes> KeyFiles::load(std::string_view reference) const {
  if (reference.starts_with("file:")) {
    TRY(key, read_secret_file(std::string(reference.substr(5)), kKeyBytesMax));
    if (!key.empty() && key.back() == '\n') key.pop_back();  // Editors and `>` add it.
    return long_enough(std::move(key), reference);
  }
  if (reference.starts_with("env:")) {
    const std::string name(reference.substr(4));
    const std::optional<std::string> value = env(name.c_str());
    if (!value)
      return fail(ErrorCode::kNotFound, cat("environment variable ", name, " is not set"));
    return long_enough(to_bytes(std::string_view(*value)), reference);
  }
  return fail(ErrorCode::kInvalid, cat("'", reference, "' is neither file:PATH nor env:NAME"));
}

}  // namespace creel::app
