#include "tests/model/lockstep.h"

#include <algorithm>
#include <set>

#include "platform/base/text.h"
#include "tests/model/http_s3.h"

namespace creel::test {
namespace {

constexpr std::size_t kTogetherMax = 8;

std::string show_reply(const S3Reply& reply) {
  if (!reply.code.empty()) return reply.code;
  std::string text =
      cat("ok etag=", reply.etag, " checksum=", reply.checksum, " size=", reply.size,
          " mtime=", reply.mtime_ms, " parts=", reply.part_count, " headers=", reply.headers.size(),
          " body=", reply.body.size(), " B ", md5_etag(reply.body));
  for (const Entry& entry : reply.entries)
    text += cat("\n      ", percent_encode(entry.name, true).substr(0, 60), ' ', entry.id, ' ',
                entry.etag, ' ', entry.checksum, ' ', entry.size, ' ', entry.mtime_ms);
  for (const std::string& prefix : reply.prefixes)
    text += cat("\n      prefix ", percent_encode(prefix, true).substr(0, 60));
  if (reply.truncated) text += cat("\n      truncated, next ", percent_encode(reply.next, true));
  return text;
}

// Empty if the answer is one that the model allows.
std::string differs(const Expected& expected, const S3Reply& reply) {
  if (!expected.complaint.empty()) return expected.complaint;
  if (!expected.codes.empty()) {
    if (expected.codes.contains(reply.code)) return {};
    std::string codes;
    for (const std::string& code : expected.codes) codes += cat(code, ' ');
    return cat("  model: ", codes, "\n  real:  ", show_reply(reply));
  }
  if (expected.reply == reply) return {};
  return cat("  model: ", show_reply(expected.reply), "\n  real:  ", show_reply(reply));
}

bool is_read(Verb verb) {
  return verb == Verb::kGet || verb == Verb::kList || verb == Verb::kListVersions ||
         verb == Verb::kListParts || verb == Verb::kListUploads || verb == Verb::kListBuckets;
}

// Those that touch one or two keys, so that apart from each other they commute.
bool may_go_together(Verb verb) {
  switch (verb) {
    case Verb::kPut:
    case Verb::kGet:
    case Verb::kDelete:
    case Verb::kCopy:
    case Verb::kCreateUpload:
    case Verb::kPutPart:
    case Verb::kCopyPart:
    case Verb::kListParts:
    case Verb::kComplete:
    case Verb::kAbort: return true;
    default: return false;
  }
}

class Lockstep {
 public:
  Lockstep(const Script& script, const RunOptions& options, RunStats& stats)
      : script_(script),
        stats_(stats),
        real_(real_options(script, options)),
        model_(real_options(script, options).part_bytes_min()) {
    real_.tamper = options.tamper;
    if (!options.lmdb_dir.empty()) real_.drop_index();
  }

  std::string run() {
    std::string failure = real_.open();
    std::size_t at = 0;
    while (failure.empty() && at < script_.steps.size()) {
      const Step& step = script_.steps[at];
      if (step.act != Act::kRequest) {
        failure = act(step);
        ++at;
      } else {
        const std::size_t count = together(at);
        failure = requests(at, count);
        at += count;
      }
      if (!failure.empty()) failure = cat(show(script_, step), "\n", failure);
    }
    stats_.events += real_.world.steps();
    return failure;
  }

 private:
  static RealOptions real_options(const Script& script, const RunOptions& options) {
    RealOptions real;
    real.seed = script.seed;
    real.http = script.http;
    real.core = script.core;
    real.lmdb_dir = options.lmdb_dir;
    real.lying_sync = options.lying_sync;
    return real;
  }

