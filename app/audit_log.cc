#include "app/audit_log.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/cpu/hash.h"

namespace creel::app {
namespace {

constexpr std::size_t kTailBytes = 64 * KiB;  // Longer than any line.
constexpr std::size_t kValueBytesMax = 4'096;
constexpr std::string_view kHashMark = ",\"hash\":\"";

std::string no_hash() { return std::string(64, '0'); }

void add_text(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.field(name, text.substr(0, kValueBytesMax));
}

// `{"n":7,"prev":"…",` in front of the entry's fields, its hash behind them.
std::string chained(std::uint64_t number, std::string& hash, std::string_view fields) {
  std::string line = cat("{\"n\":", number, ",\"prev\":\"", hash, "\",", fields);
  hash = hex_encode(Sha256::of(as_bytes(line)));
  return cat(line, kHashMark, hash, "\"}\n");
}

struct Link {
  std::uint64_t number = 0;
  std::string prev, hash;
};

// A line's place in the chain, if its own hash is right.
Result<Link> read_link(std::string_view line) {
  const std::size_t mark = line.rfind(kHashMark);
  const Result<JsonDoc> doc = JsonDoc::parse(as_bytes(line));
  if (!doc.ok() || mark == std::string_view::npos)
    return fail(ErrorCode::kCorrupt, "is no line of an audit log");
  const JsonValue root = doc.value().root();
  Link link;
  link.number = root.find("n").as_u64().value_or(0);
  link.prev = root.find("prev").as_string().value_or("");
  link.hash = root.find("hash").as_string().value_or("");
  if (hex_encode(Sha256::of(as_bytes(line.substr(0, mark)))) != link.hash)
    return fail(ErrorCode::kCorrupt, "was changed: its hash does not match");
  return link;
}

}  // namespace

Task<Result<std::unique_ptr<AuditLog>>> AuditLog::open(
    Ctx& ctx, Disk& disk, std::string path, std::uint64_t bytes_max,
    std::function<void(std::string_view)> alarm) {
  std::unique_ptr<AuditLog> log(new AuditLog(disk, std::move(path), bytes_max));
  log->alarm_ = std::move(alarm);
  log->hash_ = no_hash();
  CO_DO(co_await log->open_file(ctx));
  if (log->size_ == 0) co_return std::move(log);
  Bytes tail(static_cast<std::size_t>(std::min<std::uint64_t>(log->size_, kTailBytes)));
  const std::uint64_t from = log->size_ - tail.size();
  CO_TRY(got, co_await log->file_->read(ctx, from, tail));
  std::string_view text = as_text(ByteView(tail).first(got));
  const std::size_t end = text.rfind('\n');
  if (end == std::string_view::npos)
    co_return fail(ErrorCode::kCorrupt, cat(log->path_, ": no whole line at its end"));
  if (end + 1 < text.size()) {  // Cut by a crash: nobody was told that it was written.
    log->size_ = from + end + 1;
    CO_DO(co_await log->file_->truncate(ctx, log->size_));
  }
  text = text.substr(0, end);
  const std::size_t start = text.rfind('\n');
  const std::string_view last = start == std::string_view::npos ? text : text.substr(start + 1);
  Result<Link> link = read_link(last);
  if (!link.ok())
    co_return fail(ErrorCode::kCorrupt, cat(log->path_, ": its last line ", link.error().detail,
                                            "; look at it, move it away, and start again"));
  log->number_ = link.value().number;
  log->hash_ = link.value().hash;
  co_return std::move(log);
}

Task<Result<Unit>> AuditLog::open_file(Ctx& ctx) {
  OpenOptions options;
  options.write = options.create = true;
  CO_TRY(file, co_await disk_.open(ctx, path_, options));
  file_ = std::move(file);
  CO_TRY(size, co_await file_->size(ctx));
  size_ = size;
  co_return co_await disk_.sync_dir(ctx, parent_dir(path_));
}

void AuditLog::add(const AuditEntry& entry) {
  if (queue_.size() >= kQueueMax) {
    ++dropped_;
    return;
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("time", iso8601_ms(entry.time));
  if (dropped_ > told_dropped_) json.field("dropped", dropped_ - told_dropped_);
  told_dropped_ = dropped_;
  add_text(json, "request_id", entry.request_id);
  add_text(json, "who", entry.who);
  add_text(json, "access_key", entry.access_key);
  add_text(json, "from", entry.from);
  add_text(json, "method", entry.method);
  add_text(json, "action", entry.action);
  add_text(json, "resource", entry.resource);
  json.field("decision", entry.allowed ? "allow" : "deny");
  add_text(json, "why", entry.why);
  add_text(json, "statement", entry.statement);
  json.field("status", entry.status);
  add_text(json, "code", entry.code);
  json.end_object();
  queue_.push_back(out.substr(1, out.size() - 2));
  filled_.notify_one();
}

Task<Result<Unit>> AuditLog::write_queue(Ctx& ctx) {
  if (size_ >= bytes_max_) {
    file_.reset();
    CO_DO(co_await disk_.rename(ctx, path_, cat(path_, ".1")));
    CO_DO(co_await open_file(ctx));
  }
  std::string lines;
  std::string hash = hash_;
  std::uint64_t number = number_;
  const std::size_t count = queue_.size();
  for (std::size_t i = 0; i < count; ++i) lines += chained(++number, hash, queue_[i]);
  const ByteView part = as_bytes(lines);
  Result<Unit> done = co_await file_->write_sync(ctx, size_, std::span(&part, 1));
  if (!done.ok()) co_return done.error();
  size_ += lines.size();
  hash_ = std::move(hash);
  number_ = number;
  written_ += count;
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  co_return Unit{};
}

Task<void> AuditLog::run(Ctx& ctx) {
  for (;;) {
    if (queue_.empty()) {
      if (ctx.stopped()) co_return;
      Result<Unit> woken = co_await filled_.wait(ctx);
      if (!woken.ok() && queue_.empty()) co_return;
      continue;
    }
    Result<Unit> done = co_await write_queue(ctx);
    if (!done.ok()) {
      if (!failing_ && alarm_) alarm_(error_text(done.error()));
      failing_ = true;
      dropped_ += queue_.size();
      queue_.clear();
      if (ctx.stopped()) co_return;
      if (!file_) [[maybe_unused]]
        Result<Unit> again = co_await open_file(ctx);
      if (!file_) co_return;
      continue;
    }
    failing_ = false;
  }
}

AuditVerdict verify_audit(std::string_view text) {
  AuditVerdict verdict;
  std::string hash;
  std::uint64_t number = 0;
  for (std::uint64_t at = 1; !text.empty(); ++at) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const Result<Link> link = read_link(line);
    if (end == std::string_view::npos) {
      verdict.problem = cat("line ", at, " was cut");
    } else if (!link.ok()) {
      verdict.problem = cat("line ", at, ' ', link.error().detail);
    } else if (at > 1 && (link.value().prev != hash || link.value().number != number + 1)) {
      verdict.problem = cat("line ", at, " does not follow the one before: number ",
                            link.value().number, " behind ", number);
    } else if (at == 1 && link.value().number == 1 && link.value().prev != no_hash()) {
      verdict.problem = "line 1 is no beginning";
    }
    if (!verdict.problem.empty()) return verdict;
    hash = link.value().hash;
    number = link.value().number;
    ++verdict.lines;
  }
  return verdict;
}

}  // namespace creel::app
