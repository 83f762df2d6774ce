#include "filters/formats/csv_reader.h"

#include <cstring>

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel::filters {

std::string_view without_line_end(std::string_view record) {
  if (!record.empty() && record.back() == '\n') record.remove_suffix(1);
  if (!record.empty() && record.back() == '\r') record.remove_suffix(1);
  return record;
}

CsvReader::CsvReader(const CsvFormat& format, std::size_t record_bytes_max,
                     const ByteKernels& kernels)
    : format_(format),
      record_bytes_max_(record_bytes_max),
      kernels_(kernels),
      byte_by_byte_(format.comment != 0 || (format.has_quote && format.escape != format.quote)),
      empty_is_null_(format.is_null("")),
      other_nulls_(format.null_texts.size() > (empty_is_null_ ? 1u : 0u)) {
  dialect_.delimiter = static_cast<std::uint8_t>(format.delimiter);
  dialect_.quote = static_cast<std::uint8_t>(format.quote);
  dialect_.has_quote = format.has_quote;
  dialect_.quoted_newlines = format.quoted_newlines;
}

std::size_t CsvReader::line_after(std::size_t from) const {
  const std::size_t at = kernels_.newline(window_.data(), from, window_.size());
  return at == window_.size() ? at : at + 1;
}

// From the quote to behind its closing one. False with a verdict if that is not to be had.
bool CsvReader::scan_quoted(std::size_t& at, bool final, Scan& verdict) const {
  const auto quote = static_cast<std::uint8_t>(format_.quote);
  const auto escape = static_cast<std::uint8_t>(format_.escape);
  const Scan at_end = final ? Scan::kBroken : Scan::kNeedMore;
  ++at;
  while (true) {
    if (at >= window_.size()) return verdict = at_end, false;
    const std::uint8_t c = window_[at];
    if (c == escape && escape != quote) {
      if (at + 1 >= window_.size()) return verdict = at_end, false;
      if (window_[at + 1] == '\n' && !format_.quoted_newlines)
        return verdict = Scan::kBroken, false;
      at += 2;
    } else if (c == quote) {
      if (escape != quote || at + 1 < window_.size() || final) {
        const bool doubled = escape == quote && at + 1 < window_.size() && window_[at + 1] == quote;
        if (!doubled) return ++at, true;
        at += 2;
      } else {
        return verdict = Scan::kNeedMore, false;  // The next byte decides.
      }
    } else if (c == '\n' && !format_.quoted_newlines) {
      return verdict = Scan::kBroken, false;
    } else {
      ++at;
    }
  }
}

// One record byte by byte: the definition of the format. Appends its cell ends.
CsvReader::Scan CsvReader::scan(std::size_t from, bool final, std::size_t& end) {
  std::size_t at = from;
  const std::size_t size = window_.size();
  const auto add_end = [&](std::size_t where) {
    if (end_count_ == ends_.size()) ends_.resize(ends_.size() * 2 + 1024);
    ends_[end_count_++] = static_cast<std::uint32_t>(where);
  };
  while (true) {
    if (at < size && format_.has_quote && window_[at] == static_cast<std::uint8_t>(format_.quote)) {
      Scan verdict = Scan::kRow;
      if (!scan_quoted(at, final, verdict)) return verdict;
      const bool returns = at < size && window_[at] == '\r';
      if (returns && at + 1 == size && !final) return Scan::kNeedMore;
      if (returns && (at + 1 == size || window_[at + 1] == '\n')) ++at;
      if (at < size && window_[at] != '\n' &&
          window_[at] != static_cast<std::uint8_t>(format_.delimiter))
        return Scan::kBroken;
    } else {
      while (at < size && window_[at] != '\n' &&
             window_[at] != static_cast<std::uint8_t>(format_.delimiter))
        ++at;
    }
    if (at == size && !final) return Scan::kNeedMore;
    add_end(at);
    if (at == size) return end = size, Scan::kRow;
    if (window_[at] == '\n') return end = at + 1, Scan::kRow;
    ++at;
    if (end_count_ > size_t{1} << 24) return Scan::kBroken;
  }
}

void CsvReader::add_row(std::size_t begin, std::size_t end, std::uint32_t first_cell,
                        std::uint32_t cells, Fault fault, bool check_utf8) {
  Row row;
  row.begin = static_cast<std::uint32_t>(begin);
  row.end = static_cast<std::uint32_t>(end);
  row.first_cell = first_cell;
  row.cells = cells;
  row.fault = fault;
  if (fault == Fault::kNone && cells == 1 && expected_ != 1 && without_line_end(text(row)).empty())
    return;  // A blank line is no record, unless records have a single cell.
  if (fault == Fault::kNone) {
    if (expected_ == 0) expected_ = cells;
    if (end - begin > record_bytes_max_ && without_line_end(text(row)).size() > record_bytes_max_)
      row.fault = Fault::kTooLong;
    else if (cells != expected_ && !format_.pad_ragged) row.fault = Fault::kRagged;
    else if (check_utf8 && !is_utf8(text(row))) row.fault = Fault::kUtf8;
  }
  rows_.push_back(row);
}

// Lets the kernel run over up to kIndexBytesMax bytes; returns where the last complete row ends.
std::size_t CsvReader::index_rows(std::size_t from, bool& irregular) {
  const std::size_t size = std::min(window_.size() - from, kIndexBytesMax);
  if (ends_.size() < end_count_ + size + kIndexSlack) ends_.resize(end_count_ + size + kIndexSlack);
  if (row_ends_.size() < size + kIndexSlack) row_ends_.resize(size + kIndexSlack);
  CsvIndex index;
  index.ends = ends_.data() + end_count_;
  index.row_ends = row_ends_.data();
  kernels_.csv(window_.data() + from, size, dialect_, index);
  irregular = index.irregular;
  if (from != 0)
    for (std::uint32_t i = 0; i < index.end_count; ++i)
      index.ends[i] += static_cast<std::uint32_t>(from);
  std::size_t begin = from;
  std::uint32_t cell = 0;
  for (std::uint32_t i = 0; i < index.row_count; ++i) {
    const std::uint32_t last = index.row_ends[i];
    const std::size_t end = std::size_t{index.ends[last - 1]} + 1;
    const bool ordinary =
        last - cell == expected_ && !index.beyond_ascii && end - begin <= record_bytes_max_;
    if (ordinary) [[likely]] {
      Row& row = rows_.emplace_back();
      row.begin = static_cast<std::uint32_t>(begin);
      row.end = static_cast<std::uint32_t>(end);
      row.first_cell = static_cast<std::uint32_t>(end_count_) + cell;
      row.cells = last - cell;
    } else
      add_row(begin, end, static_cast<std::uint32_t>(end_count_) + cell, last - cell, Fault::kNone,
              index.beyond_ascii);
    begin = end;
    cell = last;
  }
  end_count_ += index.end_count;
  return begin;
}

std::size_t CsvReader::cut(ByteView window, bool final) {
  window_ = window;
  rows_.clear();
  end_count_ = 0;
  std::size_t at = 0;
  while (at < window_.size()) {
    bool irregular = byte_by_byte_;
    if (!byte_by_byte_) {
      const std::size_t behind = index_rows(at, irregular);
      const bool progress = behind != at;
      at = behind;
      if (at == window_.size()) break;
      if (!irregular && progress) continue;  // A long window takes several calls.
    }
    if (format_.comment != 0 && window_[at] == static_cast<std::uint8_t>(format_.comment)) {
      const std::size_t end = line_after(at);
      if (window_[end - 1] != '\n' && !final) break;
      at = end;
      continue;
    }
    const auto first_cell = static_cast<std::uint32_t>(end_count_);
    std::size_t end = 0;
    const Scan verdict = scan(at, final, end);
    if (verdict == Scan::kNeedMore) {
      end_count_ = first_cell;
      break;
    }
    if (verdict == Scan::kBroken) {
      end_count_ = first_cell;
      end = line_after(at);
      if (window_[end - 1] != '\n' && !final) break;
      add_row(at, end, first_cell, 0, Fault::kCsv, false);
    } else {
      add_row(at, end, first_cell, static_cast<std::uint32_t>(end_count_) - first_cell,
              Fault::kNone, true);
    }
    at = end;
  }
  return at;
}

RecordReader::Oversize CsvReader::oversize(ByteView window) {
  window_ = window;
  const std::size_t end = line_after(0);
  const bool whole = window_[end - 1] == '\n';  // Then a quote ran on past the line.
  return {end, !whole};
}

std::optional<std::size_t> CsvReader::read_header(ByteView window, bool final,
                                                  std::vector<std::string>& names) {
  window_ = window;
  std::size_t at = 0;
  while (at < window_.size()) {
    end_count_ = 0;
    const bool comment =
        format_.comment != 0 && window_[at] == static_cast<std::uint8_t>(format_.comment);
    std::size_t end = 0;
    Scan verdict = Scan::kRow;
    if (comment) {
      end = line_after(at);
      if (window_[end - 1] != '\n' && !final) return 0;
    } else {
      verdict = scan(at, final, end);
    }
    if (verdict == Scan::kNeedMore) return 0;
    if (verdict == Scan::kBroken) return std::nullopt;
    Row row;
    row.begin = static_cast<std::uint32_t>(at);
    row.end = static_cast<std::uint32_t>(end);
    row.cells = static_cast<std::uint32_t>(end_count_);
    at = end;
    if (comment || (row.cells == 1 && without_line_end(text(row)).empty())) continue;
    if (!is_utf8(text(row))) return std::nullopt;
    Arena arena(1 << 24);
    for (std::uint32_t i = 0; i < row.cells; ++i) {
      const Value value = cell(row, i, arena);
      names.emplace_back(value.type == Type::kText ? value.text() : std::string_view());
    }
    return at;
  }
  return at;
}

std::string_view CsvReader::raw_cell(const Row& row, std::uint32_t column) const {
  if (column >= row.cells) return {};
  const std::uint32_t* ends = &ends_[row.first_cell];
  const std::uint32_t begin = column == 0 ? row.begin : ends[column - 1] + 1;
  std::uint32_t end = ends[column];
  if (column + 1 == row.cells && end > begin && window_[end - 1] == '\r') --end;
  return as_text(window_).substr(begin, end - begin);
}

std::string_view CsvReader::line_end(const Row& row) const {
  const std::string_view whole = text(row);
  if (whole.empty() || whole.back() != '\n') return "\n";
  return whole.size() >= 2 && whole[whole.size() - 2] == '\r' ? "\r\n" : "\n";
}

Value CsvReader::cell(const Row& row, std::uint32_t column, Arena& arena) const {
  if (column >= row.cells) return missing_value();
  const std::string_view raw = raw_cell(row, column);
  if (raw.empty()) return empty_is_null_ ? null_value() : text_value(Type::kText, raw);
  if (raw[0] != format_.quote || !format_.has_quote) {
    if (other_nulls_ && format_.is_null(raw)) return null_value();
    return text_value(Type::kText, raw);
  }
  const std::string_view inner =
      raw.substr(1, raw.size() - 2);  // Closed, or the row would be broken.
  if (std::memchr(inner.data(), format_.escape, inner.size()) == nullptr)
    return text_value(Type::kText, inner);
  char* const first = arena.take(inner.size() + 1);
  if (first == nullptr) return missing_value();
  char* at = first;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == format_.escape && i + 1 < inner.size()) ++i;
    *at++ = inner[i];
  }
  return text_value(Type::kText, {first, static_cast<std::size_t>(at - first)});
}

