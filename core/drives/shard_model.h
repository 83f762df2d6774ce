#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/erasure/cell.h"
#include "core/erasure/layout.h"
#include "store/store.h"

namespace creel::core {

// The operations of a drive's own log (docs/formats/shard.md). Numbers are on disk.
struct PutShard {
  BlobId blob;
  std::uint8_t slot = 0;
  Layout layout;
  std::uint32_t seat_version = 0;
  bool replace = false;                // Repair: the shard under this name is bad.
  std::uint64_t bytes = 0;             // Cells with their CRCs.
  std::vector<store::Extent> extents;  // Empty: the payload of this operation.
};
struct DeleteShard {
  BlobId blob;
  std::uint8_t slot = 0;
};
std::string encode_shard_op(const PutShard& op);
std::string encode_shard_op(const DeleteShard& op);

// A sealed shard as a drive's rows know it.
struct ShardRecord {
  Layout layout;
  std::uint32_t seat_version = 0;
  std::uint64_t bytes = 0;
  std::vector<store::Extent> extents;
};
// Row key: blob id ‖ slot ‖ piece u16; long lists of extents go on in further pieces.
std::string shard_key(const BlobId& blob, unsigned slot);
struct ShardName {
  BlobId blob;
  unsigned slot = 0;
};
std::optional<ShardName> parse_shard_key(std::string_view key);  // Of a first piece only.
Result<std::optional<ShardRecord>> load_shard(const store::RowReader& rows, const BlobId& blob,
                                              unsigned slot);

// The state machine of one drive's shards: which (blob, slot) lies where.
class ShardModel final : public store::Decider {
 public:
  store::Verdict decide(store::OpView view, store::StagedRows& rows) override;
  void find_extents(store::Table table, std::string_view key, std::string_view value,
                    std::vector<std::size_t>& at) const override;
};

}  // namespace creel::core
