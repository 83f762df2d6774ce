#include "core/erasure/coder.h"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "platform/base/text.h"

namespace creel::core {
namespace {

std::uint32_t layout_number(const Layout& layout) {
  return std::uint32_t{layout.data} << 8 | layout.parity;
}

// n rows of k: the identity, then the Cauchy rows.
std::vector<std::uint8_t> cauchy(const Layout& layout) {
  std::vector<std::uint8_t> matrix(layout.slots() * layout.data);
  gf_gen_cauchy1_matrix(matrix.data(), static_cast<int>(layout.slots()), layout.data);
  return matrix;
}

std::uint8_t multiply_by_definition(std::uint8_t a, std::uint8_t b) {
  unsigned product = 0;
  for (unsigned bit = 0; bit < 8; ++bit)
    if (b >> bit & 1) product ^= unsigned{a} << bit;
  for (unsigned bit = 15; bit >= 8; --bit)
    if (product >> bit & 1) product ^= 0x11du << (bit - 8);
  return static_cast<std::uint8_t>(product);
}

std::uint8_t inverse_by_definition(std::uint8_t a) {
  for (unsigned b = 1; b < 256; ++b)
    if (multiply_by_definition(a, static_cast<std::uint8_t>(b)) == 1)
      return static_cast<std::uint8_t>(b);
  return 0;
}

}  // namespace

std::shared_ptr<const Coder::Table> Coder::cached(const Pattern& pattern) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(pattern);
  return found == tables_.end() ? nullptr : found->second;
}

std::shared_ptr<const Coder::Table> Coder::keep(const Pattern& pattern,
                                                const std::vector<std::uint8_t>& rows,
                                                unsigned columns) {
  const int count = static_cast<int>(rows.size() / columns);
  auto table = std::make_shared<Table>(32 * rows.size());
  const auto make = kernel_ == Kernel::kBest ? &ec_init_tables : &ec_init_tables_base;
  make(static_cast<int>(columns), count, const_cast<std::uint8_t*>(rows.data()), table->data());
  const std::lock_guard lock(mutex_);
  if (tables_.size() >= kTablesMax) tables_.clear();  // Users hold their own reference.
  tables_[pattern] = table;
  return table;
}

std::shared_ptr<const Coder::Table> Coder::encode_table(const Layout& layout) {
  const Pattern pattern{layout_number(layout), 0, 0};
  if (auto table = cached(pattern)) return table;
  const std::vector<std::uint8_t> matrix = cauchy(layout);
  const std::vector<std::uint8_t> rows(matrix.begin() + layout.data * layout.data, matrix.end());
  return keep(pattern, rows, layout.data);
}

// Rows of k survivors, inverted, give the data; a lost parity cell is its own row times that.
std::shared_ptr<const Coder::Table> Coder::rebuild_table(const Layout& layout, std::uint32_t have,
                                                         std::uint32_t lost) {
  const Pattern pattern{layout_number(layout), have, lost};
  if (auto table = cached(pattern)) return table;
  const unsigned k = layout.data;
  const std::vector<std::uint8_t> matrix = cauchy(layout);
  std::vector<std::uint8_t> survivors, inverse(k * k), rows;
  for (unsigned slot = 0; slot < layout.slots(); ++slot)
    if (have >> slot & 1)
      survivors.insert(survivors.end(), matrix.begin() + slot * k, matrix.begin() + (slot + 1) * k);
  check(survivors.size() == k * k);
  check(gf_invert_matrix(survivors.data(), inverse.data(), static_cast<int>(k)) == 0);
  for (unsigned slot = 0; slot < layout.slots(); ++slot) {
    if ((lost >> slot & 1) == 0) continue;
    for (unsigned column = 0; column < k; ++column) {
      std::uint8_t sum = 0;
      for (unsigned i = 0; i < k; ++i) sum ^= gf_mul(matrix[slot * k + i], inverse[i * k + column]);
      rows.push_back(sum);
    }
  }
  return keep(pattern, rows, k);
}

