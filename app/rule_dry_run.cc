#include "app/rule_dry_run.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "filters/eval/input_stage.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/disk.h"

namespace creel::app {
namespace {

constexpr std::size_t kPieceBytes = 256 * KiB;
constexpr std::size_t kCompareBytes = 1 * MiB;  // Of input and output, plain.
constexpr std::size_t kLinesShown = 5;
constexpr std::size_t kLineShown = 200;
constexpr std::size_t kOutputShown = 600;

// The first `kCompareBytes` of a stream, inflated; what comes behind is only counted by others.
class Beginning {
 public:
  void add(ByteView piece) {
    Bytes room(64 * KiB);
    while (!broken_ && plain_.size() < kCompareBytes) {
      const Result<std::size_t> made = stage_.run(piece, room);
      if (!made.ok()) broken_ = true;
      else plain_.append(as_text(ByteView(room.data(), made.value())));
      if (broken_ || (piece.empty() && made.value() == 0)) break;
    }
  }
  // Whole lines only, unless the stream is shorter than the bound.
  std::string take() {
    Bytes room(64 * KiB);
    while (!broken_ && plain_.size() < kCompareBytes) {
      const Result<std::size_t> made = stage_.drain(room);
      if (!made.ok() || made.value() == 0) break;
      plain_.append(as_text(ByteView(room.data(), made.value())));
    }
    if (plain_.size() >= kCompareBytes) plain_.resize(plain_.rfind('\n') + 1);
    return std::move(plain_);
  }

 private:
  filters::InputStage stage_{filters::InputStage::Limits{1 * GiB, 8 * MiB}};
  std::string plain_;
  bool broken_ = false;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

std::vector<DiffLine> missing_from(const std::vector<std::string_view>& lines,
                                   const std::vector<std::string_view>& other) {
  const std::set<std::string_view> known(other.begin(), other.end());
  std::vector<DiffLine> found;
  for (std::size_t i = 0; i < lines.size() && found.size() < kLinesShown; ++i)
    if (!known.contains(lines[i]))
      found.push_back({i + 1, std::string(lines[i].substr(0, kLineShown))});
  return found;
}

void compare(DryRun& run, std::string_view in, std::string_view out) {
  const std::vector<std::string_view> in_lines = lines_of(in);
  const std::vector<std::string_view> out_lines = lines_of(out);
  run.only_in = missing_from(in_lines, out_lines);
  run.only_out = missing_from(out_lines, in_lines);
  std::string_view shown = out.substr(0, kOutputShown);
  if (shown.size() < out.size()) shown = shown.substr(0, shown.rfind('\n') + 1);
  run.output = shown;
}

// The rule's filter over the file. Fills everything but the decision.
class Evaluation {
 public:
  Evaluation(DryRun& run, const filters::Rule& rule)
      : run_(run), filter_(filters::RecordFilter::make(rule, run.object)) {}

  bool push(ByteView piece) {
    in_.add(piece);
    const bool fine = filter_->push(piece).ok() && !filter_->sends_raw();
    collect();
    return fine;
  }
  void finish() {
    if (!filter_->held() && !filter_->sends_raw()) {
      const Result<Unit> ended = filter_->finish();
      collect();
      if (!ended.ok()) run_.detail = ended.error().detail;
    }
    run_.counters = filter_->counters();
    if (filter_->held()) {
      run_.reason = filters::held_name(*filter_->held());
      run_.detail = filter_->held_detail();
      return;  // Nothing leaves: verdict stays kHeld, output and letters are thrown away.
    }
    if (filter_->sends_raw()) {
      run_.verdict = edge::FilterVerdict::kSendRaw;
      run_.bytes_out = run_.object.size;
      return;
    }
    const bool empty = run_.counters.kept == 0;
    run_.verdict = empty ? edge::FilterVerdict::kDrop : edge::FilterVerdict::kFiltered;
    if (empty) run_.reason = "empty";
    run_.bytes_out = empty ? 0 : run_.counters.bytes_out;
    run_.content_type = filter_->output_content_type();
    run_.zstd = filter_->output_is_zstd();
    compare(run_, in_.take(), out_.take());
    for (const std::string_view line : lines_of(as_text(letters_)))
      if (run_.dead_letters.size() < kLinesShown) run_.dead_letters.emplace_back(line);
  }

 private:
  void collect() {
    const Bytes output = filter_->take_output();
    out_.add(output);
    Bytes letters = filter_->take_dead_letters();
    if (letters_.size() < kCompareBytes) append(letters_, ByteView(letters));
  }

