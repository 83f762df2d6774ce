#include "tests/model/linear/workload.h"

#include "platform/async/event.h"
#include "platform/base/text.h"
#include "platform/cpu/hash.h"

namespace creel::test {
namespace {

// Names a value in a history; unique among a run's values for all that matters.
std::string short_name(const std::string& etag) { return etag.substr(0, 12); }
std::string md5_of(const std::string& body) { return hex_encode(Md5::of(as_bytes(body))); }
// Of an upload with one part.
std::string one_part_etag(const std::string& part_etag) {
  return cat(hex_encode(Md5::of(*hex_decode(part_etag))), "-1");
}
std::string element(const std::string& xml, std::string_view name, std::size_t from = 0) {
  const std::string open = cat('<', name, '>');
  const std::size_t at = xml.find(open, from);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + open.size();
  return xml.substr(begin, xml.find('<', begin) - begin);
}

}  // namespace

Workload::Workload(Platform& platform, WorkloadOptions options, std::FILE* out)
    : platform_(platform), options_(std::move(options)), out_(out) {
  for (int i = 0; i < options_.clients; ++i)
    clients_.push_back(std::make_unique<Client>(
        Client{i, Link(platform_, options_.link), TestRandom(mix64(options_.seed) + i), 0}));
}

Task<void> Workload::run(Ctx& ctx) {
  co_await make_bucket(ctx, *clients_[0]);
  end_ = platform_.clock.now() + options_.span;
  Scope scope(ctx);
  for (auto& one : clients_) scope.spawn(client(scope.ctx(), *one));
  co_await scope.join();
  for (int i = 0; i < options_.clients; ++i)
    scope.spawn(read_all(scope.ctx(), *clients_[static_cast<std::size_t>(i)], i));
  co_await scope.join();
}

Task<void> Workload::client(Ctx& ctx, Client& self) {
  while (platform_.clock.now() < end_ && operations < options_.operations_max)
    co_await one(ctx, self);
}

std::string Workload::draw_key(Client& self) const {
  // A third of all on a tenth of the keys.
  const auto keys = static_cast<std::uint64_t>(options_.keys);
  const std::uint64_t at =
      self.random.chance(0.33) ? self.random.below(keys / 10 + 1) : self.random.below(keys);
  return cat("k", at);
}

std::string Workload::draw_body(Client& self) const {
  std::string body = cat(options_.seed, '/', self.number, '/', self.sequence, '\n');
  const std::size_t size = self.random.chance(0.03)
                               ? 300'000 + static_cast<std::size_t>(self.random.below(100'000))
                               : static_cast<std::size_t>(self.random.skewed_below(6'000));
  const std::string unit = body;
  while (body.size() < size) body += unit;
  return body;
}

void Workload::saw(const std::string& key, const std::string& etag) { etags_[key] = etag; }

// Writes the operation down, if it says anything.
void Workload::record(const Client& self, HistoryOp op, const Told& told) {
  op.process = self.number;
  op.call_ns = told.call_ns;
  op.return_ns = told.return_ns;
  if (op.came == Came::kUnknown) {
    op.return_ns = kNever;
    ++unanswered;
  }
  ++operations;
  const std::string line = to_json_line(op);
  check(std::fwrite(line.data(), 1, line.size(), out_) == line.size());
}

Task<void> Workload::one(Ctx& ctx, Client& self) {
  std::string key = draw_key(self);
  const std::uint64_t kind = self.random.below(100);
  ++self.sequence;
  if (kind < 42) co_await write(ctx, self, std::move(key));
  else if (kind < 78) co_await read(ctx, self, std::move(key));
  else if (kind < 90) co_await erase(ctx, self, std::move(key));
  else if (kind < 95) co_await copy(ctx, self, std::move(key), draw_key(self));
  else if (kind < 98) co_await upload(ctx, self, std::move(key));
  else co_await list(ctx, self);
}

// After a request that reached nobody: the server is down for a moment.
namespace {
Task<void> breathe(Ctx& ctx) {
  [[maybe_unused]] const Result<Unit> slept = co_await sleep_for(ctx, 20_ms);
}
// How a write came out; nullopt: it says nothing (it was refused for another reason).
std::optional<Came> came_of(const Told& told) {
  if (told.unknown()) return Came::kUnknown;
  if (told.happened()) return Came::kOk;
  if (told.status == 412) return Came::kRefused;
  if (told.status == 404) return Came::kAbsent;
  return std::nullopt;
}
}  // namespace

Task<void> Workload::write(Ctx& ctx, Client& self, std::string key) {
  Ask ask;
  ask.method = "PUT";
  ask.path = path_of(key);
  ask.body = draw_body(self);
  HistoryOp op;
  op.did = Did::kWrite;
  op.key = key;
  const std::string etag = md5_of(ask.body);
  op.value = short_name(etag);
  const std::uint64_t kind = self.random.below(10);
  if (kind == 0) {
    ask.headers.emplace_back("If-None-Match", "*");
    op.if_absent = true;
  } else if (kind == 1 && !etags_[key].empty()) {
    ask.headers.emplace_back("If-Match", cat('"', etags_[key], '"'));
    op.if_match = short_name(etags_[key]);
  }
  const Told told = co_await self.link.call(ctx, std::move(ask));
  const std::optional<Came> came = came_of(told);
  if (!came) co_return co_await breathe(ctx);
  if (told.happened() && told.etag != etag)
    complaints.push_back(cat(key, ": PUT answered the ETag ", told.etag, ", the body's is ", etag));
  op.came = *came;
  if (told.happened()) saw(key, etag);
  record(self, std::move(op), told);
  if (told.status == 0) co_await breathe(ctx);
}

void Workload::check_body(const std::string& key, const Told& told) {
  const std::string md5 = md5_of(told.body);
  if (told.etag == md5 || told.etag == one_part_etag(md5)) return;
  complaints.push_back(cat(key, ": the body of ", told.body.size(), " bytes has the MD5 ", md5,
                           ", its ETag is ", told.etag));
}

Task<void> Workload::read(Ctx& ctx, Client& self, std::string key) {
  Ask ask;
  ask.method = self.random.chance(0.15) ? "HEAD" : "GET";
  const bool head = ask.method == "HEAD";
  ask.path = path_of(key);
  const Told told = co_await self.link.call(ctx, std::move(ask));
  if (!told.happened() && told.status != 404) co_return co_await breathe(ctx);
  HistoryOp op;
  op.did = Did::kRead;
  op.key = key;
  if (told.happened()) {
    op.value = short_name(told.etag);
    if (!head) check_body(key, told);
    saw(key, told.etag);
  }
  record(self, std::move(op), told);
}

Task<void> Workload::erase(Ctx& ctx, Client& self, std::string key) {
  Ask ask;
  ask.method = "DELETE";
  ask.path = path_of(key);
  HistoryOp op;
  op.did = Did::kDelete;
  op.key = key;
  if (self.random.chance(0.3) && !etags_[key].empty()) {
    ask.headers.emplace_back("If-Match", cat('"', etags_[key], '"'));
    op.if_match = short_name(etags_[key]);
  }
  const Told told = co_await self.link.call(ctx, std::move(ask));
  const std::optional<Came> came = came_of(told);
  if (!came || *came == Came::kAbsent) co_return co_await breathe(ctx);
  op.came = *came;
  record(self, std::move(op), told);
  if (told.status == 0) co_await breathe(ctx);
}

// A copy of a named version is a read of the one key and a write of the other, each at some moment
// between its call and its return.
Task<void> Workload::copy(Ctx& ctx, Client& self, std::string from, std::string to) {
  const std::string etag = etags_[from];
  if (etag.empty() || etag.size() != 32 || from == to) co_return;
  Ask ask;
  ask.method = "PUT";
  ask.path = path_of(to);
  ask.headers.emplace_back("x-amz-copy-source", path_of(from));
  ask.headers.emplace_back("x-amz-copy-source-if-match", cat('"', etag, '"'));
  const Told told = co_await self.link.call(ctx, std::move(ask));
  HistoryOp source;
  source.key = from;
  HistoryOp target;
  target.did = Did::kWrite;
  target.key = to;
  target.value = short_name(etag);
  if (told.unknown()) {
    target.came = Came::kUnknown;
    record(self, std::move(target), told);
    co_await breathe(ctx);
  } else if (told.happened()) {
    source.value = target.value;
    saw(to, etag);
    record(self, std::move(source), told);
    record(self, std::move(target), told);
  } else if (told.status == 412) {  // There is another version.
    source.did = Did::kWrite;
    source.if_match = short_name(etag);
    source.value = cat("copy", self.number, '.', self.sequence);
    source.came = Came::kRefused;
    record(self, std::move(source), told);
  } else if (told.status == 404) {
    record(self, std::move(source), told);  // A read of nothing.
  }
}

Task<void> Workload::upload(Ctx& ctx, Client& self, std::string key) {
  Ask create;
  create.method = "POST";
  create.path = path_of(key);
  create.query = "uploads=";
  const Told made = co_await self.link.call(ctx, std::move(create));
  if (!made.happened()) co_return co_await breathe(ctx);
  const std::string id = element(made.body, "UploadId");
  Ask part;
  part.method = "PUT";
  part.path = path_of(key);
  part.query = cat("partNumber=1&uploadId=", percent_encode(id, false));
  part.body = draw_body(self);
  const std::string etag = md5_of(part.body);
  const Told put = co_await self.link.call(ctx, std::move(part));
  if (!put.happened()) co_return co_await breathe(ctx);
  Ask complete;
  complete.method = "POST";
  complete.path = path_of(key);
  complete.query = cat("uploadId=", percent_encode(id, false));
  complete.body = cat("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;", etag,
                      "&quot;</ETag></Part></CompleteMultipartUpload>");
  HistoryOp op;
  op.did = Did::kWrite;
  op.key = key;
  op.value = short_name(one_part_etag(etag));
  if (self.random.chance(0.2)) {
    complete.headers.emplace_back("If-None-Match", "*");
    op.if_absent = true;
  }
  const Told told = co_await self.link.call(ctx, std::move(complete));
  const std::optional<Came> came = came_of(told);
  if (!came || *came == Came::kAbsent) {
    if (told.status == 404) complaints.push_back(cat(key, ": an upload under way is gone"));
    co_return co_await breathe(ctx);
  }
  op.came = *came;
  if (told.happened()) saw(key, one_part_etag(etag));
  record(self, std::move(op), told);
  if (told.status == 0) co_await breathe(ctx);
}

Task<void> Workload::list(Ctx& ctx, Client& self) {
  Ask ask;
  ask.path = "/" + options_.bucket;
  HistoryOp op;
  op.did = Did::kList;
  if (self.random.chance(0.5)) op.key = cat("k", self.random.between(1, 9));
  const bool versions = self.random.chance(0.3);
  ask.query = versions ? cat("prefix=", op.key, "&versions=") : cat("list-type=2&prefix=", op.key);
  const Told told = co_await self.link.call(ctx, std::move(ask));
  if (!told.happened()) co_return co_await breathe(ctx);
  for (std::size_t at = told.body.find("<Key>"); at != std::string::npos;
       at = told.body.find("<Key>", at + 1))
    op.keys.push_back(element(told.body, "Key", at));
  if (told.body.find("<IsTruncated>false<") == std::string::npos)
    complaints.push_back("a listing of a few hundred keys is truncated");
  record(self, std::move(op), told);
}

// --- beginning and end: these must get an answer ---

Task<Told> Workload::until_answered(Ctx& ctx, Client& self, Ask ask) {
  for (int tries = 0; tries < 3'000; ++tries) {
    Told told = co_await self.link.call(ctx, ask);
    if (told.status != 0 && told.status / 100 != 5) co_return std::move(told);
    co_await breathe(ctx);
  }
  complaints.push_back(cat("no answer to ", ask.method, ' ', ask.path, " for a minute"));
  co_return Told();
}

Task<void> Workload::make_bucket(Ctx& ctx, Client& self) {
  Ask ask;
  ask.method = "PUT";
  ask.path = "/" + options_.bucket;
  const Told told = co_await until_answered(ctx, self, std::move(ask));
  if (!told.happened()) complaints.push_back(cat("the bucket: status ", told.status));
}

Task<void> Workload::read_all(Ctx& ctx, Client& self, int first) {
  for (int at = first; at < options_.keys; at += options_.clients) {
    Ask ask;
    ask.path = path_of(cat("k", at));
    const Told told = co_await until_answered(ctx, self, std::move(ask));
    HistoryOp op;
    op.key = cat("k", at);
    if (told.happened()) {
      op.value = short_name(told.etag);
      check_body(op.key, told);
    } else if (told.status != 404) {
      complaints.push_back(cat(op.key, ": the last read ended with ", told.status));
      continue;
    }
    record(self, std::move(op), told);
  }
}

// --- races ---

Task<void> Workload::run_races(Ctx& ctx) {
  co_await make_bucket(ctx, *clients_[0]);
  end_ = platform_.clock.now() + options_.span;
  for (std::uint64_t number = 0; number < options_.races && platform_.clock.now() < end_; ++number)
    co_await race(ctx, number);
}

Task<void> Workload::racer(Ctx& ctx, Client& self, std::string path, std::string if_match,
                           Told& told) {
  Ask ask;
  ask.method = "PUT";
  ask.path = path;
  ask.body = cat("winner ", self.number);
  if (if_match.empty()) ask.headers.emplace_back("If-None-Match", "*");
  else ask.headers.emplace_back("If-Match", cat('"', if_match, '"'));
  told = co_await self.link.call(ctx, std::move(ask));
}

// All at once create a key, or replace the version that is there. Then the key is read: it must
// hold the body of the one that won, or, if nobody was told that he won, of one without an answer.
Task<void> Workload::race(Ctx& ctx, std::uint64_t number) {
  const std::string path = path_of(cat("race-", options_.seed, '-', number));
  std::string before;
  if (number % 2 == 1) {
    Ask first;
    first.method = "PUT";
    first.path = path;
    first.body = "what was there";
    before = md5_of(first.body);
    co_await until_answered(ctx, *clients_[0], std::move(first));
  }
  std::vector<Told> told(clients_.size());
  Scope scope(ctx);
  for (std::size_t i = 0; i < clients_.size(); ++i)
    scope.spawn(racer(scope.ctx(), *clients_[i], path, before, told[i]));
  co_await scope.join();
  Ask look;
  look.path = path;
  const Told after = co_await until_answered(ctx, *clients_[0], std::move(look));
  std::size_t winners = 0;
  std::size_t losers = 0;
  std::size_t silent = 0;
  bool right = false;
  for (std::size_t i = 0; i < told.size(); ++i) {
    const bool own = after.body == cat("winner ", i);
    winners += told[i].happened() ? 1 : 0;
    losers += told[i].status == 412 ? 1 : 0;
    silent += told[i].unknown() ? 1 : 0;
    if (own) right = told[i].happened() || told[i].unknown();
  }
  operations += told.size();
  unanswered += silent;
  if (winners > 1) complaints.push_back(cat(path, ": ", winners, " winners"));
  if (winners == 1 && !right)
    complaints.push_back(cat(path, ": the winner's body is not there, but '", after.body, "'"));
  if (winners == 0 && losers > 0 && !right)
    complaints.push_back(cat(path, ": ", losers, " lost and nobody won"));
  if (winners == 0 && silent == 0 && losers > 0)
    complaints.push_back(cat(path, ": all ", losers, " lost"));
  for (std::size_t i = 0; i < told.size(); ++i)
    if (winners == 1 && told[i].happened() && after.body != cat("winner ", i))
      complaints.push_back(cat(path, ": ", i, " was told that it won"));
  races_won += winners;
  races_disturbed += silent > 0 ? 1 : 0;
  if (silent > 0) co_await breathe(ctx);
}

}  // namespace creel::test