void CsvReader::gather(std::uint32_t first, std::size_t slot, Frame& frame) {
  Value* out = frame.slot(slot);
  const std::uint32_t column = columns_[slot];
  const std::uint16_t* selected = frame.selection(kAllRows);
  const std::uint32_t count = frame.selected[kAllRows];
  const Row* rows = rows_.data() + first;
  const char quote =
      format_.has_quote ? format_.quote : '\n';  // A cell never begins with a line feed.
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint16_t index = selected[i];
    const Row& row = rows[index];
    if (column >= row.cells) {
      out[index] = column == kAbsent ? null_value() : missing_value();
      continue;
    }
    const std::string_view raw = raw_cell(row, column);
    if (raw.empty() || raw[0] == quote || other_nulls_) {
      out[index] = cell(row, column, frame.arena);
      if (out[index].type == Type::kMissing) frame.fault(index, Fault::kTooLong, 0);
      continue;
    }
    out[index] = text_value(Type::kText, raw);
  }
}

void CsvReader::gather_where(std::uint32_t first, std::uint32_t, Frame& frame) {
  for (std::size_t i = 0; i < frame.program.slots.size(); ++i)
    if (frame.program.slots[i].used_by_where && frame.slot_is_object[i] == 0)
      gather(first, i, frame);
}

void CsvReader::gather_items(std::uint32_t first, Frame& frame) {
  for (std::size_t i = 0; i < frame.program.slots.size(); ++i)
    if (!frame.program.slots[i].used_by_where && frame.slot_is_object[i] == 0)
      gather(first, i, frame);
}

}  // namespace creel::filters
