#pragma once
#include <string>

#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel {

// Whole small files, read at once on the calling thread: for the command line and for start-up,
// where no loop turns yet. Errors: kNotFound, kDenied, kIo; kTooLarge past `bytes_max`; all name
// the path.
Result<Bytes> read_local_file(const std::string& path, std::size_t bytes_max);

// The same for secrets: kDenied if the file is not a plain file, or group or others may read or
// change it.
Result<Bytes> read_secret_file(const std::string& path, std::size_t bytes_max);

}  // namespace creel
