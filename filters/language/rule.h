#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/eval/keyed_hash.h"
#include "filters/eval/program.h"
#include "filters/formats/csv_reader.h"
#include "filters/formats/json_scan.h"
#include "filters/language/ast.h"
#include "platform/base/bytes.h"
#include "platform/base/units.h"

namespace creel::filters {

// What object rules see. From the index alone: no body is read.
struct ObjectInfo {
  std::string bucket;
  std::string key;
  std::string content_type;
  std::uint64_t size = 0;
  std::string etag;
  std::string version;
  std::vector<std::pair<std::string, std::string>>
      metadata;  // Names without x-amz-meta-, lower case.
  std::vector<std::pair<std::string, std::string>> tags;
  std::int64_t age_ms = 0;  // Log time of the operation less the object's own time.
};

// Why an object stays, sent nowhere, until somebody acts. The names stand in metrics and tables.
enum class HeldReason : std::uint8_t {
  kCompile,    // No compiled rule for this format.
  kKey,        // The key is lost or was changed under the same id.
  kColumns,    // A column is missing, new, or there twice.
  kRedaction,
  kBinary,
  kTruncated,  // gzip or zstd cut short, damaged, or with something behind it.
  kBomb,
  kMaxErrors,
  kDlqFull,
  kMatch,      // `match` failed on this object.
};
std::string_view held_name(HeldReason reason);

enum class Action : std::uint8_t { kReplicate, kHold, kDrop, kFilter };
std::string_view action_name(Action action);

enum class RecordFormat : std::uint8_t { kAuto, kCsv, kNdjson };
enum class OnError : std::uint8_t { kDeadLetter, kDrop, kPass, kFailObject };
enum class NewColumn : std::uint8_t { kPass, kStrip, kHold };
enum class Compress : std::uint8_t { kSame, kZstd, kNone };
enum class MetadataPolicy : std::uint8_t { kCopy, kNone, kNames };

// How many records may fail before the object is held.
struct ErrorLimit {
  bool absolute = false;
  std::uint64_t count = 0;     // absolute
  std::uint32_t per_mille = 10;  // Of all rows.
  bool exceeded(std::uint64_t errors, std::uint64_t rows) const {
    if (absolute) return errors > count;
    return errors * 1000 > rows * per_mille;
  }
};

// A statement compiled for one input format.
struct Plan {
  enum class Shape : std::uint8_t { kCopy, kColumns, kCsvStar, kJsonEdit };
  struct Column {
    std::string name;
    std::optional<Path> cell;  // A CSV column that is copied as it stands.
    Operand operand{};
  };
  struct Change {
    Path path;
    Operand operand{};
  };
  RecordFormat input = RecordFormat::kCsv;
  RecordFormat output = RecordFormat::kCsv;
  Shape shape = Shape::kCopy;
  Program program{};
  JsonTree tree{};
  std::vector<Column> columns{};     // kColumns
  std::vector<Path> except{};        // kCsvStar
  std::vector<Change> replace{};     // kCsvStar, kJsonEdit
};

struct RuleTest {
  std::string in;
  std::optional<std::string> out;
  std::optional<std::uint64_t> dead;
  std::optional<std::uint64_t> dropped;
};

// One [[rule]], checked and compiled. Immutable.
struct Rule {
  std::string name;
  std::vector<std::string> targets{"*"};
  Action action = Action::kReplicate;  // kFilter if there is sql.
  ExprPtr match{};                     // Null: every object.
  std::unique_ptr<Program> match_program{};
  std::string match_text;              // As written, canonical.

  // Of a filter:
  std::unique_ptr<Statement> statement{};
  std::unique_ptr<Plan> csv_plan{};
  std::unique_ptr<Plan> ndjson_plan{};
  RecordFormat format = RecordFormat::kAuto;
  CsvFormat csv{};
  std::optional<RecordFormat> encode{};  // Nothing: as the input.
  Compress compress = Compress::kSame;
  OnError on_error = OnError::kDeadLetter;
  bool where_false_dead_letter = false;
  bool redacting = false;
  bool redact_error_dead_letter = false;
  std::vector<std::string> columns{};
  NewColumn new_column = NewColumn::kPass;
  bool missing_is_null = false;
  ErrorLimit max_errors{};
  std::uint64_t max_record = 1 * MiB;
  std::uint64_t max_inflated = 8 * GiB;
  std::uint64_t state_memory = 4 * MiB;
  bool binary_replicate = false;

  // For the worker:
  bool empty_marker = false;
  bool replicate_deletes = true;
  MetadataPolicy metadata = MetadataPolicy::kCopy;
  std::vector<std::string> metadata_names{};
  std::optional<Duration> retain{};
  std::string dead_letter_bucket{};  // Empty: <bucket>.dlq

  std::unique_ptr<KeyedHash> key{};
  std::string key_reference{};
  std::string key_id{};
  bool key_missing = false;  // Every object is held until the set is compiled again.

  std::vector<RuleTest> tests{};
  std::vector<std::string> warnings{};
  std::array<std::uint8_t, 32> identity{};  // SHA-256 of canonical_json.
  std::string canonical_json;

  std::string identity_hex() const;
  const Plan* plan(RecordFormat format) const {
    return format == RecordFormat::kCsv ? csv_plan.get() : ndjson_plan.get();
  }
};

// What format the object's records have: the rule's, or by Content-Type, then by suffix (.csv,
// .ndjson, .jsonl, each also with .gz or .zst). Nothing if neither tells.
std::optional<RecordFormat> detect_format(const Rule& rule, const ObjectInfo& object);

// Evaluates a match program. Nothing if it failed on this object.
std::optional<bool> evaluate_match(const Program& program, const ObjectInfo& object);
// Fills the slots that read the object; the texts must outlive the frame's use.
void bind_object(Frame& frame, const ObjectInfo& object);

}  // namespace creel::filters
