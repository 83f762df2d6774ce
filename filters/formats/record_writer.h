#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/eval/program.h"
#include "filters/formats/csv_reader.h"
#include "filters/formats/ndjson_reader.h"

namespace creel::filters {

// A column of the output: a computed value, or a CSV cell as it stands.
struct OutputColumn {
  std::string name;
  bool is_cell = false;
  std::uint32_t cell = 0;
  Operand operand{};
  std::string json_key{};  // "name": with quotes, escapes and colon; made by prepare().
};

// Writes kept rows of a cut window behind each other. Steady state: no allocation but the growth of
// `out`.
class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  virtual void header(Bytes& out) = 0;
  // Row `index` of the frame, which is row first + index of the reader. Returns a fault if the row
  // cannot be written; then `out` is as before.
  virtual Fault write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) = 0;
};

// SELECT *: the record's bytes, untouched.
class CopyWriter final : public RecordWriter {
 public:
  CopyWriter(const RecordReader& reader, std::string header)
      : reader_(reader), header_(std::move(header)) {}
  void header(Bytes& out) override { append(out, header_); }
  Fault write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) override;

 private:
  const RecordReader& reader_;
  std::string header_;
};

class CsvWriter final : public RecordWriter {
 public:
  // `source` is null if the records are not CSV. With `with_header` the names are written first.
  CsvWriter(const CsvFormat& format, std::vector<OutputColumn> columns, const CsvReader* source,
            bool with_header);
  void header(Bytes& out) override;
  Fault write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) override;

 private:
  bool cell(std::string_view text, Bytes& out) const;
  Fault value(const Value& value, Bytes& out) const;

  const CsvFormat& format_;
  std::vector<OutputColumn> columns_;
  std::vector<std::uint32_t>
      runs_;  // How many cells from here on stand side by side in the record.
  const CsvReader* source_;
  bool with_header_;
};

class JsonWriterRows final : public RecordWriter {
 public:
  JsonWriterRows(std::vector<OutputColumn> columns, const CsvReader* source);
  void header(Bytes&) override {}
  Fault write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) override;

 private:
  std::vector<OutputColumn> columns_;
  const CsvReader* source_;
};

// * EXCEPT and REPLACE on NDJSON: the record's bytes but for the members named.
class JsonEditWriter final : public RecordWriter {
 public:
  JsonEditWriter(NdjsonReader& reader, std::vector<Operand> replacements)
      : reader_(reader), replacements_(std::move(replacements)) {}
  void header(Bytes&) override {}
  Fault write(std::uint32_t first, std::uint32_t index, Frame& frame, Bytes& out) override;

 private:
  NdjsonReader& reader_;
  std::vector<Operand> replacements_;
  std::vector<JsonEdit> edits_{};
};

// A JSON value; MISSING is the caller's to leave out.
void append_json_value(Bytes& out, const Value& value);

}  // namespace creel::filters
