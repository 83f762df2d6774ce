#pragma once
#include <memory>

#include "platform/codec/stream.h"

namespace creel {

// Gzip by ISA-L, about twice as fast as zlib; checks each member's CRC-32 and length. Source: RFC
// 1952. Contract as in stream.h.
Result<std::unique_ptr<Decompressor>> make_gzip_decompressor();

}  // namespace creel
