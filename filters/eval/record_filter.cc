#include "filters/eval/record_filter.h"

#include <algorithm>
#include <cstring>

#include "filters/eval/bind.h"
#include "filters/eval/dead_letters.h"
#include "filters/eval/input_stage.h"
#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel::filters {
namespace {

constexpr std::size_t kWindowBytes = 64 * 1024;
constexpr std::size_t kSniffBytes = 4096;
constexpr std::uint64_t kErrorsJudgedAfter = 10'000;  // Rows.
constexpr std::uint64_t kZstdWindowLeast = 2 * MiB;

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return as_text({data, size});
}

// What no text file starts with. NUL bytes and bad UTF-8 tell most; these would pass as text for a
// while.
bool looks_binary(std::string_view head, bool cut) {
  if (head.find('\0') != std::string_view::npos) return true;
  for (const std::string_view magic : {"%PDF-", "PAR1", "BZh", "PK\x03\x04", "Obj\x01"})
    if (head.substr(0, magic.size()) == magic) return true;
  for (int i = 0; i < 4; ++i) {
    if (is_utf8(head)) return false;
    if (!cut || head.empty()) return true;
    head.remove_suffix(1);  // The end may fall into a character.
  }
  return true;
}

class Pipeline final : public RecordFilter {
 public:
  Pipeline(const Rule& rule, const ObjectInfo& object, FilterOptions options)
      : rule_(rule),
        object_(object),
        options_(options),
        input_({rule.max_inflated, std::max(kZstdWindowLeast, rule.state_memory)}) {
    if (rule.key_missing) hold(HeldReason::kKey, cat("key '", rule.key_id, "' cannot be read"));
  }

  Result<Unit> push(ByteView input) override {
    check(!finished_);
    while (!held_ && !raw_) {
      MutableBytes room = prepare_room();
      auto made = input_.run(input, room);
      if (!made.ok()) return hold_input(made.error());
      filled_ += made.value();
      counters_.bytes_in = input_.bytes_in();
      counters_.bytes_inflated = input_.bytes_out();
      if (filled_ == buffer_.size()) process(false);
      else if (input.empty() && made.value() == 0) break;
      else if (made.value() == 0) check(false);  // The stages promise progress.
    }
    return state();
  }

  Result<Unit> finish() override {
    check(!finished_);
    while (!held_ && !raw_) {
      MutableBytes room = prepare_room();
      auto made = input_.drain(room);
      if (!made.ok()) return hold_input(made.error());
      filled_ += made.value();
      counters_.bytes_inflated = input_.bytes_out();
      if (made.value() == 0) break;
      if (filled_ == buffer_.size()) process(false);
    }
    counters_.bytes_in = input_.bytes_in();
    if (!held_ && !raw_) process(true);
    if (!held_ && !raw_) end_skip();
    if (!held_ && too_many_errors()) hold_errors();
    if (!held_ && !raw_ && output_ != nullptr) {
      flush_plain();  // A header without records is still here.
      const std::size_t before = out_.size();
      const auto ended = output_->finish(out_);
      if (!ended.ok()) return ended.error();
      counters_.bytes_out += out_.size() - before;
    }
    finished_ = !held_;
    check(held_ || raw_ || counters_.rows == counters_.kept + counters_.dropped + counters_.dead);
    return state();
  }

  Bytes take_output() override {
    if (held_) return {};
    return std::exchange(out_, {});
  }
  Bytes take_dead_letters() override {
    if (held_) return {};
    return std::exchange(letters_, {});
  }
  const Counters& counters() const override { return counters_; }
  std::optional<HeldReason> held() const override { return held_; }
  const std::string& held_detail() const override { return detail_; }
  bool sends_raw() const override { return raw_ && !held_; }
  std::string_view output_content_type() const override {
    if (plan_ == nullptr) return "application/octet-stream";
    return plan_->output == RecordFormat::kCsv ? "text/csv" : "application/x-ndjson";
  }
  bool output_is_zstd() const override { return output_ != nullptr && output_->is_zstd(); }

 private:
  Result<Unit> state() const {
    if (!held_) return Unit{};
    return fail(ErrorCode::kInvalid, cat("held: ", held_name(*held_), ": ", detail_));
  }

