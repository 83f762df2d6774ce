#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/formats/byte_kernels.h"
#include "filters/formats/record_reader.h"

namespace creel::filters {

// How a CSV file is written. A quote counts only as the first byte of a cell; elsewhere it is data.
// Inside a quoted cell the quote is doubled, or preceded by `escape` if that is another character.
struct CsvFormat {
  enum class Header : std::uint8_t { kUse, kIgnore, kNone, kNames };
  Header header = Header::kUse;
  std::vector<std::string> names{};  // kNames
  char delimiter = ',';
  char quote = '"';
  bool has_quote = true;
  char escape = '"';
  char comment = 0;  // Lines that begin with it are no records; 0: none.
  bool quoted_newlines = false;
  std::vector<std::string> null_texts{""};  // Unquoted cells that mean NULL.
  bool pad_ragged =
      false;  // Short rows give MISSING instead of a fault; long ones keep what is behind.

  bool is_null(std::string_view cell) const {
    for (const std::string& text : null_texts)
      if (text == cell) return true;
    return false;
  }
};

class CsvReader final : public RecordReader {
 public:
  // `kernels` other than the default are for tests.
  CsvReader(const CsvFormat& format, std::size_t record_bytes_max, const ByteKernels& kernels);

  // Reads the header line (a window as for cut). Returns bytes consumed, 0 if it needs more;
  // nullopt if its quoting is broken. Blank and comment lines before it are skipped.
  std::optional<std::size_t> read_header(ByteView window, bool final,
                                         std::vector<std::string>& names);

  // Cells a record must have; until it is called the first record decides.
  void expect_cells(std::uint32_t count) { expected_ = count; }

  // Which column each slot of the program reads; kAbsent gives NULL.
  static constexpr std::uint32_t kAbsent = UINT32_MAX;
  void bind(std::vector<std::uint32_t> columns) { columns_ = std::move(columns); }

  std::size_t cut(ByteView window, bool final) override;
  Oversize oversize(ByteView window) override;
  void gather_where(std::uint32_t first, std::uint32_t count, Frame& frame) override;
  void gather_items(std::uint32_t first, Frame& frame) override;

  // Bytes of a cell as written, quotes and all; empty past the last one.
  std::string_view raw_cell(const Row& row, std::uint32_t column) const;
  // Its value: kText, kNull or kMissing. Text is made in the arena if quotes must go.
  Value cell(const Row& row, std::uint32_t column, Arena& arena) const;
  // Line end as written; "\n" if the file ends without one.
  std::string_view line_end(const Row& row) const;

 private:
  enum class Scan : std::uint8_t { kRow, kNeedMore, kBroken };
  Scan scan(std::size_t from, bool final, std::size_t& end);
  bool scan_quoted(std::size_t& at, bool final, Scan& verdict) const;
  std::size_t index_rows(std::size_t from, bool& irregular);
  void add_row(std::size_t begin, std::size_t end, std::uint32_t first_cell, std::uint32_t cells,
               Fault fault, bool check_utf8);
  std::size_t line_after(std::size_t from) const;
  void gather(std::uint32_t first, std::size_t slot, Frame& frame);

  const CsvFormat& format_;
  std::size_t record_bytes_max_;
  const ByteKernels& kernels_;
  CsvDialect dialect_;
  bool byte_by_byte_;  // An escape or comment character is beyond the kernels.
  bool empty_is_null_;
  bool other_nulls_;
  std::uint32_t expected_ = 0;
  std::vector<std::uint32_t> columns_{};
  std::vector<std::uint32_t> ends_{};
  std::size_t end_count_ = 0;
  std::vector<std::uint32_t> row_ends_{};
};

}  // namespace creel::filters