  // How many steps from `at` on are sent side by side.
  std::size_t together(std::size_t at) const {
    std::set<std::pair<unsigned, unsigned>> touched;
    std::size_t count = 0;
    for (; at + count < script_.steps.size() && count < kTogetherMax; ++count) {
      const Step& step = script_.steps[at + count];
      if (count > 0 && (step.act != Act::kRequest || !may_go_together(step.verb))) break;
      if (count > 0 && !script_.steps[at + count - 1].with_next) break;
      std::set<std::pair<unsigned, unsigned>> own = {{step.bucket, step.key}};
      if (step.verb == Verb::kCopy || step.verb == Verb::kCopyPart)
        own.insert({step.source_bucket, step.source_key});
      bool apart = true;
      for (const auto& one : own) apart = apart && !touched.contains(one);
      if (count > 0 && !apart) break;
      touched.merge(own);
      if (!may_go_together(step.verb)) return count + 1;
    }
    return count;
  }

  std::string requests(std::size_t at, std::size_t count) {
    std::vector<S3Request> asked;
    std::optional<Duration> crash_after;
    for (std::size_t i = at; i < at + count; ++i) {
      const Step& step = script_.steps[i];
      asked.push_back(resolve(script_, step, model_, uploads_));
      if (step.crash_after_us >= 0 && !crash_after)
        crash_after = Duration{step.crash_after_us * 1'000};
    }
    auto outcomes = real_.call_all(asked, crash_after);
    stats_.requests += count;
    std::vector<S3Request> unanswered;
    std::vector<std::size_t> unanswered_at;
    for (std::size_t i = 0; i < count; ++i) {
      const Step& step = script_.steps[at + i];
      if (!outcomes[i]) {
        if (is_read(asked[i].verb)) continue;
        unanswered.push_back(asked[i]);
        unanswered_at.push_back(at + i);
        continue;
      }
      std::string failure = compare(asked[i], *outcomes[i], step);
      if (!failure.empty()) return cat("  answer to ", show(script_, step), "\n", failure);
      if (outcomes[i]->reply.truncated && !crash_after)
        failure = walk_on(asked[i], outcomes[i]->reply);
      if (!failure.empty()) return failure;
    }
    if (!crash_after) return {};
    ++stats_.power_cuts;
    const std::string opened = come_back(SimCrash::kPowerLoss, script_.steps[at].id, true);
    if (!opened.empty()) return opened;
    for (std::size_t i = 0; i < unanswered.size(); ++i) {
      const std::string failure = adopt(unanswered[i], script_.steps[unanswered_at[i]]);
      if (!failure.empty()) return failure;
    }
    return audit(script_.steps[at].id % 4 == 0);
  }

  // Empty if the answer is one that the model allows.
  std::string judge(const S3Request& request, Expected expected, S3Reply reply) const {
    if (script_.http) {
      hide_from_http(request, expected.reply);
      hide_from_http(request, reply);
    }
    return differs(expected, reply);
  }

  std::string compare(const S3Request& request, const Outcome& outcome, const Step& step) {
    Expected expected = model_.apply(request, outcome.luck);
    if (!outcome.reply.code.empty()) ++stats_.refused;
    if (request.verb == Verb::kCreateUpload && outcome.reply.code.empty())
      uploads_[step.id] = outcome.luck.upload_id;
    return judge(request, std::move(expected), outcome.reply);
  }

  // The rest of a listing, page by page.
  std::string walk_on(S3Request request, S3Reply page) {
    for (int pages = 0; pages < 40 && page.truncated && request.verb != Verb::kListParts &&
                        request.verb != Verb::kListBuckets;
         ++pages) {
      request.after = page.next;
      request.after_id = page.next_id;
      if (pages > 5) request.count_max = 50;
      const Outcome outcome = real_.call(request);
      const std::string failure =
          judge(request, model_.apply(request, outcome.luck), outcome.reply);
      if (!failure.empty())
        return cat("  page behind ", percent_encode(request.after, true), "\n", failure);
      page = outcome.reply;
    }
    return {};
  }

  std::string act(const Step& step) {
    const bool cut = step.crash_after_us >= 0;
    switch (step.act) {
      case Act::kCrash: {
        ++stats_.power_cuts;
        const std::string opened = come_back(SimCrash::kPowerLoss, step.id, cut);
        return opened.empty() ? audit(true) : opened;
      }
      case Act::kKill: {
        ++stats_.kills;
        const std::string opened = come_back(SimCrash::kProcess, step.id, cut);
        return opened.empty() ? audit(false) : opened;
      }
      case Act::kRestart:
      case Act::kRebuild: {
        if (const std::string stopped = real_.stop(); !stopped.empty()) return stopped;
        ++stats_.restarts;
        if (step.act == Act::kRebuild) {
          ++stats_.rebuilds;
          real_.drop_index();
        }
        const std::string opened = come_back(SimCrash::kProcess, step.id, cut);
        return opened.empty() ? audit(step.act == Act::kRebuild) : opened;
      }
      case Act::kCheckpoint: {
        ++stats_.checkpoints;
        if (cut) real_.crash_in(Duration{step.crash_after_us * 1'000});
        const std::string done = real_.checkpoint();
        if (real_.alive()) {
          if (!cut) return done;
          real_.world.run_for(Duration{step.crash_after_us * 1'000 + 1});
        }
        ++stats_.power_cuts;
        const std::string opened = come_back(SimCrash::kPowerLoss, step.id, false);
        return opened.empty() ? audit(true) : opened;
      }
      case Act::kImage:
        ++stats_.images;
        real_.start_image();
        return {};
      case Act::kAudit: return audit(true);
      case Act::kRequest: break;
    }
    return {};
  }

  // Down, and up again; with `cuts` the power goes a few times while it recovers.
  std::string come_back(SimCrash kind, std::uint32_t luck, bool cuts) {
    real_.crash(kind);
    TestRandom random(script_.seed ^ luck * 0x9e3779b97f4a7c15u);
    for (std::uint64_t i = cuts ? random.below(3) : 0; i > 0; --i) {
      real_.crash_in(Duration{static_cast<std::int64_t>(random.below(30'000'000))});
      const std::string opened = real_.open();
      if (!opened.empty() && opened != "crashed") return cat("  recovery: ", opened);
      ++stats_.cuts_in_recovery;
      real_.crash(SimCrash::kPowerLoss);
    }
    const std::string opened = real_.open();
    return opened.empty() ? opened : cat("  recovery: ", opened);
  }

  // --- what became of a write without an answer ---

  static std::vector<S3Request> probes(const S3Request& cut) {
    S3Request get;
    get.verb = Verb::kGet;
    get.bucket = cut.bucket;
    get.key = cut.key;
    get.upload_id = cut.upload_id;
    S3Request uploads = get;
    uploads.verb = Verb::kListUploads;
    S3Request parts = get;
    parts.verb = Verb::kListParts;
    S3Request buckets;
    buckets.verb = Verb::kListBuckets;
    // Of versions the ids are known only from here.
    S3Request versions = get;
    versions.verb = Verb::kListVersions;
    versions.prefix = cut.key;
    switch (cut.verb) {
      case Verb::kSetVersioning:
      case Verb::kCreateBucket:
      case Verb::kDeleteBucket: return {buckets, uploads};
      case Verb::kCreateUpload:
      case Verb::kAbort: return {uploads};
      case Verb::kPutPart:
      case Verb::kCopyPart: return {parts};
      case Verb::kComplete: return {get, versions, uploads};
      default: return {get, versions};
    }
  }
  // Other cut requests may have changed the uploads of other keys.
  static void only_own(const S3Request& cut, S3Reply& reply) {
    std::erase_if(reply.entries,
                  [&](const Entry& entry) { return !entry.id.empty() && entry.name != cut.key; });
  }
  // Names that begin with the one that was cut: what becomes of them is asked for by themselves.
  static bool lists_others(const S3Request& probe, const S3Request& cut) {
    return (probe.verb == Verb::kListUploads || probe.verb == Verb::kListVersions) &&
           cut.verb != Verb::kDeleteBucket;
  }

  bool agrees(ReferenceS3& model, const S3Request& cut, const std::vector<S3Request>& asked,
              const std::vector<S3Reply>& replies) const {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      Expected expected = model.apply(asked[i], {});
      if (lists_others(asked[i], cut)) only_own(cut, expected.reply);
      if (!judge(asked[i], std::move(expected), replies[i]).empty()) return false;
    }
    return true;
  }

  std::string adopt(const S3Request& cut, const Step& step) {
    const std::vector<S3Request> asked = probes(cut);
    std::vector<S3Reply> replies;
    Luck luck;
    for (const S3Request& probe : asked) {
      S3Reply reply = real_.call(probe).reply;
      if (lists_others(probe, cut)) only_own(cut, reply);
      if (probe.verb == Verb::kGet) luck.mtime_ms = reply.mtime_ms;
      for (const Entry& entry : reply.entries) {
        if (probe.verb == Verb::kListParts && entry.name == cat(cut.part))
          luck.mtime_ms = entry.mtime_ms;
        if (probe.verb == Verb::kListUploads && !model_.knows_upload(entry.id))
          luck.upload_id = entry.id;
        if (probe.verb == Verb::kListVersions && entry.name == cut.key && entry.latest) {
          luck.mtime_ms = entry.mtime_ms;
          if (!model_.knows_version(entry.id)) luck.version = entry.id;
        }
      }
      replies.push_back(std::move(reply));
    }
    if (agrees(model_, cut, asked, replies)) {
      ++stats_.unanswered_old;
      return {};
    }
    ReferenceS3 after = model_;
    const Expected expected = after.apply(cut, luck);
    if (expected.codes.empty() && expected.complaint.empty() &&
        agrees(after, cut, asked, replies)) {
      ++stats_.unanswered_new;
      if (cut.verb == Verb::kCreateUpload) uploads_[step.id] = luck.upload_id;
      model_ = std::move(after);
      return {};
    }
    std::string text =
        cat("  cut by the crash, and now neither old nor new: ", show(script_, step));
    for (std::size_t i = 0; i < asked.size(); ++i)
      text += cat("\n  old:   ", show_reply(model_.apply(asked[i], {}).reply),
                  "\n  new:   ", show_reply(after.apply(asked[i], {}).reply),
                  "\n  found: ", show_reply(replies[i]));
    return text;
  }

  // --- everything there is, compared ---

  std::string audit(bool bodies) {
    ++stats_.audits;
    if (!real_.trouble().empty()) return real_.trouble();
    S3Request buckets;
    buckets.verb = Verb::kListBuckets;
    std::string failure = ask(buckets);
    for (const auto& [name, bucket] : model_.buckets()) {
      S3Request list;
      list.verb = Verb::kList;
      list.bucket = name;
      if (failure.empty()) failure = ask(list);
      list.verb = Verb::kListVersions;
      if (failure.empty()) failure = ask(list);
      list.verb = Verb::kListUploads;
      if (failure.empty()) failure = ask(list);
      std::vector<S3Request> gets;
      for (const auto& [key, older] : bucket.older) {
        if (!bodies) break;
        for (const ReferenceS3::Object& one : older) {
          S3Request get;
          get.bucket = name;
          get.key = key;
          get.version = one.version;
          gets.push_back(std::move(get));
        }
      }
      for (const auto& [key, object] : bucket.objects) {
        if (!bodies) break;
        S3Request get;
        get.bucket = name;
        get.key = key;
        gets.push_back(std::move(get));
      }
      for (const auto& [order, upload] : bucket.uploads) {
        if (upload.done) continue;
        S3Request parts;
        parts.verb = Verb::kListParts;
        parts.bucket = name;
        parts.key = upload.key;
        parts.upload_id = upload.id;
        gets.push_back(std::move(parts));
      }
      constexpr std::size_t kAtOnce = 64;  // Fewer than a server takes connections.
      std::vector<std::optional<Outcome>> outcomes;
      for (std::size_t i = 0; i < gets.size() && failure.empty(); ++i) {
        const std::size_t at = i % kAtOnce;
        if (at == 0)
          outcomes = real_.call_all(
              {gets.begin() + static_cast<std::ptrdiff_t>(i),
               gets.begin() + static_cast<std::ptrdiff_t>(std::min(i + kAtOnce, gets.size()))});
        failure = outcomes[at] ? judge(gets[i], model_.apply(gets[i], {}), outcomes[at]->reply)
                               : std::string("no answer");
        if (!failure.empty()) failure = cat(percent_encode(gets[i].key, true), "\n", failure);
      }
    }
    return failure.empty() ? failure : cat("  audit: ", failure);
  }
  std::string ask(const S3Request& request) {
    const Outcome outcome = real_.call(request);
    return judge(request, model_.apply(request, outcome.luck), outcome.reply);
  }

  const Script& script_;
  RunStats& stats_;
  RealS3 real_;
  ReferenceS3 model_;
  std::map<std::uint32_t, std::string> uploads_;
};

}  // namespace

void RunStats::add(const RunStats& other) {
  requests += other.requests;
  refused += other.refused;
  power_cuts += other.power_cuts;
  kills += other.kills;
  cuts_in_recovery += other.cuts_in_recovery;
  restarts += other.restarts;
  rebuilds += other.rebuilds;
  checkpoints += other.checkpoints;
  images += other.images;
  unanswered_old += other.unanswered_old;
  unanswered_new += other.unanswered_new;
  audits += other.audits;
  events += other.events;
}

std::string RunStats::text() const {
  return cat(requests, " operations (", refused, " refused), ", power_cuts, " power cuts, ",
             cuts_in_recovery, " more during recovery, ", kills, " kills, ", restarts,
             " restarts, ", rebuilds, " rebuilds, ", checkpoints, " checkpoints, ", images,
             " images; writes cut by a crash: ", unanswered_old, " left no trace, ", unanswered_new,
             " were whole; ", audits, " audits, ", events, " events");
}

std::string run_script(const Script& script, const RunOptions& options, RunStats& stats) {
  return Lockstep(script, options, stats).run();
}

Script shrink(const Script& script, const RunOptions& options, std::string& failure,
              std::size_t runs_max) {
  Script small = script;
  RunStats ignored;
  std::size_t runs = 0;
  std::size_t chunk = std::max<std::size_t>(small.steps.size() / 2, 1);
  for (;;) {
    bool less = false;
    for (std::size_t at = 0; at < small.steps.size() && runs < runs_max;) {
      Script tried = small;
      const std::size_t end = std::min(at + chunk, tried.steps.size());
      tried.steps.erase(tried.steps.begin() + static_cast<std::ptrdiff_t>(at),
                        tried.steps.begin() + static_cast<std::ptrdiff_t>(end));
      ++runs;
      const std::string said = run_script(tried, options, ignored);
      if (said.empty()) {
        at = end;
        continue;
      }
      small = std::move(tried);
      failure = said;
      less = true;
    }
    if (runs >= runs_max || (chunk == 1 && !less)) return small;
    if (chunk > 1) chunk /= 2;
  }
}

std::string kept_steps(const Script& script) {
  std::string text;
  for (std::size_t at = 0; at < script.steps.size();) {
    std::size_t end = at;
    while (end + 1 < script.steps.size() && script.steps[end + 1].id == script.steps[end].id + 1)
      ++end;
    if (!text.empty()) text += ',';
    text += cat(script.steps[at].id);
    if (end > at) text += cat('-', script.steps[end].id);
    at = end + 1;
  }
  return text;
}

bool keep_only(Script& script, const std::string& kept) {
  std::vector<Step> left;
  for (std::size_t at = 0; at < kept.size();) {
    const std::size_t end = std::min(kept.find(',', at), kept.size());
    const std::string piece = kept.substr(at, end - at);
    const std::size_t dash = piece.find('-');
    const auto first = parse_u64(piece.substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_u64(piece.substr(dash + 1));
    if (!first || !last) return false;
    for (Step& step : script.steps)
      if (step.id >= *first && step.id <= *last) left.push_back(step);
    at = end + 1;
  }
  script.steps = std::move(left);
  return true;
}

}  // namespace creel::test