  void hold(HeldReason reason, std::string detail) {
    if (held_) return;
    held_ = reason;
    detail_ = std::move(detail);
    out_ = {};
    letters_ = {};
    plain_ = {};
  }
  Result<Unit> hold_input(const Error& error) {
    if (error.code == ErrorCode::kUnavailable) return error;  // Ours, not the object's.
    hold(error.code == ErrorCode::kTooLarge ? HeldReason::kBomb : HeldReason::kTruncated,
         error.detail);
    return state();
  }
  bool too_many_errors() const {
    return options_.judge_errors && rule_.max_errors.exceeded(counters_.errors, counters_.rows);
  }
  void hold_errors() {
    hold(HeldReason::kMaxErrors,
         cat(counters_.errors, " of ", counters_.rows, " records failed, more than max_errors"));
  }

  MutableBytes prepare_room() {
    if (buffer_.empty()) buffer_.resize(kWindowBytes);
    return MutableBytes(buffer_).subspan(filled_);
  }

  void drop_front(std::size_t bytes) {
    filled_ -= bytes;
    if (filled_ != 0 && bytes != 0) std::memmove(buffer_.data(), buffer_.data() + bytes, filled_);
    base_ += bytes;
  }

  // Works off the buffer. Afterwards it has room again, unless the object is held.
  void process(bool final) {
    if (!started_ && !start(final)) return;
    if (skipping_ && !skip(final)) return;
    if (header_due_ && !take_header(final)) return;
    if (filled_ == 0) return;
    const ByteView window(buffer_.data(), filled_);
    const std::size_t consumed = reader_->cut(window, final);
    if (!reader_->rows().empty()) rows_of_window();
    if (held_) return;
    drop_front(consumed);
    flush_plain();
    if (counters_.rows >= kErrorsJudgedAfter && too_many_errors()) hold_errors();
    if (consumed == 0 && !final) grow_or_give_up();
    else if (buffer_.size() > kWindowBytes && filled_ < kWindowBytes / 2)
      buffer_.resize(kWindowBytes);
  }

  // Twice the room, so that looking again and again at a long record costs no more than twice its
  // length.
  void grow_or_give_up() {
    if (filled_ <= rule_.max_record + 2) {  // Two for the line end.
      buffer_.resize(std::min<std::size_t>(buffer_.size() * 2, rule_.max_record + kWindowBytes));
      return;
    }
    const RecordReader::Oversize over = reader_->oversize({buffer_.data(), filled_});
    begin_letter(over.bytes);
    drop_front(over.bytes);
    skipping_ = over.skip_to_newline;
    if (!skipping_) end_skip();
  }

  void begin_letter(std::size_t bytes) {
    skip_pending_ = true;
    skip_offset_ = base_;
    const std::string_view raw = text_of(buffer_.data(), bytes);
    skip_raw_.assign(raw.substr(0, kDeadRawMax));
    skip_length_ = bytes;
    if (!raw.empty() && raw.back() == '\n') skip_length_ = without_line_end(raw).size();
  }

  // Drops up to and with the next line feed. False if there is none yet.
  bool skip(bool) {
    const std::size_t at = byte_kernels().newline(buffer_.data(), 0, filled_);
    const bool found = at < filled_;
    skip_length_ += at;
    drop_front(found ? at + 1 : filled_);
    if (!found) return false;
    skipping_ = false;
    end_skip();
    return true;
  }

  // The oversized record is over: it counts as one that failed.
  void end_skip() {
    if (!skip_pending_) return;
    skip_pending_ = false;
    skipping_ = false;
    ++counters_.rows;
    DeadLetter letter;
    letter.offset = skip_offset_;
    letter.length = skip_length_;
    letter.row = counters_.rows;
    letter.fault = Fault::kTooLong;
    letter.raw = skip_raw_;
    ++counters_.errors;
    if (rule_.on_error == OnError::kFailObject) {
      hold(HeldReason::kMaxErrors, "a record is longer than max_record and on_error = fail_object");
    } else if (rule_.on_error == OnError::kDeadLetter || rule_.on_error == OnError::kPass) {
      ++counters_.dead;  // Never passed on: it is not here in full.
      add_letter(letter);
    } else {
      ++counters_.dropped;
    }
  }

