#pragma once
#include <memory>

#include "platform/codec/stream.h"

namespace creel {

// The zstd halves of stream.h. Source: RFC 8878. Contracts as in stream.h.
Result<std::unique_ptr<Decompressor>> make_zstd_decompressor(DecompressOptions options);
Result<std::unique_ptr<Compressor>> make_zstd_compressor(CompressOptions options);

}  // namespace creel
