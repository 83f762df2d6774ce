#include "filters/formats/ndjson_reader.h"

namespace creel::filters {
namespace {

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

std::size_t NdjsonReader::cut(ByteView window, bool final) {
  window_ = window;
  rows_.clear();
  std::size_t at = 0;
  while (at < window.size()) {
    const std::size_t newline = kernels_.newline(window.data(), at, window.size());
    if (newline == window.size() && !final) break;
    const std::size_t end = newline == window.size() ? newline : newline + 1;
    Row row;
    row.begin = static_cast<std::uint32_t>(at);
    row.end = static_cast<std::uint32_t>(end);
    at = end;
    if (window[row.begin] != '{' && is_blank(text(row))) continue;
    if (row.end - row.begin > record_bytes_max_ &&
        without_line_end(text(row)).size() > record_bytes_max_)
      row.fault = Fault::kTooLong;
    rows_.push_back(row);
  }
  return at;
}

void NdjsonReader::gather_where(std::uint32_t first, std::uint32_t count, Frame& frame) {
  // Object fields hold one value at the start of their lane; a scan must not write over it.
  const std::size_t slots = frame.program.slots.size();
  record_values_.resize(slots);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Row& row = rows_[first + i];
    if (row.fault != Fault::kNone) continue;
    const Fault fault =
        scanner_.scan(without_line_end(text(row)), record_values_.data(), 1, slots, frame.arena);
    if (fault != Fault::kNone) frame.fault(i, fault, 0);
    for (std::size_t slot = 0; slot < slots; ++slot)
      if (frame.slot_is_object[slot] == 0) frame.slot(slot)[i] = record_values_[slot];
  }
}

}  // namespace creel::filters
