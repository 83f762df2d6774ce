#include "filters/formats/record_writer.h"

#include <algorithm>

namespace creel::filters {
namespace {

void push(Bytes& out, char c) { out.push_back(static_cast<std::uint8_t>(c)); }

}  // namespace

void append_json_value(Bytes& out, const Value& value) {
  switch (value.type) {
    case Type::kMissing:
    case Type::kNull: append(out, "null"); return;
    case Type::kString:
    case Type::kText:
      push(out, '"');
      append_json_escaped(out, value.text());
      push(out, '"');
      return;
    case Type::kNumber:
    case Type::kJson: append(out, value.text()); return;
    default: break;
  }
  char text[64];
  const std::string_view printed(text, print_scalar(value, text, sizeof text));
  const bool quoted = value.type == Type::kTimestamp;
  if (quoted) push(out, '"');
  append(out, printed);
  if (quoted) push(out, '"');
}

Fault CopyWriter::write(std::uint32_t first, std::uint32_t index, Frame&, Bytes& out) {
  append(out, reader_.text(reader_.rows()[first + index]));
  return Fault::kNone;
}

CsvWriter::CsvWriter(const CsvFormat& format, std::vector<OutputColumn> columns,
                     const CsvReader* source, bool with_header)
    : format_(format),
      columns_(std::move(columns)),
      runs_(columns_.size(), 1),
      source_(source),
      with_header_(with_header) {
  for (std::size_t i = columns_.size(); i > 1; --i) {
    const OutputColumn& left = columns_[i - 2];
    const OutputColumn& right = columns_[i - 1];
    if (left.is_cell && right.is_cell && left.cell + 1 == right.cell)
      runs_[i - 2] = runs_[i - 1] + 1;
  }
}

void CsvWriter::header(Bytes& out) {
  if (!with_header_) return;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) push(out, format_.delimiter);
    // A name that cannot be written would need a quote the format does not have; it is cut then.
    if (!cell(columns_[i].name, out)) append(out, "_");
  }
  push(out, '\n');
}

// False if the text cannot be written in this format.
bool CsvWriter::cell(std::string_view text, Bytes& out) const {
  const char quote = format_.quote;
  bool needs = text.empty() || format_.is_null(text);
  for (const char c : text)
    needs = needs || c == format_.delimiter || c == '\n' || c == '\r' || c == quote;
  needs = needs || (format_.comment != 0 && text[0] == format_.comment);
  if (!needs) {
    append(out, text);
    return true;
  }
  if (!format_.has_quote) return false;
  if (!format_.quoted_newlines && text.find('\n') != std::string_view::npos) return false;
  push(out, quote);
  for (const char c : text) {
    if (c == quote || c == format_.escape) push(out, format_.escape);
    push(out, c);
  }
  push(out, quote);
  return true;
}

Fault CsvWriter::value(const Value& value, Bytes& out) const {
  if (value.is_null()) {
    if (!format_.null_texts.empty()) append(out, format_.null_texts[0]);
    return Fault::kNone;
  }
  if (value.is_text() || value.type == Type::kNumber || value.type == Type::kJson)
    return cell(value.text(), out) ? Fault::kNone : Fault::kCsv;
  char text[64];
  return cell({text, print_scalar(value, text, sizeof text)}, out) ? Fault::kNone : Fault::kCsv;
}

Fault CsvWriter::write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) {
  const std::size_t before = out.size();
  const Row* row = source_ != nullptr ? &source_->rows()[first + index] : nullptr;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const OutputColumn& column = columns_[i];
    if (i > 0) push(out, format_.delimiter);
    if (column.is_cell) {
      const std::string_view raw = source_->raw_cell(*row, column.cell);
      // First in its line now, the cell must not read as a comment.
      if (i == 0 && format_.comment != 0 && !raw.empty() && raw[0] == format_.comment) {
        cell(raw, out);
      } else if (runs_[i] > 1 && column.cell + runs_[i] <= row->cells) {
        i += runs_[i] - 1;
        const std::string_view last = source_->raw_cell(*row, columns_[i].cell);
        append(out, {raw.data(), static_cast<std::size_t>(last.data() + last.size() - raw.data())});
      } else {
        append(out, raw);
      }
      continue;
    }
    const Fault fault = value(lane(frame, column.operand)[index], out);
    if (fault == Fault::kNone) continue;
    out.resize(before);
    return fault;
  }
  append(out, row != nullptr ? source_->line_end(*row) : std::string_view("\n"));
  return Fault::kNone;
}

JsonWriterRows::JsonWriterRows(std::vector<OutputColumn> columns, const CsvReader* source)
    : columns_(std::move(columns)), source_(source) {
  for (OutputColumn& column : columns_) {
    Bytes key;
    push(key, '"');
    append_json_escaped(key, column.name);
    append(key, "\":");
    column.json_key = to_string(key);
  }
}

Fault JsonWriterRows::write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) {
  push(out, '{');
  bool any = false;
  for (const OutputColumn& column : columns_) {
    const Value value =
        column.is_cell ? source_->cell(source_->rows()[first + index], column.cell, frame.arena)
                       : lane(frame, column.operand)[index];
    if (value.type == Type::kMissing) continue;  // S3 Select leaves it out, too.
    if (any) push(out, ',');
    any = true;
    append(out, column.json_key);
    append_json_value(out, value);
  }
  append(out, "}\n");
  return Fault::kNone;
}

Fault JsonEditWriter::write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) {
  const std::string_view record = reader_.text(reader_.rows()[first + index]);
  const Fault fault = reader_.scanner().edits(record, edits_, frame.arena);
  if (fault != Fault::kNone) return fault;
  // A cut takes the comma behind the member; for the last ones of an object, the comma before.
  std::size_t done = 0;
  for (std::size_t i = 0; i < edits_.size(); ++i) {
    const JsonEdit& edit = edits_[i];
    if (edit.replace != JsonTree::kNone) {
      append(out, record.substr(done, edit.begin - done));
      append_json_value(out, lane(frame, replacements_[edit.replace])[index]);
      done = edit.end;
      continue;
    }
    std::size_t begin = edit.begin;
    std::size_t end = edit.end;
    std::size_t comma = end;
    while (record[comma] == ' ' || record[comma] == '\t' || record[comma] == '\r') ++comma;
    if (record[comma] == ',') {
      end = comma + 1;
      while (record[end] == ' ' || record[end] == '\t') ++end;
      append(out, record.substr(done, begin - done));
    } else {
      append(out, record.substr(done, begin - done));
      // What is written so far ends with the comma of the member before, or with the brace.
      while (!out.empty() && (out.back() == ' ' || out.back() == '\t')) out.pop_back();
      if (!out.empty() && out.back() == ',') out.pop_back();
    }
    done = end;
  }
  append(out, record.substr(done));
  return Fault::kNone;
}

}  // namespace creel::filters
