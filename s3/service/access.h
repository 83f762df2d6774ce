#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "s3/wire/error.h"

namespace creel::s3 {

// Who asks. The canonical id owns what it creates.
struct Principal {
  std::string id;
  std::string display_name;
  bool anonymous = false;
  bool root = false;  // May do everything, whoever owns it.
};

// What is asked of what, in IAM's words: "s3:GetObject" on bucket and key.
struct AccessRequest {
  std::string_view action;
  std::string_view bucket;
  std::string_view key;
  std::string_view owner;  // Of the bucket; empty: there is none yet.
};

// The one place where a request is allowed or refused. For now root keys may do everything, others
// what they like with their own buckets, and anonymous callers nothing; policies go here.
class Access {
 public:
  void add_key(std::string access_key, std::string secret, Principal owner);
  // nullopt: unknown key. The secret stays inside the process.
  std::optional<std::string> secret_of(std::string_view access_key) const;
  // An empty access key is an anonymous caller.
  Principal principal_of(std::string_view access_key) const;
  // As its owner is shown; the id itself if nobody has it any more.
  std::string display_name_of(std::string_view id) const;
  // Errors: AccessDenied.
  S3Result<Unit> authorise(const Principal& principal, const AccessRequest& request) const;

 private:
  struct Key {
    std::string secret;
    Principal owner;
  };
  std::map<std::string, Key, std::less<>> keys_;
};

}  // namespace creel::s3