  // The first window: what the bytes are, which plan fits. False if nothing more is to be done.
  bool start(bool final) {
    started_ = true;
    const std::size_t head = std::min(filled_, kSniffBytes);
    if (looks_binary(text_of(buffer_.data(), head), !final || filled_ > head)) {
      if (rule_.binary_replicate) raw_ = true;
      else hold(HeldReason::kBinary, "the first bytes are no UTF-8 text");
      return false;
    }
    const auto format = detect_format(rule_, object_);
    if (!format) {
      hold(HeldReason::kCompile,
           "neither Content-Type nor suffix tells CSV or NDJSON; set format.type");
      return false;
    }
    plan_ = rule_.plan(*format);
    if (plan_ == nullptr) {
      hold(HeldReason::kCompile, "the statement does not fit this object's format");
      return false;
    }
    const bool packed = input_.codec() != Codec::kRaw;
    const bool zstd =
        rule_.compress == Compress::kZstd || (rule_.compress == Compress::kSame && packed);
    output_ = std::make_unique<OutputStage>(zstd);
    frame_ = std::make_unique<Frame>(
        plan_->program, rule_.key.get(),
        static_cast<std::size_t>(std::max(rule_.state_memory, 4 * rule_.max_record)));
    bind_object(*frame_, object_);
    if (text_of(buffer_.data(), filled_).substr(0, 3) == "\xef\xbb\xbf") drop_front(3);
    if (plan_->input == RecordFormat::kCsv) {
      auto reader = std::make_unique<CsvReader>(rule_.csv, rule_.max_record, byte_kernels());
      csv_ = reader.get();
      reader_ = std::move(reader);
      header_due_ = rule_.csv.header == CsvFormat::Header::kUse ||
                    rule_.csv.header == CsvFormat::Header::kIgnore;
      if (rule_.csv.header == CsvFormat::Header::kNames) set_names(rule_.csv.names);
    } else {
      auto reader = std::make_unique<NdjsonReader>(plan_->tree, rule_.max_record, byte_kernels());
      make_json_writer(*reader);
      reader_ = std::move(reader);
    }
    return !held_;
  }

  void set_names(std::vector<std::string> names) {
    names_ = std::move(names);
    csv_->expect_cells(static_cast<std::uint32_t>(names_.size()));
  }

  bool take_header(bool final) {
    std::vector<std::string> names;
    const auto consumed = csv_->read_header({buffer_.data(), filled_}, final, names);
    if (!consumed) {
      hold(HeldReason::kColumns, "the header line cannot be read");
      return false;
    }
    if (names.empty() && *consumed == 0) {
      if (final) return false;  // Nothing but blank lines: no records either.
      if (filled_ > rule_.max_record + 2)
        hold(HeldReason::kColumns, "the header is longer than max_record");
      else buffer_.resize(buffer_.size() * 2);
      return false;
    }
    if (names.empty()) {  // Blank or comment lines only, so far.
      drop_front(*consumed);
      return false;
    }
    if (names.size() > kColumnsMax) {
      hold(HeldReason::kColumns, cat("more than ", kColumnsMax, " columns"));
      return false;
    }
    header_due_ = false;
    header_line_ = std::string(text_of(buffer_.data(), *consumed));
    if (!header_line_.empty() && header_line_.back() != '\n') header_line_ += '\n';
    drop_front(*consumed);
    if (rule_.csv.header == CsvFormat::Header::kUse) {
      set_names(std::move(names));
      make_csv_writer(static_cast<std::uint32_t>(names_.size()));
    } else {
      csv_->expect_cells(static_cast<std::uint32_t>(names.size()));
    }
    return !held_;
  }

  // Without a header the first window decides how many cells there are.
  std::uint32_t cells_of_window() const {
    if (!names_.empty()) return static_cast<std::uint32_t>(names_.size());
    for (const Row& row : reader_->rows())
      if (row.fault == Fault::kNone) return row.cells;
    return 0;
  }

  void make_csv_writer(std::uint32_t cells) {
    CsvBinding binding;
    std::string reason;
    if (!bind_csv(rule_, *plan_, names_, cells, binding, reason)) {
      hold(HeldReason::kColumns, std::move(reason));
      return;
    }
    csv_->bind(std::move(binding.slots));
    const bool header = rule_.csv.header == CsvFormat::Header::kUse;
    if (plan_->shape == Plan::Shape::kCopy)
      writer_ = std::make_unique<CopyWriter>(*csv_, header ? header_line_ : std::string());
    else if (plan_->output == RecordFormat::kCsv)
      writer_ = std::make_unique<CsvWriter>(rule_.csv, std::move(binding.columns), csv_, header);
    else writer_ = std::make_unique<JsonWriterRows>(std::move(binding.columns), csv_);
    writer_->header(plain_);
  }

