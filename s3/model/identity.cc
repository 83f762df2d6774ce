#include "s3/model/identity.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/model/apply.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

enum RowTag : std::uint16_t { kLsn = 1, kBytes, kInline };
enum DocumentTag : std::uint16_t { kCreated = 1, kUser, kGroups, kPolicies, kText, kInactive };

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("+=,.@_-").find(c) != std::string_view::npos;
}

Result<IdentityRecord> record_of(const store::RowReader& rows, std::string_view name,
                                 std::string_view value) {
  TRY(row, IdentityRow::decode(value));
  std::string document = row.inline_text;
  if (row.bytes > kIdentityInlineBytes) {
    TRY(loaded, load_document(rows, RowId{row.lsn, 0}, 'i', row.bytes));
    document = std::move(loaded);
  }
  TRY(fields, TlvReader::parse(document));
  const std::size_t slash = name.find('/', 2);
  if (name.size() < 3 || slash == std::string_view::npos)
    return fail(ErrorCode::kCorrupt, "an identity's name is malformed");
  IdentityRecord record;
  record.kind = static_cast<IdentityKind>(name[0]);
  record.account = name.substr(2, slash - 2);
  record.name = name.substr(slash + 1);
  record.created_ms = static_cast<std::int64_t>(fields.number(kCreated));
  record.user = fields.text(kUser);
  record.groups = fields.list(kGroups);
  record.policies = fields.list(kPolicies);
  record.text = fields.text(kText);
  record.inactive = fields.number(kInactive) != 0;
  record.lsn = row.lsn;
  return record;
}

}  // namespace

std::string IdentityRecord::encode() const {
  return TlvWriter()
      .number(kCreated, static_cast<std::uint64_t>(created_ms))
      .text(kUser, user)
      .list(kGroups, groups)
      .list(kPolicies, policies)
      .text(kText, text)
      .number(kInactive, inactive ? 1 : 0)
      .take();
}

bool is_identity_name(std::string_view name) {
  return !name.empty() && name.size() <= kIdentityNameBytesMax && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), is_name_byte);
}

std::string identity_row(IdentityKind kind, std::string_view account, std::string_view name) {
  return cat(static_cast<char>(kind), '/', account, '/', name);
}

std::string IdentityRow::encode() const {
  return TlvWriter().number(kLsn, lsn).number(kBytes, bytes).text(kInline, inline_text).take();
}

Result<IdentityRow> IdentityRow::decode(std::string_view value) {
  TRY(fields, TlvReader::parse(value));
  IdentityRow row;
  row.lsn = fields.number(kLsn);
  row.bytes = static_cast<std::size_t>(fields.number(kBytes));
  row.inline_text = fields.text(kInline);
  return row;
}

Result<std::optional<IdentityRecord>> load_identity(const store::RowReader& rows,
                                                    std::string_view row) {
  TRY(value, rows.find(store::Table::kIam, row));
  if (!value) return std::optional<IdentityRecord>();
  TRY(record, record_of(rows, row, *value));
  return std::optional<IdentityRecord>(std::move(record));
}

Result<std::vector<IdentityRecord>> load_identities(const store::RowReader& rows) {
  std::vector<IdentityRecord> all;
  TRY(cursor, rows.cursor(store::Table::kIam));
  TRY(found, cursor->seek(""));
  for (bool more = found; more && all.size() < kIdentitiesMax;) {
    TRY(record, record_of(rows, cursor->key(), cursor->value()));
    all.push_back(std::move(record));
    TRY(next, cursor->next());
    more = next;
  }
  return all;
}

Result<Answer> Apply::set_identity(const SetIdentity& op) {
  TRY(value, rows_.find(store::Table::kIam, op.name));
  IdentityRow old;
  if (value) {
    TRY(decoded, IdentityRow::decode(*value));
    old = std::move(decoded);
  }
  if (op.conditions.if_none_match == "*" && value)
    return refuse(Refusal::kPreconditionFailed, "If-None-Match");
  if (!op.conditions.if_match.empty() && (!value || op.conditions.if_match != cat(old.lsn)))
    return refuse(Refusal::kPreconditionFailed, "If-Match");
  if (!value && op.document.empty()) return refuse(Refusal::kNothingToDo);
  if (old.bytes > kIdentityInlineBytes) erase_document(rows_, RowId{old.lsn, 0}, 'i', old.bytes);
  if (op.document.empty()) {
    rows_.erase(store::Table::kIam, op.name);
    return Answer{};
  }
  IdentityRow row;
  row.lsn = view_.lsn.value;
  row.bytes = op.document.size();
  if (row.bytes <= kIdentityInlineBytes) row.inline_text = op.document;
  else put_document(rows_, own_id(0), 'i', op.document);
  rows_.put(store::Table::kIam, op.name, row.encode());
  return Answer{};
}

}  // namespace creel::s3
