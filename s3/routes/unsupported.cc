#include "s3/routes/unsupported.h"

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

// A name that ends in '-' stands for all that begin with it.
constexpr std::string_view kRefused[] = {
    "x-amz-write-offset-bytes",
};

bool is_refused(std::string_view name) {
  for (const std::string_view refused : kRefused)
    if (equal_ignore_case(refused.ends_with('-') ? name.substr(0, refused.size()) : name, refused))
      return true;
  return false;
}

S3Error not_implemented(const HeaderField& field) {
  return s3_fail(S3Code::kNotImplemented,
                 cat("The header '", field.name, "' asks for what this server does not do."))
      .with("Header", std::string(field.name));
}

}  // namespace

S3Result<Unit> check_wishes(const Call& call) {
  for (const HeaderField& field : call.fields) {
    const std::string_view value = trim(field.value);
    if (value.empty() || equal_ignore_case(value, "false")) continue;
    if (is_refused(field.name)) return not_implemented(field);
  }
  return Unit{};
}

}  // namespace creel::s3
