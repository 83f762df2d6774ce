#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/erasure/layout.h"
#include "platform/base/result.h"

namespace creel::core {

// Reed-Solomon over GF(2^8) with a Cauchy matrix: any k of the n cells of a stripe rebuild the
// rest. (A Vandermonde matrix, gf_gen_rs_matrix, has singular loss patterns from 10+5 on.) k = 1:
// copies. Any thread: pool threads encode side by side; the tables are made once a layout and loss
// pattern.
class Coder {
 public:
  enum class Kernel : std::uint8_t { kBest, kPlain };  // kPlain: base C, for tests.
  explicit Coder(Kernel kernel = Kernel::kBest) : kernel_(kernel) {}

  // `cells`: n pointers to `bytes` bytes each, a multiple of kCellAlign; the k data cells are read,
  // the m parity cells overwritten.
  void encode(const Layout& layout, std::span<std::uint8_t* const> cells, std::uint64_t bytes);
  // Overwrites the cells of `lost` (a bit a slot) from k of the cells in `have`. Bits of `lost` may
  // be data or parity; `have` holds at least k slots, none of them lost.
  void rebuild(const Layout& layout, std::span<std::uint8_t* const> cells, std::uint64_t bytes,
               std::uint32_t have, std::uint32_t lost);

  // Encodes a known stripe and compares with what the matrix must give by definition, worked out
  // byte by byte. Errors: kCorrupt: this build or machine computes wrong parity; do not serve.
  Result<Unit> self_check();

 private:
  // Tables must never be stored, sent, or given to functions of the other family: their inner form
  // depends on the CPU (32·k·p bytes with shuffles, 8·k·p with GFNI).
  using Table = std::vector<std::uint8_t>;
  struct Pattern {
    std::uint32_t layout, have, lost;
    auto operator<=>(const Pattern&) const = default;
  };
  static constexpr std::size_t kTablesMax = 512;  // Then they are made anew.
  std::shared_ptr<const Table> encode_table(const Layout& layout);
  std::shared_ptr<const Table> rebuild_table(const Layout& layout, std::uint32_t have,
                                             std::uint32_t lost);
  std::shared_ptr<const Table> cached(const Pattern& pattern) const;
  std::shared_ptr<const Table> keep(const Pattern& pattern, const std::vector<std::uint8_t>& rows,
                                    unsigned columns);
  void multiply(const Table& table, unsigned columns, unsigned rows, std::uint8_t** from,
                std::uint8_t** into, std::uint64_t bytes) const;

  Kernel kernel_;
  mutable std::mutex mutex_;
  std::map<Pattern, std::shared_ptr<const Table>> tables_;
};

}  // namespace creel::core
