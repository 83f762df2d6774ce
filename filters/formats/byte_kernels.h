#pragma once
#include <cstddef>
#include <cstdint>

namespace creel::filters {

// The byte-level work behind CSV and NDJSON, once per instruction set: plain, SSE2, AVX2, NEON. All
// give the same results on every input; tests hold them against each other.

struct CsvDialect {
  std::uint8_t delimiter = ',';
  std::uint8_t quote = '"';
  bool has_quote = true;
  bool quoted_newlines = false;
};

// Found structure of a window. `ends` receives the offset of each delimiter and line feed that ends
// a cell, `row_ends`, for each complete row, how many of those it and the rows before it have.
struct CsvIndex {
  std::uint32_t* ends = nullptr;
  std::uint32_t* row_ends = nullptr;
  std::uint32_t end_count = 0;
  std::uint32_t row_count = 0;
  bool irregular = false;  // The row after the last one needs the byte-by-byte reader.
  bool beyond_ascii = false;  // Some byte seen is 0x80 or above.
};

// At most this many bytes a call; `ends` and `row_ends` need room for size + kIndexSlack entries.
inline constexpr std::size_t kIndexBytesMax = 64 * 1024;
inline constexpr std::size_t kIndexSlack = 64;

// The tokens of one JSON text: offsets of { } [ ] : , of each opening quote and of the first byte
// of each other scalar, outside strings.
struct JsonIndex {
  std::uint32_t* tokens = nullptr;  // Room for size + kIndexSlack.
  std::uint32_t count = 0;
  bool open_string = false;  // Ends inside a string.
  bool control = false;  // A byte below 0x20 inside a string.
  bool beyond_ascii = false;
  std::uint32_t first_backslash = UINT32_MAX;  // No backslash: then `last` is 0.
  std::uint32_t last_backslash = 0;
};

struct ByteKernels {
  const char* name;
  // Data must be readable only up to `size`. The window starts at the beginning of a row.
  void (*csv)(const std::uint8_t* data, std::size_t size, const CsvDialect& dialect, CsvIndex& out);
  void (*json)(const std::uint8_t* data, std::size_t size, JsonIndex& out);
  // Offset of the first '\n' at or after `from`, or `size`.
  std::size_t (*newline)(const std::uint8_t* data, std::size_t from, std::size_t size);
};

// The fastest this machine can run, chosen once.
const ByteKernels& byte_kernels();
// All this machine can run; the first is plain.
std::size_t all_byte_kernels(const ByteKernels** out, std::size_t room);

extern const ByteKernels kPlainKernels;
#if defined(__x86_64__)
extern const ByteKernels kSse2Kernels;
extern const ByteKernels kAvx2Kernels;
#elif defined(__aarch64__)
extern const ByteKernels kNeonKernels;
#endif

}  // namespace creel::filters
