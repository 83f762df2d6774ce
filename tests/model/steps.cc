#include "tests/model/steps.h"

#include <algorithm>
#include <deque>

#include "platform/base/text.h"
#include "tests/model/http_s3.h"

namespace creel::test {
namespace {

const char* const kAlgorithms[] = {"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"};
const char* const kDelimiters[] = {"/", "/", "/", "//", "b", "\xc3\xa9", "\xff", "a/", " "};
const char* const kRanges[] = {"bytes=0-0",   "bytes=1-",   "bytes=-1",      "bytes=-5000",
                               "bytes=0-",    "bytes=10-5", "bytes=99-100",  "bytes=4095-4096",
                               "bytes=-0",    "bytes=x-1",  "bytes=0-0,2-3", "bytes=100-99999999",
                               "bytes=4096-", "items=0-1",  "bytes=00-01"};

HeaderMap header_set(std::uint8_t number) {
  switch (number % 6) {
    case 1: return {{"content-type", "text/plain"}};
    case 2: return {{"content-type", "a/b"}, {"x-amz-meta-a", "1"}, {"x-amz-meta-b", "zwei"}};
    case 3: return {{"x-amz-meta-long", std::string(300, 'l')}};
    case 4: return {{"cache-control", "no-cache"}, {"x-amz-meta-u", "\xc3\xa9t\xc3\xa9"}};
    case 5: return {{"x-amz-meta-big", std::string(1'900, static_cast<char>('a' + number % 26))}};
    default: return {};
  }
}

std::uint32_t draw_size(TestRandom& random) {
  static constexpr std::uint32_t kEdges[] = {0,     1,     999,   1'000, 1'001,  4'095,
                                             4'096, 4'097, 8'192, 9'000, 16'384, 20'000};
  const std::uint64_t kind = random.below(100);
  if (kind < 70) return static_cast<std::uint32_t>(random.skewed_below(600));
  if (kind < 90) return kEdges[random.below(std::size(kEdges))];
  if (kind < 99) return static_cast<std::uint32_t>(random.below(6'000));
  return static_cast<std::uint32_t>(random.below(70'000));
}

class Generator {
 public:
  Generator(std::uint64_t seed, bool http) : random_(seed) {
    script_.seed = seed;
    script_.http = http;
    script_.keys = hurtful_keys(random_);
    if (http)
      std::erase_if(script_.keys, [](const std::string& key) { return !is_sayable_key(key); });
    weight_crash_ = random_.chance(0.5) ? 0.01 : 0.002;
    hot_ = static_cast<std::uint16_t>(random_.between(2, 8));
  }

  Script make(std::size_t count) {
    for (std::uint8_t b = 0; b < kBucketNames.size(); ++b) add_bucket(b);
    while (script_.steps.size() < count) add(draw());
    Step audit;
    audit.act = Act::kAudit;
    add(audit);
    return std::move(script_);
  }

 private:
  void add(Step step) {
    step.id = static_cast<std::uint32_t>(script_.steps.size());
    if (step.act == Act::kRequest && step.verb == Verb::kCreateUpload) {
      uploads_.push_back({step.id, step.bucket, step.key, step.algorithm});
      if (uploads_.size() > 6) uploads_.pop_front();
    }
    script_.steps.push_back(std::move(step));
  }
  void add_bucket(std::uint8_t bucket) {
    Step step;
    step.verb = Verb::kCreateBucket;
    step.bucket = bucket;
    add(step);
  }

  std::uint16_t draw_key() {
    if (random_.chance(0.4)) return static_cast<std::uint16_t>(random_.below(hot_));
    return static_cast<std::uint16_t>(random_.below(script_.keys.size()));
  }
  Tag draw_tag(double chance) {
    if (!random_.chance(chance)) return Tag::kNone;
    return random_.between(Tag::kAny, Tag::kOther);
  }
  std::string draw_algorithm() { return kAlgorithms[random_.below(std::size(kAlgorithms))]; }
  Promise draw_promise() {
    Promise promise;
    if (random_.chance(0.2)) promise.algorithm = draw_algorithm();
    promise.wrong_checksum = !promise.algorithm.empty() && random_.chance(0.05);
    promise.md5 = random_.chance(0.1);
    promise.wrong_md5 = promise.md5 && random_.chance(0.1);
    promise.wrong_length = random_.chance(0.005);
    return promise;
  }
  void draw_body(Step& step) {
    step.body_seed = static_cast<std::uint32_t>(random_.next());
    step.body_bytes = draw_size(random_);
    step.promise = draw_promise();
  }
  void draw_write_conditions(Step& step) {
    if (random_.chance(0.5)) step.if_match = draw_tag(0.25);
    else step.if_none_match = draw_tag(0.25);
  }
  void draw_listing(Step& step) {
    if (random_.chance(0.4))
      step.prefix_bytes =
          static_cast<std::uint16_t>(random_.skewed_below(script_.keys[step.key].size() + 1));
    if (random_.chance(0.6)) step.delimiter = kDelimiters[random_.below(std::size(kDelimiters))];
    step.from_start = random_.chance(0.6);
    step.source_key = draw_key();
    step.marker_bytes =
        random_.chance(0.6) ? UINT16_MAX : static_cast<std::uint16_t>(random_.below(20));
    static constexpr std::uint16_t kPages[] = {0, 1, 2, 3, 7, 100, 1000, 1000};
    step.count_max = kPages[random_.below(std::size(kPages))];
  }
  // A step on one of the uploads made lately; false if there is none.
  bool on_upload(Step& step) {
    if (uploads_.empty()) return false;
    const Made& made = uploads_[random_.below(uploads_.size())];
    step.upload = made.step;
    step.bucket = made.bucket;
    step.key = made.key;
    step.algorithm = made.algorithm;
    if (random_.chance(0.01)) step.key = draw_key();  // An upload is named by its key too.
    return true;
  }

  Step draw() {
    Step step;
    step.bucket = static_cast<std::uint8_t>(random_.below(kBucketNames.size()));
    step.key = draw_key();
    step.source_bucket = random_.chance(0.7)
                             ? step.bucket
                             : static_cast<std::uint8_t>(random_.below(kBucketNames.size()));
    step.source_key = draw_key();
    if (random_.chance(weight_crash_)) {
      draw_act(step);
      return step;
    }
    draw_request(step);
    if (random_.chance(0.35)) step.with_next = true;
    const bool can_be_found_out = step.verb != Verb::kSetVersioning;
    if (can_be_found_out && random_.chance(weight_crash_ / 2))
      step.crash_after_us = static_cast<std::int64_t>(random_.below(2'500));
    return step;
  }
  void draw_act(Step& step) {
    const std::uint64_t kind = random_.below(100);
    if (kind < 35) step.act = Act::kCrash;
    else if (kind < 50) step.act = Act::kKill;
    else if (kind < 65) step.act = Act::kRestart;
    else if (kind < 85) step.act = Act::kCheckpoint;
    else if (kind < 91) step.act = Act::kRebuild;
    else if (kind < 97) step.act = Act::kImage;
    else step.act = Act::kAudit;
    if (random_.chance(0.2)) step.crash_after_us = static_cast<std::int64_t>(random_.below(20'000));
  }
  void draw_request(Step& step) {
    const std::uint64_t kind = random_.below(1000);
    if (kind < 280) draw_put(step);
    else if (kind < 480) draw_get(step);
    else if (kind < 590) draw_delete(step);
    else if (kind < 690) draw_copy(step);
    else if (kind < 800) draw_list(step);
    else if (kind < 850) draw_create_upload(step);
    else if (kind < 988) draw_on_upload(step);
    else if (kind < 991) step.verb = Verb::kCreateBucket;
    else if (kind < 994) draw_versioning(step);
    else if (kind < 998) step.verb = Verb::kDeleteBucket;
    else draw_list_buckets(step);
  }
  void draw_put(Step& step) {
    step.verb = Verb::kPut;
    draw_body(step);
    draw_write_conditions(step);
    if (random_.chance(0.4)) step.headers = static_cast<std::uint8_t>(random_.below(60));
  }
  void draw_get(Step& step) {
    step.verb = Verb::kGet;
    if (random_.chance(0.3)) step.range = kRanges[random_.below(std::size(kRanges))];
    step.version = draw_version(0.2);
  }
  void draw_delete(Step& step) {
    step.verb = Verb::kDelete;
    step.if_match = draw_tag(0.2);
    step.version = draw_version(0.5);
  }
  void draw_versioning(Step& step) {
    step.verb = Verb::kSetVersioning;
    step.enable = random_.chance(0.7);
  }
  Which draw_version(double chance) {
    if (!random_.chance(chance)) return Which::kCurrent;
    return random_.between(Which::kNull, Which::kUnknown);
  }
  void draw_copy(Step& step) {
    step.verb = Verb::kCopy;
    draw_write_conditions(step);
    step.source_if_match = draw_tag(0.1);
    step.source_if_none_match = draw_tag(0.1);
    step.replace_headers = random_.chance(0.4);
    if (step.replace_headers) step.headers = static_cast<std::uint8_t>(random_.below(60));
    if (random_.chance(0.2)) step.algorithm = draw_algorithm();
    if (random_.chance(0.1)) step.source_key = step.key;
    step.source_version = draw_version(0.15);
  }
  void draw_list(Step& step) {
    step.verb = random_.chance(0.75) ? Verb::kList : Verb::kListVersions;
    if (random_.chance(0.15)) step.verb = Verb::kListUploads;
    draw_listing(step);
  }
  void draw_list_buckets(Step& step) {
    step.verb = Verb::kListBuckets;
    step.count_max = static_cast<std::uint16_t>(random_.below(5));
    step.prefix_bytes = static_cast<std::uint16_t>(random_.below(8));
  }
  void draw_create_upload(Step& step) {
    step.verb = Verb::kCreateUpload;
    if (random_.chance(0.4)) step.algorithm = draw_algorithm();
    if (random_.chance(0.4)) step.headers = static_cast<std::uint8_t>(random_.below(60));
  }
  void draw_on_upload(Step& step) {
    if (!on_upload(step)) return draw_create_upload(step);
    const std::uint64_t kind = random_.below(100);
    step.part = static_cast<std::uint16_t>(random_.chance(0.9) ? random_.between(1, 4)
                                                               : random_.between(1, 10'000));
    if (kind < 45) {
      step.verb = Verb::kPutPart;
      draw_body(step);
      if (random_.chance(0.5)) step.body_bytes += 1'000;  // Else most were too small.
    } else if (kind < 55) {
      step.verb = Verb::kCopyPart;
      step.source_bucket = step.bucket;
      step.source_if_match = draw_tag(0.1);
      if (random_.chance(0.4))
        step.range = cat("bytes=", random_.below(20), '-', 20 + random_.below(3'000));
    } else if (kind < 65) {
      step.verb = Verb::kListParts;
      step.count_max = static_cast<std::uint16_t>(random_.chance(0.5) ? 1000 : random_.below(4));
    } else if (kind < 92) {
      step.verb = Verb::kComplete;
      draw_write_conditions(step);
      const std::uint64_t choice = random_.below(20);
      if (choice < 4) step.parts = static_cast<PartsChoice>(choice + 1);
      step.wrong_size = random_.chance(0.03);
    } else {
      step.verb = Verb::kAbort;
    }
  }

  struct Made {
    std::uint32_t step;
    std::uint8_t bucket;
    std::uint16_t key;
    std::string algorithm;
  };
  TestRandom random_;
  Script script_;
  std::deque<Made> uploads_;
  double weight_crash_ = 0;
  std::uint16_t hot_ = 4;
};

std::string tag_text(Tag tag, const ReferenceS3::Object* current) {
  switch (tag) {
    case Tag::kNone: return {};
    case Tag::kAny: return "*";
    case Tag::kCurrent: return current != nullptr ? current->etag : md5_etag("nothing there");
    case Tag::kOther: return md5_etag("another one");
  }
  return {};
}

std::string version_text(Which which, const ReferenceS3& state, const std::string& bucket,
                         const std::string& key) {
  static const std::string kUnknownId = "01M88XXZRY0000000000008000";
  if (which == Which::kCurrent) return {};
  if (which == Which::kNull) return "null";
  const auto found = state.buckets().find(bucket);
  if (which == Which::kUnknown || found == state.buckets().end()) return kUnknownId;
  const auto older = found->second.older.find(key);
  const bool has_older = older != found->second.older.end();
  const ReferenceS3::Object* current = state.find(bucket, key);
  if (which == Which::kOldest && has_older) return older->second.front().version;
  if (current != nullptr) return current->version;
  return has_older ? older->second.back().version : kUnknownId;
}

void choose_parts(const Step& step, const ReferenceS3::Upload* upload, S3Request& request) {
  std::uint64_t total = 0;
  if (upload != nullptr) {
    for (const auto& [number, part] : upload->parts) {
      WantedPart wanted{number, part.etag, base64_of(part.checksum)};
      if (step.parts == PartsChoice::kNoChecksums) wanted.checksum.clear();
      request.parts.push_back(std::move(wanted));
      total += part.body->size();
    }
    if (step.parts == PartsChoice::kAllButFirst && request.parts.size() > 1) {
      total -= upload->parts.begin()->second.body->size();
      request.parts.erase(request.parts.begin());
    }
    if (step.wrong_size) request.object_size = total + 1;
    else if (step.body_seed % 4 == 1) request.object_size = total;
  }
  if (step.parts == PartsChoice::kUnknown || request.parts.empty())
    request.parts.push_back({9'999, md5_etag("no such part"), {}});
  if (step.parts == PartsChoice::kWrongTag) request.parts.back().etag = md5_etag("another part");
}

}  // namespace

std::vector<std::string> hurtful_keys(TestRandom& random) {
  std::vector<std::string> keys = {"a",          "a/",        "a/b",
                                   "a/b/c",      "a//b",      "a//",
                                   "/",          "//",        "/a",
                                   ".",          "..",        "a/../b",
                                   "a-",         "a.",        "a0",
                                   "a b",        "a+b",       "a%2Fb",
                                   "A",          "b",         "ab",
                                   "abb",        "b/a/",      "\xc3\xa9",
                                   "\xc3\xa9/x", "e\xcc\x81", "\xe6\x97\xa5\xe6\x9c\xac/1",
                                   "\x01",       "\x7f",      "\xf4\x8f\xbf\xbf",
                                   "\xff",       "\xff\xff",  "p\xff/x",
                                   "p\xff",      "q\n",       "<&>\"'",
                                   " lead",      "trail "};
  keys.emplace_back("z\0z", 3);
  keys.emplace_back("z\0", 2);
  // Shared prefixes that part around the bounds of LMDB's layers, and at the very end.
  static constexpr std::size_t kLengths[] = {255, 479, 480, 481,  511, 512,
                                             959, 960, 961, 1023, 1024};
  for (int i = 0; i < 14; ++i) {
    std::string key(kLengths[random.below(std::size(kLengths))], random.chance(0.5) ? 'x' : 'y');
    const std::size_t at[] = {key.size() - 1, 470, 480, 240, 950};
    const std::size_t change = at[random.below(std::size(at))];
    if (change < key.size()) key[change] = random.chance(0.5) ? '/' : static_cast<char>('a' + i);
    keys.push_back(std::move(key));
  }
  for (int i = 0; i < 10; ++i) keys.push_back(random.text(1 + random.skewed_below(12), "ab/"));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  random.shuffle(keys);
  return keys;
}

Script make_script(std::uint64_t seed, std::size_t count, bool http, bool core) {
  Script script = Generator(seed, http).make(count);
  script.core = core;
  return script;
}

std::string body_text(std::uint32_t seed, std::uint32_t bytes) {
  std::string text(bytes, '\0');
  std::uint64_t word = mix64(seed);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (at % 8 == 0) word = word * 0x9e3779b97f4a7c15u + seed + at;
    text[at] = static_cast<char>(word >> (at % 8 * 8));
  }
  return text;
}

S3Request resolve(const Script& script, const Step& step, const ReferenceS3& state,
                  const std::map<std::uint32_t, std::string>& uploads) {
  S3Request request;
  request.verb = step.verb;
  request.bucket = kBucketNames[step.bucket];
  request.key = script.keys[step.key];
  request.source_bucket = kBucketNames[step.source_bucket];
  request.source_key = script.keys[step.source_key];
  const ReferenceS3::Object* current = state.find(request.bucket, request.key);
  const ReferenceS3::Object* source = state.find(request.source_bucket, request.source_key);
  if (step.verb == Verb::kPut || step.verb == Verb::kPutPart)
    request.body = std::make_shared<const std::string>(body_text(step.body_seed, step.body_bytes));
  request.promise = step.promise;
  request.headers = header_set(step.headers);
  request.if_match = tag_text(step.if_match, current);
  request.if_none_match = tag_text(step.if_none_match, current);
  request.source_if_match = tag_text(step.source_if_match, source);
  request.source_if_none_match = tag_text(step.source_if_none_match, source);
  request.replace_headers = step.replace_headers;
  request.version = version_text(step.version, state, request.bucket, request.key);
  request.source_version =
      version_text(step.source_version, state, request.source_bucket, request.source_key);
  request.enable = step.enable;
  request.range = step.range;
  request.algorithm = step.algorithm;
  request.part = step.part;
  const auto id = uploads.find(step.upload);
  request.upload_id = id == uploads.end() ? "never-given" : id->second;
  if (step.verb == Verb::kComplete)
    choose_parts(step, state.find_upload(request.bucket, request.upload_id), request);
  request.prefix = step.verb == Verb::kListBuckets
                       ? std::string("alpha-2").substr(0, step.prefix_bytes)
                       : request.key.substr(0, step.prefix_bytes);
  request.delimiter = step.delimiter;
  if (!step.from_start) request.after = request.source_key.substr(0, step.marker_bytes);
  request.count_max = step.count_max;
  return script.http ? sayable(std::move(request)) : request;
}

std::string show(const Script& script, const Step& step) {
  static const char* const kActs[] = {"",           "crash",   "kill",  "restart",
                                      "checkpoint", "rebuild", "image", "audit"};
  static const char* const kVerbs[] = {
      "create-bucket", "delete-bucket", "list-buckets", "put",           "get",       "delete",
      "copy",          "list",          "versions",     "create-upload", "put-part",  "copy-part",
      "list-parts",    "list-uploads",  "complete",     "abort",         "versioning"};
  static const char* const kTags[] = {"", "*", "current", "other"};
  std::string line = cat(step.id, ": ");
  if (step.act != Act::kRequest) {
    line += kActs[static_cast<std::size_t>(step.act)];
  } else {
    const auto key = [&](std::uint16_t index) {
      const std::string& name = script.keys[index];
      return name.size() <= 40 ? percent_encode(name, true)
                               : cat(percent_encode(name.substr(0, 8), true), "…(", name.size(),
                                     " B, key ", index, ")");
    };
    line += cat(kVerbs[static_cast<std::size_t>(step.verb)], ' ', kBucketNames[step.bucket], ' ',
                key(step.key));
    if (step.verb == Verb::kPut || step.verb == Verb::kPutPart)
      line += cat(" bytes=", step.body_bytes);
    if (step.verb == Verb::kCopy || step.verb == Verb::kCopyPart)
      line += cat(" from ", kBucketNames[step.source_bucket], ' ', key(step.source_key));
    static const char* const kWhich[] = {"", "null", "oldest", "newest", "unknown"};
    if (step.version != Which::kCurrent)
      line += cat(" version=", kWhich[static_cast<std::size_t>(step.version)]);
    if (step.source_version != Which::kCurrent)
      line += cat(" source-version=", kWhich[static_cast<std::size_t>(step.source_version)]);
    if (step.verb == Verb::kSetVersioning) line += step.enable ? " enabled" : " suspended";
    if (step.upload != 0) line += cat(" upload-of-step=", step.upload, " part=", step.part);
    if (step.if_match != Tag::kNone)
      line += cat(" if-match=", kTags[static_cast<std::size_t>(step.if_match)]);
    if (step.if_none_match != Tag::kNone)
      line += cat(" if-none-match=", kTags[static_cast<std::size_t>(step.if_none_match)]);
    if (!step.range.empty()) line += cat(" range=", step.range);
    if (!step.algorithm.empty()) line += cat(" algorithm=", step.algorithm);
    if (step.prefix_bytes > 0) line += cat(" prefix-bytes=", step.prefix_bytes);
    if (!step.delimiter.empty()) line += cat(" delimiter=", percent_encode(step.delimiter, true));
    if (!step.from_start) line += cat(" after=", key(step.source_key), '@', step.marker_bytes);
    if (step.verb == Verb::kList) line += cat(" max=", step.count_max);
    if (step.with_next) line += " (with the next)";
  }
  if (step.crash_after_us >= 0) line += cat(" (power goes after ", step.crash_after_us, " us)");
  return line;
}

}  // namespace creel::test
