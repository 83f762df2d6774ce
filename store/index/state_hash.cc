#include "store/index/state_hash.h"

#include "platform/base/endian.h"
#include "platform/cpu/hash.h"

namespace creel::store {

StateHash row_hash(Table table, std::string_view key, std::string_view value) {
  if (!is_state(table)) return {};
  std::uint8_t head[5] = {static_cast<std::uint8_t>(table)};
  store_le<std::uint32_t>(head, 1, static_cast<std::uint32_t>(key.size()));
  Sha256 sha;
  sha.update(head);
  sha.update(as_bytes(key));
  sha.update(as_bytes(value));
  const Sha256::Digest digest = sha.finish();
  return {load_le<std::uint64_t>(digest, 0), load_le<std::uint64_t>(digest, 8)};
}

}  // namespace creel::store
