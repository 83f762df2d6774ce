#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "store/index/layer.h"

namespace creel::store {

// One extent that a row names lies somewhere else from now on: same bytes, length and kind. Meta of
// a MOVE record is a run of these (docs/formats/record.md).
struct Move {
  struct Place {
    std::uint32_t segment = 0;
    std::uint32_t generation = 0;
    std::uint64_t offset = 0;
    bool operator==(const Place&) const = default;
  };
  Table table = Table::kObject;
  std::string key;
  Place from;
  Place to;
};
inline constexpr std::size_t kMovesMax = 256;  // In one record.

std::size_t move_bytes(const Move& move);
void append_move(Bytes& out, const Move& move);
Result<std::vector<Move>> parse_moves(ByteView meta);  // Errors: kCorrupt.

// Changes the rows that still name `from`; returns the moves that did something. A function of its
// arguments: the same when the log is replayed, and harmless when it is replayed twice.
std::vector<Move> apply_moves(const std::vector<Move>& moves, const ExtentFinder& finder,
                              StagedRows& rows);

}  // namespace creel::store
