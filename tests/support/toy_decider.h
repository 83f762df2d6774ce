// A small state machine over the store's rows, for tests: keys with values or bodies.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace creel::test {

// Op::meta: one letter, then the key up to '\0', then what the letter wants.
//   p  put: the row holds the payload's extent        s  set: the row holds the rest of the meta
//   c  set, refused if the key exists                 d  delete, refused if it does not
//   b  put a large body: the rest are extents         g  set; decide() makes the meta 3,000 longer
//   n  no row at all
class ToyDecider final : public store::Decider {
 public:
  store::Verdict decide(store::OpView view, store::StagedRows& rows) override {
    ++decided;
    store::Verdict verdict;
    const std::string meta = to_string(view.op.meta);
    const std::size_t zero = meta.find('\0');
    if (meta.empty() || zero == std::string::npos) {
      verdict.error = fail(ErrorCode::kInvalid, "toy operation without a key");
      return verdict;
    }
    const std::string key = meta.substr(1, zero - 1);
    std::string rest = meta.substr(zero + 1);
    if (meta[0] == 'g') rest.resize(std::min(rest.size(), rest.find('+')));  // Decided before.
    Result<std::optional<std::string>> old = rows.find(store::Table::kObject, key);
    if (!old.ok()) {
      verdict.error = old.error();
      return verdict;
    }
    const bool exists = old.value().has_value();
    if ((meta[0] == 'c' && exists) || (meta[0] == 'd' && !exists)) {
      verdict.error = fail(ErrorCode::kConflict, exists ? "exists" : "absent");
      return verdict;
    }
    if (meta[0] == 'g' && !view.replay) append(view.op.meta, std::string(3'000, '+'));
    std::string row(1, meta[0]);
    if (meta[0] == 'p') {
      Bytes extent;
      append_extent(extent, view.payload_extent());
      row += to_string(extent);
    } else {
      row += rest.substr(0, std::min<std::size_t>(rest.size(), 900));
    }
    if (meta[0] == 'd') rows.erase(store::Table::kObject, key);
    else if (meta[0] != 'n') rows.put(store::Table::kObject, key, row);
    rows.put(store::Table::kSys, "count", std::to_string(view.lsn.value));
    verdict.accepted = true;
    verdict.answer = to_bytes(std::string_view(exists ? "old" : "new"));
    return verdict;
  }
  // The extents of rows of kind p and b.
  void find_extents(store::Table table, std::string_view, std::string_view value,
                    std::vector<std::size_t>& at) const override {
    if (table != store::Table::kObject || value.empty()) return;
    if (value[0] != 'p' && value[0] != 'b') return;
    for (std::size_t i = 1; i + store::kExtentBytes <= value.size(); i += store::kExtentBytes)
      at.push_back(i);
  }
  std::vector<std::string> names_of(const store::RowReader&, store::Table, std::string_view key,
                                    std::string_view, std::size_t) const override {
    return {std::string(key)};
  }
  std::uint64_t decided = 0;
};

inline store::Op toy_op(char kind, std::string_view key, std::string_view rest = {},
                        Bytes payload = {}) {
  std::string meta(1, kind);
  meta += key;
  meta += '\0';
  meta += rest;
  store::Op op;
  op.meta = to_bytes(std::string_view(meta));
  op.payload = std::move(payload);
  if (kind == 'd') op.op_class = store::OpClass::kAlways;
  return op;
}

// The extents that a row of kind p or b names.
inline std::vector<store::Extent> toy_extents(std::string_view row) {
  std::vector<store::Extent> extents;
  const ByteView bytes = as_bytes(row);
  for (std::size_t at = 1; at + store::kExtentBytes <= bytes.size(); at += store::kExtentBytes) {
    Result<store::Extent> extent = store::parse_extent(bytes, at);
    if (extent.ok() && extent.value().length > 0) extents.push_back(extent.value());
  }
  return extents;
}

// Everything the row's value stands for: its text, or its body read back.
inline Task<Result<Bytes>> toy_read(Ctx& ctx, store::Store& from, std::string key) {
  CO_TRY(row, from.find(store::Table::kObject, key));
  if (!row) co_return fail(ErrorCode::kNotFound, key);
  if ((*row)[0] != 'p' && (*row)[0] != 'b') co_return to_bytes(std::string_view(*row).substr(1));
  Bytes body;
  for (const store::Extent& extent : toy_extents(*row)) {
    const std::size_t at = body.size();
    body.resize(at + static_cast<std::size_t>(extent.length));
    CO_DO(co_await from.read(ctx, extent, 0, MutableBytes(body).subspan(at)));
  }
  co_return std::move(body);
}

}  // namespace creel::test