  void make_json_writer(NdjsonReader& reader) {
    if (plan_->shape == Plan::Shape::kCopy) {
      writer_ = std::make_unique<CopyWriter>(reader, std::string());
    } else if (plan_->shape == Plan::Shape::kJsonEdit) {
      std::vector<Operand> replacements;
      for (const Plan::Change& change : plan_->replace) replacements.push_back(change.operand);
      writer_ = std::make_unique<JsonEditWriter>(reader, std::move(replacements));
    } else {
      std::vector<OutputColumn> columns;
      for (const Plan::Column& column : plan_->columns) {
        OutputColumn made;
        made.name = column.name;
        made.operand = column.operand;
        columns.push_back(std::move(made));
      }
      if (plan_->output == RecordFormat::kCsv)
        writer_ = std::make_unique<CsvWriter>(rule_.csv, std::move(columns), nullptr, true);
      else writer_ = std::make_unique<JsonWriterRows>(std::move(columns), nullptr);
    }
    writer_->header(plain_);
  }

  void rows_of_window() {
    if (writer_ == nullptr) {
      const std::uint32_t cells = cells_of_window();
      if (cells == 0) return all_broken();
      make_csv_writer(cells);
      if (held_) return;
    }
    const auto count = static_cast<std::uint32_t>(reader_->rows().size());
    for (std::uint32_t first = 0; first < count && !held_; first += frame_->capacity)
      batch(first, std::min(frame_->capacity, count - first));
  }

  // Not one record of a headerless file is whole yet, so the columns are unknown.
  void all_broken() {
    for (std::uint32_t i = 0; i < reader_->rows().size() && !held_; ++i) {
      ++counters_.rows;
      failed(i, reader_->rows()[i].fault, 0, counters_.rows);
    }
  }

  void batch(std::uint32_t first, std::uint32_t count) {
    Frame& frame = *frame_;
    const Program& program = plan_->program;
    const std::vector<Row>& rows = reader_->rows();
    frame.begin(count);
    for (std::uint32_t i = 0; i < count; ++i)
      if (rows[first + i].fault != Fault::kNone) [[unlikely]]
        frame.fault(i, rows[first + i].fault, 0);
    reader_->gather_where(first, count, frame);
    if (frame.any_fault) drop_failed();
    if (program.where) {
      run(frame, program.where_ops);
      counters_.unknown += keep_true(frame, *program.where);
    }
    reader_->gather_items(first, frame);
    if (frame.any_fault) drop_failed();
    run(frame, program.item_ops);
    if (frame.any_fault) {
      drop_failed();
      if (!check_faults(count)) return;
    }
    take_kept(first, count);
  }

