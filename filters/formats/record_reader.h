#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/eval/program.h"
#include "platform/base/bytes.h"

namespace creel::filters {

// One record of a window. Offsets count from the window's first byte.
struct Row {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;         // Behind the line end.
  std::uint32_t first_cell = 0;  // CSV: where its cell ends start in CsvReader's list.
  std::uint32_t cells = 0;       // CSV
  Fault fault = Fault::kNone;    // Malformed: no operation may see it.
};

// Cuts windows of a byte stream into records and fills the slots of a program from them. A window
// starts at a record's first byte; the caller keeps what was not consumed and offers it again with
// more behind it.
class RecordReader {
 public:
  virtual ~RecordReader() = default;

  // Cuts all complete records. Returns the bytes consumed: 0 means that the first record needs
  // more. With `final` the window is the end of the stream, and everything is consumed.
  virtual std::size_t cut(ByteView window, bool final) = 0;

  // The first record is over the limit: its bytes to drop now, and whether the rest up to the next
  // line feed must go too.
  struct Oversize {
    std::size_t bytes;
    bool skip_to_newline;
  };
  virtual Oversize oversize(ByteView window) = 0;

  // Fills the slots that WHERE uses, for rows [first, first + count) of the cut window as rows 0…
  // of the frame. May report faults of single records.
  virtual void gather_where(std::uint32_t first, std::uint32_t count, Frame& frame) = 0;
  // Fills the other slots for the rows still in selection 0.
  virtual void gather_items(std::uint32_t first, Frame& frame) = 0;

  const std::vector<Row>& rows() const { return rows_; }
  std::string_view text(const Row& row) const {
    return as_text(window_).substr(row.begin, row.end - row.begin);
  }

 protected:
  ByteView window_{};
  std::vector<Row> rows_{};
};

// The record without its line end.
std::string_view without_line_end(std::string_view record);

}  // namespace creel::filters
