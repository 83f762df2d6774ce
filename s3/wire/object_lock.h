#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/bytes.h"
#include "platform/base/units.h"
#include "s3/wire/error.h"

namespace creel::s3 {

// ObjectLockConfiguration. Mode empty: no default retention; else GOVERNANCE or COMPLIANCE with
// days xor years. Errors: MalformedXML, InvalidArgument.
struct LockWishes {
  std::string mode;
  std::uint32_t days = 0, years = 0;
};
S3Result<LockWishes> parse_object_lock(ByteView body);
std::string object_lock_xml(const LockWishes& lock);

// Retention of one version. Mode empty: removed. Errors: MalformedXML.
struct RetentionWish {
  std::string mode;
  WallTime until;
};
S3Result<RetentionWish> parse_retention(ByteView body);
std::string retention_xml(std::string_view mode, WallTime until);
// LegalHold: true for ON. Errors: MalformedXML.
S3Result<bool> parse_legal_hold(ByteView body);
std::string legal_hold_xml(bool on);
bool is_lock_mode(std::string_view mode);

}  // namespace creel::s3