void Coder::multiply(const Table& table, unsigned columns, unsigned rows, std::uint8_t** from,
                     std::uint8_t** into, std::uint64_t bytes) const {
  const auto run = kernel_ == Kernel::kBest ? &ec_encode_data : &ec_encode_data_base;
  run(static_cast<int>(bytes), static_cast<int>(columns), static_cast<int>(rows),
      const_cast<std::uint8_t*>(table.data()), from, into);
}

void Coder::encode(const Layout& layout, std::span<std::uint8_t* const> cells,
                   std::uint64_t bytes) {
  check(cells.size() == layout.slots() && cells.size() <= kSlotsMax && bytes % kCellAlign == 0);
  if (layout.parity == 0 || bytes == 0) return;
  if (layout.data == 1) {
    for (unsigned slot = 1; slot < layout.slots(); ++slot)
      std::copy_n(cells[0], bytes, cells[slot]);
    return;
  }
  std::array<std::uint8_t*, kSlotsMax> all{};
  std::copy(cells.begin(), cells.end(), all.begin());
  multiply(*encode_table(layout), layout.data, layout.parity, all.data(), all.data() + layout.data,
           bytes);
}

void Coder::rebuild(const Layout& layout, std::span<std::uint8_t* const> cells, std::uint64_t bytes,
                    std::uint32_t have, std::uint32_t lost) {
  check(cells.size() == layout.slots() && bytes % kCellAlign == 0 && (have & lost) == 0);
  check(std::popcount(have) >= layout.data);
  if (lost == 0 || bytes == 0) return;
  std::array<std::uint8_t*, kSlotsMax> from{}, into{};
  std::uint32_t used = 0;
  unsigned count = 0, rows = 0;
  for (unsigned slot = 0; slot < layout.slots(); ++slot) {
    if ((have >> slot & 1) && count < layout.data) {
      from[count++] = cells[slot];
      used |= 1u << slot;
    }
    if (lost >> slot & 1) into[rows++] = cells[slot];
  }
  if (layout.data == 1) {
    for (unsigned row = 0; row < rows; ++row) std::copy_n(from[0], bytes, into[row]);
    return;
  }
  multiply(*rebuild_table(layout, used, lost), layout.data, rows, from.data(), into.data(), bytes);
}

Result<Unit> Coder::self_check() {
  const Layout layout{4, 2};
  constexpr std::uint64_t kBytes = 512;
  std::vector<std::uint8_t> memory(layout.slots() * kBytes);
  std::array<std::uint8_t*, 6> cells{};
  for (unsigned slot = 0; slot < 6; ++slot) cells[slot] = memory.data() + slot * kBytes;
  for (std::size_t i = 0; i < 4 * kBytes; ++i)
    memory[i] = static_cast<std::uint8_t>(i * 167 + (i >> 7) * 29 + 13);
  encode(layout, cells, kBytes);
  for (unsigned row = 4; row < 6; ++row) {
    for (std::size_t at = 0; at < kBytes; ++at) {
      std::uint8_t expected = 0;
      for (unsigned column = 0; column < 4; ++column)
        expected ^= multiply_by_definition(
            inverse_by_definition(static_cast<std::uint8_t>(row ^ column)), cells[column][at]);
      if (cells[row][at] != expected)
        return fail(ErrorCode::kCorrupt, cat("erasure code self-check: parity cell ", row, " byte ",
                                             at, " is wrong on this machine"));
    }
  }
  const std::vector<std::uint8_t> whole = memory;
  std::fill(cells[0], cells[0] + kBytes, std::uint8_t{0});
  std::fill(cells[5], cells[5] + kBytes, std::uint8_t{0});
  rebuild(layout, cells, kBytes, 0b011110, 0b100001);
  if (memory != whole)
    return fail(ErrorCode::kCorrupt, "erasure code self-check: rebuilt cells differ");
  return Unit{};
}

}  // namespace creel::core