  // Failed rows leave selection 0.
  void drop_failed() {
    std::uint16_t* rows = frame_->selection(kAllRows);
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < frame_->selected[kAllRows]; ++i) {
      rows[kept] = rows[i];
      kept += frame_->faults[rows[i]] == Fault::kNone;
    }
    frame_->selected[kAllRows] = kept;
  }

  // Faults that hold the object. Nothing of this batch is written then.
  bool check_faults(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const Fault fault = frame_->faults[i];
      if (fault == Fault::kNone) continue;
      const std::uint64_t row = counters_.rows + i + 1;
      const std::string& column = plan_->program.labels[frame_->fault_labels[i]];
      if (fault == Fault::kRedaction && !rule_.redact_error_dead_letter)
        hold(HeldReason::kRedaction,
             cat("record ", row, ": column '", column, "' cannot be redacted"));
      else if (fault == Fault::kColumns)
        hold(HeldReason::kColumns, cat("record ", row, " has a key that is not declared"));
      else if (rule_.on_error == OnError::kFailObject)
        hold(HeldReason::kMaxErrors, cat("record ", row, ": ", fault_name(fault), " in '", column,
                                         "' and on_error = fail_object"));
      if (held_) return false;
    }
    return true;
  }

  void take_kept(std::uint32_t first, std::uint32_t count) {
    Frame& frame = *frame_;
    const std::uint64_t rows_before = counters_.rows;
    counters_.rows += count;
    const std::uint16_t* kept = frame.selection(kAllRows);
    const std::uint32_t kept_count = frame.selected[kAllRows];
    if (!frame.any_fault && !rule_.where_false_dead_letter) {
      for (std::uint32_t i = 0; i < kept_count; ++i) write(first, kept[i], rows_before);
      counters_.dropped += count - kept_count;
      return;
    }
    std::uint32_t next = 0;
    for (std::uint32_t row = 0; row < count && !held_; ++row) {
      const Fault fault = frame.faults[row];
      if (next < kept_count && kept[next] == row) {
        ++next;
        write(first, row, rows_before);
      } else if (fault != Fault::kNone) {
        failed(first + row, fault, frame.fault_labels[row], rows_before + row + 1);
      } else if (rule_.where_false_dead_letter) {
        ++counters_.dead;
        letter_of(first + row, Fault::kWhere, 0, rows_before + row + 1);
      } else {
        ++counters_.dropped;
      }
    }
  }

  void write(std::uint32_t first, std::uint32_t row, std::uint64_t rows_before) {
    const auto& limit = rule_.statement->limit;
    if (limit && counters_.kept - counters_.passed >= *limit) {
      ++counters_.over_limit;
      ++counters_.dropped;
      return;
    }
    const Fault fault = writer_->write(first, row, *frame_, plain_);
    if (fault != Fault::kNone) return failed(first + row, fault, 0, rows_before + row + 1);
    ++counters_.kept;
  }

  // A record that failed, by on_error.
  void failed(std::uint32_t index, Fault fault, std::uint16_t label, std::uint64_t row) {
    ++counters_.errors;
    switch (rule_.on_error) {
      case OnError::kDrop: ++counters_.dropped; return;
      case OnError::kPass:
        ++counters_.passed;
        ++counters_.kept;
        append(plain_, reader_->text(reader_->rows()[index]));
        return;
      case OnError::kFailObject:
        hold(HeldReason::kMaxErrors,
             cat("record ", row, ": ", fault_name(fault), " and on_error = fail_object"));
        return;
      case OnError::kDeadLetter: break;
    }
    ++counters_.dead;
    letter_of(index, fault, label, row);
  }

  void letter_of(std::uint32_t index, Fault fault, std::uint16_t label, std::uint64_t row) {
    const Row& record = reader_->rows()[index];
    DeadLetter letter;
    letter.offset = base_ + record.begin;
    letter.raw = without_line_end(reader_->text(record));
    letter.length = letter.raw.size();
    letter.row = row;
    letter.fault = fault;
    letter.column = plan_->program.labels[label];
    add_letter(letter);
  }

  void add_letter(const DeadLetter& letter) {
    const std::size_t before = letters_.size();
    append_dead_letter(letters_, letter);
    counters_.dead_bytes += letters_.size() - before;
    if (counters_.dead_bytes > kDeadBytesMax)
      hold(HeldReason::kDlqFull, "dead letters exceed 16 MiB");
  }

  void flush_plain() {
    if (plain_.empty()) return;
    const std::size_t before = out_.size();
    const auto written = output_->write(plain_, out_);
    check(written.ok());  // The compressor was made with fixed, valid options.
    counters_.bytes_out += out_.size() - before;
    plain_.clear();
  }

  const Rule& rule_;
  const ObjectInfo object_;
  FilterOptions options_;
  InputStage input_;
  const Plan* plan_ = nullptr;
  std::unique_ptr<RecordReader> reader_{};
  CsvReader* csv_ = nullptr;  // reader_, if the records are CSV.
  std::unique_ptr<Frame> frame_{};
  std::unique_ptr<RecordWriter> writer_{};
  std::unique_ptr<OutputStage> output_{};
  Bytes buffer_{};
  std::size_t filled_ = 0;
  std::uint64_t base_ = 0;  // Offset of the buffer's first byte in the plain stream.
  bool started_ = false;
  bool finished_ = false;
  bool raw_ = false;
  bool header_due_ = false;
  std::string header_line_{};
  std::vector<std::string> names_{};
  bool skipping_ = false;
  bool skip_pending_ = false;
  std::uint64_t skip_offset_ = 0;
  std::uint64_t skip_length_ = 0;
  std::string skip_raw_{};
  Bytes plain_{};
  Bytes out_{};
  Bytes letters_{};
  Counters counters_{};
  std::optional<HeldReason> held_{};
  std::string detail_{};
};

}  // namespace

std::unique_ptr<RecordFilter> RecordFilter::make(const Rule& rule, const ObjectInfo& object,
                                                 FilterOptions options) {
  check(rule.action == Action::kFilter && rule.statement != nullptr);
  return std::make_unique<Pipeline>(rule, object, options);
}

}  // namespace creel::filters
