#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "store/index/rows.h"

namespace creel::s3 {

// Numbers are on disk: the first byte of a row's name.
enum class IdentityKind : char { kUser = 'u', kKey = 'k', kGroup = 'g', kPolicy = 'p' };

// One user, access key, group or policy: a document of Table::kIam (docs/formats/rows.md).
struct IdentityRecord {
  IdentityKind kind = IdentityKind::kUser;
  std::string account;  // Canonical id.
  std::string name;     // Of a key: its public half, one of its kind in the whole store.
  std::int64_t created_ms = 0;
  std::string user;                   // Of a key: whose it is; empty: the account's own.
  std::vector<std::string> groups;    // Of a user.
  std::vector<std::string> policies;  // Of a user or group: by name.
  std::string text;  // Of a policy: its document. Of a key: the sealed secret.
  bool inactive = false;   // Of a key.
  std::uint64_t lsn = 0;   // Of the operation that wrote it; not in the document.
  std::string encode() const;
};

inline constexpr std::size_t kIdentityNameBytesMax = 64;
inline constexpr std::size_t kIdentitiesMax = 20'000;
// A letter or digit, then also + = , . @ _ -
bool is_identity_name(std::string_view name);

std::string identity_row(IdentityKind kind, std::string_view account, std::string_view name);
// Errors: kCorrupt, kIo.
Result<std::optional<IdentityRecord>> load_identity(const store::RowReader& rows,
                                                    std::string_view row);
Result<std::vector<IdentityRecord>> load_identities(const store::RowReader& rows);

// The row of one document, and what it says; its longer part is a document of its operation.
inline constexpr std::size_t kIdentityInlineBytes = 800;
struct IdentityRow {
  std::uint64_t lsn = 0;
  std::size_t bytes = 0;
  std::string inline_text;
  std::string encode() const;
  static Result<IdentityRow> decode(std::string_view value);
};

}  // namespace creel::s3
