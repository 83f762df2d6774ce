#pragma once
#include <string>

#include "app/config.h"
#include "platform/platform.h"

namespace creel::app {

struct RootKey {
  std::string access_key, secret_key;
  std::string made_in;  // The file this start made it in; empty: it was there, or was given.
};

// The root key: given by the environment, else read from FOLDER/credentials of any data folder,
// else made at random and written to all of them, 0600 and durable, before anybody is served.
// Errors: kInvalid (the file, named), those of the disk.
Task<Result<RootKey>> root_key(Ctx& ctx, Platform& platform, const Config& config);

}  // namespace creel::app
