#pragma once
#include <map>
#include <string>
#include <vector>

#include "s3/client/s3_client.h"

namespace creel::app {

// A verb's words: options with a value ("--endpoint URL" or "--endpoint=URL"), `--json`, plain
// words.
struct Arguments {
  std::map<std::string, std::string> options;
  std::vector<std::string> plain;
  bool json = false;
  std::string option(const std::string& name, std::string absent = {}) const {
    const auto found = options.find(name);
    if (found != options.end()) return found->second;
    return absent;
  }
};
// Reads words[from…]. Errors: kInvalid (an option outside of `known`, a missing value).
Result<Arguments> parse_arguments(const std::vector<std::string>& words, std::size_t from,
                                  const std::vector<std::string>& known);

// Options that say which server is asked: --endpoint (default http://127.0.0.1:9000), --credentials
// FILE (default: CREEL_ROOT_ACCESS_KEY and CREEL_ROOT_SECRET_KEY), --region, --ca FILE.
inline const std::vector<std::string> kRemoteOptions = {"--endpoint", "--credentials", "--region",
                                                        "--ca"};
Result<s3::ClientOptions> remote_options(const Arguments& arguments);

// One request to a server, on a loop of its own, at most 60 s. Errors: those of S3Client::must().
Result<s3::ClientAnswer> ask_server(const s3::ClientOptions& options, s3::ClientRequest request);

}  // namespace creel::app
