#include "tests/crash/workload.h"

#include <algorithm>
#include <cstdlib>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/manifest.h"
#include "store/log/format.h"

namespace creel::crash {
namespace {

constexpr std::size_t kSmall = 900;
constexpr std::size_t kMedium = 7'000;
constexpr std::size_t kLarge = 30'000;
constexpr std::size_t kHuge = 150'000;

std::string s3_text(const s3::S3Error& error) { return error.message; }

}  // namespace

std::uint64_t WorkloadName::seed() const {
  return drawn() ? std::strtoull(text.c_str() + 4, nullptr, 0) : 1;
}

std::string WorkloadName::letters() const {
  if (!drawn()) return text.substr(text.find(':') + 1);
  std::string_view often = "ssssmmoooddcllububBkKrxxyafiq";
  if (reclaims()) often = "smdddMMMMMLLLllluuciigGGGGxrk";
  test::TestRandom random(test::mix64(seed() ^ 0x6c657474));
  std::string letters;
  for (int i = reclaims() ? -40 : 0; i < 40; ++i) letters += often[random.below(often.size())];
  return letters;
}

bool Recording::index_holds(std::uint32_t at, bool before) const {
  bool holds = before;
  for (const Mark& mark : marks) {
    if (mark.at > at) continue;
    if (mark.kind == Mark::Kind::kIndexThrownAway) holds = false;
    if (mark.kind == Mark::Kind::kOpened) holds = true;
  }
  return holds;
}

std::uint64_t Recording::checkpointed(std::uint32_t at, std::uint64_t before) const {
  std::uint64_t lsn = before;
  for (const Mark& mark : marks) {
    if (mark.at > at) continue;
    if (mark.kind == Mark::Kind::kIndexThrownAway) lsn = 0;
    if (mark.kind == Mark::Kind::kCheckpointed) lsn = std::max(lsn, mark.lsn);
  }
  return lsn;
}

std::uint64_t Recording::highest(Mark::Kind kind, std::uint32_t at) const {
  std::uint64_t highest = 0;
  for (const Mark& mark : marks)
    if (mark.kind == kind && mark.at <= at) highest = std::max(highest, mark.lsn);
  return highest;
}

std::uint64_t Recording::decided(std::uint32_t at) const {
  std::uint64_t lsn = timeline.last();
  while (lsn > 0 && timeline.step(lsn).at > at) --lsn;
  return lsn;
}

WorkloadRun::WorkloadRun(std::string root, const WorkloadName& name, Recording& into)
    : dir_(root + "/d"), name_(name), into_(into), random_(test::mix64(name.seed())) {
  into_.small = name.reclaims();
}

void WorkloadRun::mark(Mark::Kind kind, std::uint64_t lsn) {
  into_.marks.push_back({kind, into_.log.size(), lsn});
}

bool WorkloadRun::judge(bool ok, std::string what) {
  if (!ok) into_.errors.push_back(std::move(what));
  return ok;
}

std::unique_ptr<SmallBox> WorkloadRun::make_box() {
  shim_->new_start();
  return std::make_unique<SmallBox>(dir_, &into_.timeline, random_.next() + boxes_++, name_.drawn(),
                                    name_.reclaims());
}

void WorkloadRun::kill_while_opening() {
  struct Opening {
    static Task<void> run(SmallBox& box) {
      const Result<Unit> opened = co_await box.open_task(box.root);
      check(opened.ok());
    }
  };
  const std::uint32_t begun = into_.log.size();
  const std::unique_ptr<SmallBox> box = make_box();
  box->set_now(begun);
  box->scope.spawn(Opening::run(*box));
  for (std::uint64_t steps = random_.below(120); steps > 0 && !box->store; --steps)
    box->world.loop.step();
  if (box->index_thrown_away) into_.marks.push_back({Mark::Kind::kIndexThrownAway, begun, 0});
}

bool WorkloadRun::open() {
  box_ = make_box();
  const std::uint32_t begun = into_.log.size();
  box_->set_now(begun);
  const Result<Unit> opened = box_->open();
  if (box_->index_thrown_away) into_.marks.push_back({Mark::Kind::kIndexThrownAway, begun, 0});
  if (!opened.ok()) {
    into_.errors.push_back(cat("open: ", error_text(opened.error())));
    box_.reset();
    return false;
  }
  mark(Mark::Kind::kOpened, 0);
  mark(Mark::Kind::kAcked, box_->store->status().last.value);
  box_->settle();
  return true;
}

bool WorkloadRun::run(Shim& shim, bool stubborn) {
  shim_ = &shim;
  if (name_.drawn())
    for (std::uint64_t kills = random_.below(3); kills > 0; --kills) kill_while_opening();
  if (!open() && !(stubborn && open())) return false;
  auto made = box_->run(
      [&](Ctx& ctx) { return box_->service->create_bucket(ctx, kBucket, "owner", "us-east-1"); });
  if (made.ok()) mark(Mark::Kind::kAcked, box_->store->status().last.value);
  bool good = judge(made.ok(), made.ok() ? "" : "bucket: " + s3_text(made.error()));
  box_->settle();
  const std::string letters = name_.letters();
  for (std::size_t i = 0; i < letters.size() && (good || stubborn); ++i) {
    into_.begins.push_back(into_.log.size());
    box_->set_now(into_.log.size());
    good = letter(letters[i], test::mix64(name_.seed() * 1000 + i)) && good;
    if (!box_) return false;
    box_->settle();
  }
  into_.begins.push_back(into_.log.size());
  return good;
}

bool WorkloadRun::put(std::string key, std::string body) {
  const std::uint64_t crc = crc64_nvme(as_bytes(body));
  const auto done = box_->put(key, std::move(body));
  // On a small drive: until the cleaner has made room.
  if (!done.ok() && name_.reclaims() && done.error().status() == 507) return let_time_pass();
  if (!done.ok()) return judge(false, cat("put ", key, ": ", s3_text(done.error())));
  mark(Mark::Kind::kAcked, box_->store->status().last.value);
  const auto stored = box_->service->open(kBucket, key);
  return judge(stored.ok() && stored.value().record.crc64 == crc, cat(key, " is not what was put"));
}

Task<void> WorkloadRun::put_task(Ctx& ctx, WorkloadRun& self, std::string key, std::string body,
                                 int& running) {
  s3::BodyPromise promise;
  promise.length = body.size();
  s3::test::TextBody text(std::move(body));
  s3::PutArguments arguments{kBucket, key, {}, {}};
  const auto done =
      co_await self.box_->service->put_object(ctx, std::move(arguments), text, std::move(promise));
  const bool full = !done.ok() && self.name_.reclaims() && done.error().status() == 507;
  if (!full) self.judge(done.ok(), done.ok() ? "" : cat("put ", key, ": ", s3_text(done.error())));
  if (done.ok()) self.mark(Mark::Kind::kAcked, self.box_->store->status().last.value);
  --running;
}

Task<void> WorkloadRun::checkpoint_task(Ctx& ctx, WorkloadRun& self, int& running) {
  const std::uint64_t lsn = self.box_->store->status().last.value;
  const auto done = co_await self.box_->store->checkpoint(ctx);
  self.judge(done.ok(), done.ok() ? "" : "checkpoint: " + error_text(done.error()));
  if (done.ok()) self.mark(Mark::Kind::kCheckpointed, lsn);
  --running;
}

bool WorkloadRun::several(bool with_large, bool with_checkpoint, std::uint64_t seed) {
  int running = with_checkpoint ? 6 : 3;
  const std::size_t before = into_.errors.size();
  const std::size_t last = with_large ? kLarge : kSmall;
  box_->scope.spawn(put_task(box_->root, *this, "b1", sample_body(seed, kSmall), running));
  box_->scope.spawn(put_task(box_->root, *this, "b2", sample_body(seed + 1, kMedium), running));
  box_->scope.spawn(put_task(box_->root, *this, "b3", sample_body(seed + 2, last), running));
  // One while the first batch flies, one while the second is being filled.
  for (int i = 0; i < 3 && with_checkpoint; ++i) {
    box_->scope.spawn(checkpoint_task(box_->root, *this, running));
    for (std::uint64_t steps = random_.below(12); steps > 0 && running > 0; --steps) {
      box_->set_now(into_.log.size());
      box_->world.loop.step();
    }
  }
  while (running > 0) {
    box_->set_now(into_.log.size());
    if (!box_->world.loop.step()) return judge(false, "puts got stuck");
  }
  return into_.errors.size() == before;
}

bool WorkloadRun::multipart(std::uint64_t seed) {
  s3::ObjectService& service = *box_->service;
  const auto acked = [&] { mark(Mark::Kind::kAcked, box_->store->status().last.value); };
  s3::UploadArguments arguments{kBucket, "multi", "owner", {}, {}};
  const auto id =
      box_->run([&](Ctx& ctx) { return service.create_upload(ctx, std::move(arguments)); });
  if (!id.ok()) return judge(false, "create upload: " + s3_text(id.error()));
  acked();
  s3::CompleteArguments complete{kBucket, "multi", id.value(), {}};
  for (std::uint16_t number = 1; number <= 2; ++number) {
    const std::size_t bytes = number == 1 ? kLarge / 2 : kSmall;
    s3::test::TextBody body(sample_body(seed + number, bytes));
    s3::BodyPromise promise;
    promise.length = bytes;
    s3::PartArguments part{kBucket, "multi", id.value(), number};
    const auto done = box_->run(
        [&](Ctx& ctx) { return service.put_part(ctx, std::move(part), body, std::move(promise)); });
    if (!done.ok()) return judge(false, "part: " + s3_text(done.error()));
    acked();
    complete.parts.push_back({number, done.value().etag, std::nullopt});
  }
  const auto done =
      box_->run([&](Ctx& ctx) { return service.complete_upload(ctx, std::move(complete)); });
  if (done.ok()) acked();
  return judge(done.ok(), done.ok() ? "" : "complete: " + s3_text(done.error()));
}

// Written, never sealed: what a client that went away leaves behind.
bool WorkloadRun::abandoned_body(std::uint64_t seed) {
  auto writer = box_->run([&](Ctx& ctx) { return box_->store->start_body(ctx, kLarge); });
  if (!writer.ok()) return judge(false, "body: " + error_text(writer.error()));
  const std::string body = sample_body(seed, kLarge);
  const auto wrote =
      box_->run([&](Ctx& ctx) { return writer.value()->write(ctx, as_bytes(body)); });
  return judge(wrote.ok(), wrote.ok() ? "" : "body: " + error_text(wrote.error()));
}

// A body that holds, wherever a batch could begin, a batch header as somebody makes it who knows
// the format but not the drive: its CRC lacks the seed, its number comes next.
std::string WorkloadRun::forged_body(std::uint64_t seed) {
  std::string body = sample_body(seed, kMedium);
  const auto last = box_->service->open(kBucket, "forged");
  if (!last.ok()) return body;  // The first one only shows where such a body lies.
  const auto extents = s3::parse_log_manifest(last.value().record.body.manifest);
  if (!extents.ok() || extents.value().empty()) return body;
  const std::uint64_t start = extents.value()[0].offset % store::kBlock;
  for (std::size_t at = static_cast<std::size_t>((store::kBlock - start) % store::kBlock);
       at + store::kBatchHeadBytes <= body.size(); at += static_cast<std::size_t>(store::kBlock)) {
    Bytes head(store::kBatchHeadBytes);
    std::copy_n("CRB1", 4, head.begin());
    store_le<std::uint16_t>(head, 4, 1);
    store_le<std::uint64_t>(head, 8, box_->store->status().batches + 100);
    store_le<std::uint64_t>(head, 16, box_->store->status().last.value + 50);
    store_le<std::uint32_t>(head, 24, 1);
    store_le<std::uint32_t>(head, 28, static_cast<std::uint32_t>(store::kBlock));
    store_le<std::uint32_t>(head, 60, crc32c(ByteView(head).first(60)));
    std::copy(head.begin(), head.end(), body.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return body;
}

bool WorkloadRun::restart() {
  const Result<Unit> stopped = box_->stop();
  box_.reset();
  if (!judge(stopped.ok(), stopped.ok() ? "" : "stop: " + error_text(stopped.error()))) {
    open();
    return false;
  }
  return open();
}

bool WorkloadRun::let_time_pass(bool with_puts) {
  const Instant until = box_->world.loop.now() + 40_s;
  int running = 0;
  for (int puts = with_puts ? 12 : 0; running > 0 || box_->world.loop.now() < until;) {
    box_->set_now(into_.log.size());
    if (puts > 0 && random_.below(60) == 0) {
      std::string key(1, static_cast<char>('p' + puts % 5));
      if (puts % 2 == 0) key = "L" + key;
      box_->scope.spawn(
          put_task(box_->root, *this, key, sample_body(random_.next(), kMedium), ++running));
      --puts;
    }
    if (!box_->world.loop.step()) return judge(false, "the store got stuck");
  }
  const store::Status status = box_->store->status();
  return judge(!status.read_only, "read-only: " + status.reason);
}

bool WorkloadRun::kill_in_the_middle(std::uint64_t seed, bool twice) {
  int running = 2;
  box_->scope.spawn(put_task(box_->root, *this, "x1", sample_body(seed, kMedium), running));
  box_->scope.spawn(put_task(box_->root, *this, "x2", sample_body(seed + 1, kLarge), running));
  for (std::uint64_t steps = random_.below(60); steps > 0 && running > 0; --steps) {
    box_->set_now(into_.log.size());
    box_->world.loop.step();
  }
  box_.reset();
  if (twice) kill_while_opening();
  return open();
}

bool WorkloadRun::letter(char letter, std::uint64_t seed) {
  // Few names, so that they meet again.
  const std::string key = name_.drawn() ? std::string(1, static_cast<char>('p' + seed % 5)) : "p";
  switch (letter) {
    case 's': return put(key, sample_body(seed, kSmall));
    case 'm': return put("m" + key, sample_body(seed, kMedium));
    case 'o': return put("over", sample_body(seed, kSmall + seed % 3'000));
    case 'l': return put("l" + key, sample_body(seed, kLarge));
    case 'f': return put("forged", forged_body(seed)) && put("forged", forged_body(seed + 1));
    case 'u': return multipart(seed);
    case 'a': return abandoned_body(seed);
    case 'b': return several(false, false, seed);
    case 'B': return several(true, false, seed);
    case 'K': return several(true, true, seed);
    case 'r': return restart();
    case 'x': return kill_in_the_middle(seed, false);
    case 'y': return kill_in_the_middle(seed, true);
    case 'd': {
      const auto done = box_->run([&](Ctx& ctx) {
        return box_->service->delete_object(ctx, {std::string(kBucket), key, {}, {}});
      });
      if (done.ok()) mark(Mark::Kind::kAcked, box_->store->status().last.value);
      return judge(done.ok(), done.ok() ? "" : "delete: " + s3_text(done.error()));
    }
    case 'c': {
      s3::CopyArguments arguments;
      arguments.bucket = kBucket;
      arguments.key = "copy";
      arguments.source = {kBucket, "l" + key, std::nullopt};
      if (!box_->service->open(kBucket, arguments.source.key).ok()) arguments.source.key = key;
      if (!box_->service->open(kBucket, arguments.source.key).ok()) return true;
      const auto done = box_->run(
          [&](Ctx& ctx) { return box_->service->copy_object(ctx, std::move(arguments)); });
      if (done.ok()) mark(Mark::Kind::kAcked, box_->store->status().last.value);
      return judge(done.ok(), done.ok() ? "" : "copy: " + s3_text(done.error()));
    }
    case 'k': {
      const std::uint64_t lsn = box_->store->status().last.value;
      const auto done = box_->run([&](Ctx& ctx) { return box_->store->checkpoint(ctx); });
      if (done.ok()) mark(Mark::Kind::kCheckpointed, lsn);
      return judge(done.ok(), done.ok() ? "" : "checkpoint: " + error_text(done.error()));
    }
    case 'L': return put("L" + key, sample_body(seed, kHuge));
    case 'M': {
      for (std::uint64_t i = 0; i < 6; ++i)
        if (!put(cat("M", (seed + i) % 9), sample_body(seed + i, kMedium))) return false;
      return true;
    }
    case 'g': return let_time_pass();
    case 'G': return let_time_pass(true);
    case 'i': {
      const auto done = box_->run([&](Ctx& ctx) { return box_->store->make_image(ctx); });
      return judge(done.ok(), done.ok() ? "" : "image: " + error_text(done.error()));
    }
    case 'q': {
      const s3::Quota quota{100 * MiB + seed % MiB, seed % 2 * 100'000};
      const auto done =
          box_->run([&](Ctx& ctx) { return box_->service->set_quota(ctx, kBucket, quota); });
      if (done.ok()) mark(Mark::Kind::kAcked, box_->store->status().last.value);
      return judge(done.ok(), done.ok() ? "" : "quota: " + s3_text(done.error()));
    }
    default: check(false);
  }
  return false;
}

}  // namespace creel::crash