  DryRun& run_;
  std::unique_ptr<filters::RecordFilter> filter_;
  Beginning in_, out_;
  Bytes letters_;
};

Task<Result<Unit>> evaluate(Ctx& ctx, File& file, DryRun& run, const filters::Rule& rule) {
  Evaluation evaluation(run, rule);
  Bytes piece(kPieceBytes);
  std::uint64_t offset = 0;
  bool more = true;
  while (more) {
    CO_TRY(got, co_await file.read(ctx, offset, piece));
    offset += got;
    more = got > 0 && evaluation.push(ByteView(piece.data(), got));
  }
  evaluation.finish();
  co_return Unit{};
}

void decide_plain(DryRun& run, const filters::Decision& decision) {
  switch (decision.action) {
    case filters::Action::kReplicate:
      run.verdict = edge::FilterVerdict::kSendRaw;
      run.bytes_out = run.object.size;
      break;
    case filters::Action::kDrop:
      run.verdict = edge::FilterVerdict::kDrop;
      run.reason = decision.rule != nullptr ? "rule" : "default";
      break;
    default:
      run.verdict = edge::FilterVerdict::kHeld;
      run.reason = decision.match_failed ? "match" : "hold";
      run.detail =
          decision.rule != nullptr ? "the rule holds it" : "no rule matches; default = hold";
  }
}

std::string ratio_text(std::uint64_t in, std::uint64_t out) {
  char text[64];
  if (in == 0) return "";
  if (out == 0) return ", all of it stays";
  std::snprintf(text, sizeof text, ", %.1f %%, %.1f : 1",
                100.0 * static_cast<double>(out) / static_cast<double>(in),
                static_cast<double>(in) / static_cast<double>(out));
  return text;
}

void add_lines(std::string& out, std::string_view title, const std::vector<DiffLine>& lines) {
  if (lines.empty()) return;
  out += cat(title, '\n');
  for (const DiffLine& line : lines) out += cat("  ", line.line, ": ", line.text, '\n');
}

void json_lines(JsonWriter& json, std::string_view name, const std::vector<DiffLine>& lines) {
  json.name(name).begin_array();
  for (const DiffLine& line : lines)
    json.begin_object().field("line", line.line).field("text", line.text).end_object();
  json.end_array();
}

}  // namespace

Task<Result<DryRun>> dry_run(Ctx& ctx, Platform& platform, DryRunInput input) {
  OpenOptions how;
  CO_TRY(file, co_await platform.disk.open(ctx, input.path, how));
  CO_TRY(size, co_await file->size(ctx));
  DryRun run;
  run.object = std::move(input.object);
  run.object.size = size;
  const filters::Decision decision = input.rules->decide(run.object, input.target);
  run.action = decision.action;
  if (decision.rule != nullptr) {
    run.rule = decision.rule->name;
    run.identity = decision.rule->identity_hex();
  }
  if (decision.action == filters::Action::kFilter && !decision.match_failed)
    CO_DO(co_await evaluate(ctx, *file, run, *decision.rule));
  else decide_plain(run, decision);
  co_return std::move(run);
}

std::string dry_run_text(const DryRun& run) {
  std::string out =
      cat("object    ", run.object.bucket, '/', run.object.key, ", ", run.object.size, " bytes\n");
  out += run.rule.empty()
             ? std::string("decision  no rule matches, the default decides: ")
             : cat("decision  rule ", run.rule, " @", run.identity.substr(0, 12), ": ");
  out += cat(filters::action_name(run.action), '\n');
  out += cat("outcome   ", run.verdict == edge::FilterVerdict::kSendRaw
                               ? "sent as it is"
                               : edge::verdict_name(run.verdict));
  if (!run.reason.empty()) out += cat(" (", run.reason, ')');
  if (!run.detail.empty()) out += cat(": ", run.detail);
  out += '\n';
  if (run.verdict == edge::FilterVerdict::kHeld) return out;
  if (run.action == filters::Action::kFilter) {
    const filters::Counters& c = run.counters;
    out += cat("records   ", c.rows, " in = ", c.kept, " kept + ", c.dropped, " dropped + ", c.dead,
               " dead letters\n");
  }
  out += cat("bytes     ", run.object.size, " in, ", run.bytes_out, " out",
             ratio_text(run.object.size, run.bytes_out));
  if (!run.content_type.empty()) out += cat(", ", run.content_type, run.zstd ? " in zstd" : "");
  out += '\n';
  add_lines(out, "only in the input (line: record)", run.only_in);
  add_lines(out, "only in the output", run.only_out);
  if (!run.dead_letters.empty()) out += "dead letters\n";
  for (const std::string& letter : run.dead_letters)
    out += cat("  ", letter.substr(0, 2 * kLineShown), '\n');
  if (!run.output.empty()) out += cat("output begins\n", run.output);
  if (out.back() != '\n') out += '\n';
  return out;
}

std::string dry_run_json(const DryRun& run) {
  std::string out;
  JsonWriter json(out);
  const filters::Counters& c = run.counters;
  json.begin_object();
  json.field("bucket", run.object.bucket)
      .field("key", run.object.key)
      .field("size", run.object.size);
  json.field("rule", run.rule).field("identity", run.identity);
  json.field("decision", filters::action_name(run.action));
  json.field("outcome", edge::verdict_name(run.verdict));
  json.field("reason", run.reason).field("detail", run.detail);
  json.name("records").begin_object();
  json.field("in", c.rows).field("kept", c.kept).field("dropped", c.dropped).field("dead", c.dead);
  json.field("unknown", c.unknown).field("over_limit", c.over_limit).field("errors", c.errors);
  json.end_object();
  json.name("bytes").begin_object();
  json.field("in", run.object.size).field("inflated", c.bytes_inflated).field("out", run.bytes_out);
  json.field("dead_letters", c.dead_bytes);
  json.end_object();
  json.field("content_type", run.content_type).field("zstd", run.zstd);
  json_lines(json, "only_in_input", run.only_in);
  json_lines(json, "only_in_output", run.only_out);
  json.name("dead_letters").begin_array();
  for (const std::string& letter : run.dead_letters) json.raw(letter);
  json.end_array();
  json.field("output", run.output);
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace creel::app
