// A run of the state machine as a list of steps that stand on their own: what a step names is
// looked up in the model when its turn comes. So any sub-list is a run too, and shrinking is
// leaving out.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tests/model/reference_s3.h"
#include "tests/support/seeds.h"

namespace creel::test {

enum class Act : std::uint8_t {
  kRequest,
  kCrash,       // The power goes while nothing is asked.
  kKill,        // The process dies, the page cache lives.
  kRestart,     // In order.
  kCheckpoint,
  kRebuild,     // In order, and the index is lost meanwhile.
  kImage,       // An image of the rows, made while the next requests run.
  kAudit,       // Everything is read and compared.
};

enum class Tag : std::uint8_t { kNone, kAny, kCurrent, kOther };  // Of a condition.
enum class Which : std::uint8_t { kCurrent, kNull, kOldest, kNewest, kUnknown };  // Version.
enum class PartsChoice : std::uint8_t { kAll, kAllButFirst, kWrongTag, kUnknown, kNoChecksums };

struct Step {
  std::uint32_t id = 0;  // Place in the whole list.
  Act act = Act::kRequest;
  Verb verb = Verb::kGet;
  bool with_next = false;           // Sent together with the next step.
  std::int64_t crash_after_us = -1;  // The power goes so long after the request was sent.
  std::uint8_t bucket = 0, source_bucket = 0;
  std::uint16_t key = 0, source_key = 0;
  std::uint32_t body_seed = 0, body_bytes = 0;
  Promise promise;
  std::uint8_t headers = 0;  // 0: none.
  Tag if_match = Tag::kNone, if_none_match = Tag::kNone;
  Tag source_if_match = Tag::kNone, source_if_none_match = Tag::kNone;
  bool replace_headers = false;
  Which version = Which::kCurrent, source_version = Which::kCurrent;
  bool enable = false;
  std::string range, algorithm;
  std::uint32_t upload = 0;  // Id of the step that created it.
  std::uint16_t part = 0;
  PartsChoice parts = PartsChoice::kAll;
  bool wrong_size = false;
  std::uint16_t prefix_bytes = 0;  // Of its key.
  std::string delimiter;
  bool from_start = true;          // Else the marker is the source key, cut at `marker_bytes`.
  std::uint16_t marker_bytes = 0;
  std::uint16_t count_max = 1000;
};

// Names drawn to hurt: long ones around LMDB's layer bounds, shared prefixes, delimiters, empty
// segments, UTF-8, bytes that sort oddly.
std::vector<std::string> hurtful_keys(TestRandom& random);
inline const std::vector<std::string> kBucketNames = {"alpha", "alpha-2", "beta"};

struct Script {
  bool http = false;  // Through the whole server.
  bool core = false;  // Not on an edge.
  std::uint64_t seed = 0;
  std::vector<std::string> keys;
  std::vector<Step> steps;
};
// The same arguments give the same script. `http`: only what can be said over HTTP.
Script make_script(std::uint64_t seed, std::size_t count, bool http = false, bool core = false);

// The request that a step stands for in a state. `uploads`: ids by the step that created them.
S3Request resolve(const Script& script, const Step& step, const ReferenceS3& state,
                  const std::map<std::uint32_t, std::string>& uploads);
std::string body_text(std::uint32_t seed, std::uint32_t bytes);
std::string show(const Script& script, const Step& step);  // One line.

}  // namespace creel::test
