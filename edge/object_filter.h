#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/filter_metrics.h"
#include "edge/rule_documents.h"
#include "edge/spool.h"
#include "platform/async/event.h"
#include "s3/service/object_service.h"

namespace creel::edge {

// One object version that a target is to get.
struct FilterInput {
  std::string bucket, key;
  std::uint64_t lsn = 0;       // Of the operation that is processed: chooses the rules in force.
  s3::ObjectRecord record;     // As opened, with its headers.
  std::string target;          // Name of the target; rules may name some.
  std::int64_t log_time_ms = 0;  // Of that operation, for o.age. 0: the object's own time.
};

struct FilterOutcome {
  FilterVerdict verdict = FilterVerdict::kHeld;
  std::string rule;      // Its name; empty: no rule matched, the default decided.
  std::string identity;  // 64 hex digits, of a rule.
  // kHeld: the reason by filters::held_name(), or "hold" (the rule says so); kDrop: "rule",
  // "default" or "empty".
  std::string reason;
  std::string detail;    // For people; holds no value of the object.
  bool retry_later = false;  // kHeld: may pass by itself (a key that was lost).
  std::string key;                  // kSendRaw, kFiltered: under which to send it.
  std::vector<s3::Header> headers;  // kSendRaw, kFiltered.
  Spooled body;                     // kFiltered.
  filters::Counters counters;       // Of a rule with a statement that was not held.
};

struct ObjectFilterOptions {
  std::string site_name;                 // For provenance; may be empty.
  std::string owner = "creel-root";      // Of dead letter buckets made on demand.
  std::size_t output_memory_max = 8 * MiB;  // Longer outputs become local blobs.
  std::size_t letters_memory_max = 1 * MiB;
  std::uint64_t parallel = 2;            // Evaluations side by side.
};

// The filter worker's engine: what of an object may leave the site, by the rules in force at its
// log position. Output is used only after the whole object went through; whatever fails holds the
// object, raw bytes never stand in. Dead letters are durable before an outcome is returned. The
// same input gives the same outcome, byte for byte, however often it runs. Loop thread only;
// borrows all it is made with.
class ObjectFilter {
 public:
  ObjectFilter(s3::ObjectService& service, const filters::KeyLoader& keys,
               ObjectFilterOptions options)
      : service_(service), rules_(keys), options_(std::move(options)), slots_(options_.parallel) {}

  // Errors are the world's, not the object's, and worth a retry: kIo, kNoSpace, kUnavailable,
  // kStopped, kCorrupt. kNotFound: the bytes or the bucket are gone, a later operation tells why.
  Task<Result<FilterOutcome>> run(Ctx& ctx, FilterInput input);

  // Whether a delete of `key` at `lsn` travels: yes, unless the first rule that can match it says
  // deletes = "ignore". Errors: as run().
  Result<bool> delete_travels(std::string_view bucket, std::string_view key, std::uint64_t lsn,
                              std::string_view target);

  // The output from `offset` on, for a kFiltered outcome, which must outlive the reader.
  std::unique_ptr<BodyReader> body(const FilterOutcome& outcome, std::uint64_t offset) const {
    return read_spooled(service_.blobs(), outcome.body, offset);
  }
  // Frees what a sent outcome holds in the store.
  Task<void> release(Ctx& ctx, FilterOutcome outcome);

  const FilterMetrics& metrics() const { return metrics_; }

 private:
  struct Governing {
    Rules rules;  // Null: no filter, or `broken`.
    std::string broken;  // The stored document does not compile: why.
  };
  Result<Governing> governing(std::string_view bucket, std::uint64_t lsn);
  Task<Result<FilterOutcome>> evaluate(Ctx& ctx, const FilterInput& input,
                                       const filters::Rule& rule, const filters::ObjectInfo& info,
                                       FilterOutcome outcome);
  Task<Result<Unit>> pump(Ctx& ctx, const FilterInput& input, filters::RecordFilter& filter,
                          Spool& output, Spool& letters);
  Task<Result<Unit>> keep_letters(Ctx& ctx, const FilterInput& input, const filters::Rule& rule,
                                  std::string bucket, Spooled letters);
  Task<Result<Unit>> put_letters(Ctx& ctx, s3::PutArguments arguments, const Spooled& letters);
  void count(const FilterInput& input, const FilterOutcome& outcome);

  s3::ObjectService& service_;
  RuleCache rules_;
  ObjectFilterOptions options_;
  Semaphore slots_;
  FilterMetrics metrics_;
};

}  // namespace creel::edge
