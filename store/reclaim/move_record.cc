#include "store/reclaim/move_record.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"

namespace creel::store {
namespace {

constexpr std::size_t kFixedBytes = 36;

void append_place(Bytes& out, const Move::Place& place) {
  append_le<std::uint32_t>(out, place.segment);
  append_le<std::uint32_t>(out, place.generation);
  append_le<std::uint64_t>(out, place.offset);
}

Move::Place parse_place(ByteView bytes, std::size_t at) {
  return {load_le<std::uint32_t>(bytes, at), load_le<std::uint32_t>(bytes, at + 4),
          load_le<std::uint64_t>(bytes, at + 8)};
}

}  // namespace

std::size_t move_bytes(const Move& move) { return kFixedBytes + move.key.size(); }

void append_move(Bytes& out, const Move& move) {
  append_le<std::uint16_t>(out, static_cast<std::uint16_t>(move.table));
  append_le<std::uint16_t>(out, static_cast<std::uint16_t>(move.key.size()));
  append_place(out, move.from);
  append_place(out, move.to);
  append(out, as_bytes(move.key));
}

Result<std::vector<Move>> parse_moves(ByteView meta) {
  std::vector<Move> moves;
  for (std::size_t at = 0; at < meta.size();) {
    if (meta.size() - at < kFixedBytes) return fail(ErrorCode::kCorrupt, "MOVE cut short");
    Move move;
    const auto table = load_le<std::uint16_t>(meta, at);
    const std::size_t key = load_le<std::uint16_t>(meta, at + 2);
    if (meta.size() - at - kFixedBytes < key || table > 255 ||
        !may_hold_extents(static_cast<Table>(table)))
      return fail(ErrorCode::kCorrupt, cat("MOVE with impossible fields at byte ", at));
    move.table = static_cast<Table>(table);
    move.from = parse_place(meta, at + 4);
    move.to = parse_place(meta, at + 20);
    move.key = to_string(meta.subspan(at + kFixedBytes, key));
    at += kFixedBytes + key;
    moves.push_back(std::move(move));
  }
  return moves;
}

std::vector<Move> apply_moves(const std::vector<Move>& moves, const ExtentFinder& finder,
                              StagedRows& rows) {
  std::vector<Move> done;
  std::vector<std::size_t> spots;
  for (const Move& move : moves) {
    const Result<std::optional<std::string>> row = rows.find(move.table, move.key);
    if (!row.ok() || !row.value()) continue;
    spots.clear();
    finder.find_extents(move.table, move.key, *row.value(), spots);
    Bytes value = to_bytes(std::string_view(*row.value()));
    for (const std::size_t at : spots) {
      if (at + kExtentBytes > value.size() || parse_place(value, at) != move.from) continue;
      store_le<std::uint32_t>(value, at, move.to.segment);
      store_le<std::uint32_t>(value, at + 4, move.to.generation);
      store_le<std::uint64_t>(value, at + 8, move.to.offset);
      rows.put(move.table, move.key, as_text(value));
      done.push_back(move);
      break;
    }
  }
  return done;
}

}  // namespace creel::store
