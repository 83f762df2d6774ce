#include "filters/language/rule_set.h"

#include <algorithm>

#include "filters/language/parser.h"
#include "filters/language/plan.h"
#include "filters/language/rule_canonical.h"
#include "filters/language/rule_fields.h"
#include "filters/language/rule_tests.h"
#include "platform/base/text.h"

namespace creel::filters {
namespace {

// Fields whose stages this build does not run. Refused, because a rule that is only half obeyed is
// worse than none.
constexpr std::string_view kLaterFields[] = {"route",  "time", "time_unit", "max_keys",
                                             "shadow", "also", "lane"};

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 32) return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  return true;
}

}  // namespace

// Builds one rule from its table.
class RuleBuilder {
 public:
  RuleBuilder(const RuleDocument& document, std::string context, const KeyLoader& keys,
              RuleOptions options)
      : fields_(document, std::move(context)), keys_(keys), options_(options) {}

  std::unique_ptr<Rule> build(const TomlValue& table) {
    rule_ = std::make_unique<Rule>();
    table_ = &table;
    for (const TomlEntry& entry : table.entries)
      if (!field(entry)) return nullptr;
    if (!load_key() || !predicate() || !statement() || !consistent()) return nullptr;
    seal(*rule_);
    if (options_.run_tests && !run_tests()) return nullptr;
    return std::move(rule_);
  }

  const std::string& error() const { return fields_.error(); }
  ErrorCode code() const { return code_; }

 private:
  const TomlValue& at(std::string_view name) const {
    const TomlValue* value = table_->find(name);
    return value != nullptr ? *value : *table_;
  }
  bool given(std::string_view name) const { return table_->find(name) != nullptr; }
  bool refuse(std::string_view name, std::string reason) {
    return fields_.refuse(at(name), name, std::move(reason));
  }

  bool field(const TomlEntry& entry) {
    for (const std::string_view later : kLaterFields)
      if (entry.name == later) {
        code_ = ErrorCode::kUnsupported;
        return fields_.refuse(entry.value, entry.name, "is not executed by this build");
      }
    return object_field(entry) || (fields_.error().empty() && record_field(entry)) ||
           (fields_.error().empty() && error_field(entry)) ||
           (fields_.error().empty() && worker_field(entry)) ||
           fields_.refuse(entry.value, "", cat("unknown field '", entry.name, "'"));
  }

  bool object_field(const TomlEntry& entry) {
    const TomlValue& value = entry.value;
    int which = 0;
    if (entry.name == "name") {
      return fields_.string(value, "name", rule_->name) &&
             (is_name(rule_->name) ||
              fields_.refuse(value, "name", "expected 1 to 32 of a-z, 0-9 and -"));
    }
    if (entry.name == "match" || entry.name == "sql")
      return value.type == TomlType::kString ||
             fields_.refuse(value, entry.name, "expected a string");
    if (entry.name == "targets")
      return fields_.strings(value, "targets", rule_->targets) &&
             (!rule_->targets.empty() || fields_.refuse(value, "targets", "the list is empty"));
    if (entry.name == "action") {
      if (!fields_.choice(value, "action", {"replicate", "hold", "drop"}, which)) return false;
      rule_->action = static_cast<Action>(which);
      return true;
    }
    return false;
  }

  bool record_field(const TomlEntry& entry) {
    const TomlValue& value = entry.value;
    int which = 0;
    if (entry.name == "format") return read_format(fields_, value, *rule_);
    if (entry.name == "encode") return encode(value);
    if (entry.name == "scope") {
      if (value.type == TomlType::kString && value.string == "stream") {
        code_ = ErrorCode::kUnsupported;
        return fields_.refuse(value, "scope", "\"stream\" is not executed by this build");
      }
      return fields_.choice(value, "scope", {"object"}, which);
    }
    if (entry.name == "columns") return fields_.strings(value, "columns", rule_->columns);
    if (entry.name == "new_column") {
      if (!fields_.choice(value, "new_column", {"pass", "strip", "hold"}, which)) return false;
      rule_->new_column = static_cast<NewColumn>(which);
      return true;
    }
    if (entry.name == "missing") {
      if (!fields_.choice(value, "missing", {"error", "null"}, which)) return false;
      rule_->missing_is_null = which == 1;
      return true;
    }
    if (entry.name == "redacts") return fields_.boolean(value, "redacts", rule_->redacting);
    if (entry.name == "validate") return fields_.choice(value, "validate", {"full"}, which);
    if (entry.name == "key") return key(value);
    if (entry.name == "tests") return tests(value);
    return false;
  }

  bool error_field(const TomlEntry& entry) {
    const TomlValue& value = entry.value;
    int which = 0;
    if (entry.name == "on_error") {
      if (!fields_.choice(value, "on_error", {"dlq", "drop", "pass", "fail_object"}, which))
        return false;
      rule_->on_error = static_cast<OnError>(which);
      return true;
    }
    if (entry.name == "where_false") {
      if (!fields_.choice(value, "where_false", {"drop", "dlq"}, which)) return false;
      rule_->where_false_dead_letter = which == 1;
      return true;
    }
    if (entry.name == "redact_error") {
      if (!fields_.choice(value, "redact_error", {"hold", "dlq"}, which)) return false;
      rule_->redact_error_dead_letter = which == 1;
      return true;
    }
    if (entry.name == "max_errors")
      return fields_.error_limit(value, "max_errors", rule_->max_errors);
    if (entry.name == "max_record")
      return fields_.bytes(value, "max_record", 64, 16 * MiB, rule_->max_record);
    if (entry.name == "max_inflated")
      return fields_.bytes(value, "max_inflated", 1, 1024 * 1024 * GiB, rule_->max_inflated);
    if (entry.name == "state_memory")
      return fields_.bytes(value, "state_memory", 64 * KiB, 256 * MiB, rule_->state_memory);
    if (entry.name == "binary") {
      if (!fields_.choice(value, "binary", {"hold", "replicate"}, which)) return false;
      rule_->binary_replicate = which == 1;
      return true;
    }
    return false;
  }

  bool worker_field(const TomlEntry& entry) {
    const TomlValue& value = entry.value;
    int which = 0;
    if (entry.name == "empty") {
      if (!fields_.choice(value, "empty", {"skip", "marker"}, which)) return false;
      rule_->empty_marker = which == 1;
      return true;
    }
    if (entry.name == "deletes") {
      if (!fields_.choice(value, "deletes", {"replicate", "ignore"}, which)) return false;
      rule_->replicate_deletes = which == 0;
      return true;
    }
    if (entry.name == "coalesce") {
      if (value.type == TomlType::kString && value.string == "latest") {
        code_ = ErrorCode::kUnsupported;
        return fields_.refuse(value, "coalesce", "\"latest\" is not executed by this build");
      }
      return fields_.choice(value, "coalesce", {"none"}, which);
    }
    if (entry.name == "metadata") {
      if (value.type == TomlType::kArray) {
        rule_->metadata = MetadataPolicy::kNames;
        return fields_.strings(value, "metadata", rule_->metadata_names);
      }
      if (!fields_.choice(value, "metadata", {"copy", "none"}, which)) return false;
      rule_->metadata = which == 0 ? MetadataPolicy::kCopy : MetadataPolicy::kNone;
      return true;
    }
    if (entry.name == "retain") {
      Duration retain;
      if (!fields_.duration(value, "retain", retain)) return false;
      rule_->retain = retain;
      return true;
    }
    if (entry.name == "dead_letter")
      return fields_.string(value, "dead_letter", rule_->dead_letter_bucket);
    return false;
  }

  bool encode(const TomlValue& value) {
    std::string text;
    if (!fields_.string(value, "encode", text)) return false;
    const std::size_t plus = text.find('+');
    const std::string_view format = std::string_view(text).substr(0, plus);
    const std::string_view packing =
        plus == std::string::npos ? std::string_view() : std::string_view(text).substr(plus + 1);
    bool fine =
        packing.empty() ? plus == std::string::npos : packing == "zstd" || packing == "none";
    if (packing == "zstd") rule_->compress = Compress::kZstd;
    if (packing == "none") rule_->compress = Compress::kNone;
    if (format == "csv") rule_->encode = RecordFormat::kCsv;
    else if (format == "ndjson") rule_->encode = RecordFormat::kNdjson;
    else fine = fine && format == "same";
    return fine ||
           fields_.refuse(value, "encode",
                          "expected same, csv or ndjson, with +zstd or +none behind it if wanted");
  }

  bool key(const TomlValue& value) {
    if (value.type != TomlType::kTable)
      return fields_.refuse(value, "key", "expected {hmac = …, id = …}");
    for (const TomlEntry& entry : value.entries) {
      if (entry.name == "hmac") {
        if (!fields_.string(entry.value, "key.hmac", rule_->key_reference)) return false;
      } else if (entry.name == "id") {
        if (!fields_.string(entry.value, "key.id", rule_->key_id)) return false;
      } else {
        return fields_.refuse(entry.value, "key", cat("unknown field '", entry.name, "'"));
      }
    }
    const std::string& reference = rule_->key_reference;
    const bool known = reference.rfind("file:", 0) == 0 || reference.rfind("env:", 0) == 0;
    if (!known) return fields_.refuse(value, "key.hmac", "expected \"file:PATH\" or \"env:NAME\"");
    if (rule_->key_id.empty() || rule_->key_id.size() > 64)
      return fields_.refuse(value, "key.id", "expected a name of 1 to 64 bytes");
    return true;
  }

  bool tests(const TomlValue& value) {
    if (value.type != TomlType::kArray || value.items.size() > 64)
      return fields_.refuse(value, "tests", "expected a list of up to 64 cases");
    for (const TomlValue& item : value.items) {
      RuleTest& test = rule_->tests.emplace_back();
      if (item.find("in") == nullptr) return fields_.refuse(item, "tests", "a case needs `in`");
      for (const TomlEntry& entry : item.entries) {
        std::string text;
        const bool counts = entry.value.type == TomlType::kInteger && entry.value.integer >= 0;
        if (entry.name == "in") {
          if (!fields_.string(entry.value, "tests.in", test.in)) return false;
        } else if (entry.name == "out") {
          if (!fields_.string(entry.value, "tests.out", text)) return false;
          test.out = text;
        } else if (entry.name == "dlq" && counts) {
          test.dead = static_cast<std::uint64_t>(entry.value.integer);
        } else if (entry.name == "dropped" && counts) {
          test.dropped = static_cast<std::uint64_t>(entry.value.integer);
        } else {
          return fields_.refuse(entry.value, "tests",
                                cat("'", entry.name, "': expected in, out, dlq or dropped"));
        }
      }
    }
    return true;
  }

  bool load_key() {
    if (rule_->key_reference.empty()) return true;
    auto bytes = keys_.load(rule_->key_reference);
    if (bytes.ok() && bytes.value().size() >= KeyedHash::kKeyBytesMin) {
      rule_->key = std::make_unique<KeyedHash>(ByteView(bytes.value()));
      volatile std::uint8_t* wipe = bytes.value().data();
      for (std::size_t i = 0; i < bytes.value().size(); ++i) wipe[i] = 0;
      return true;
    }
    if (!options_.keys_required) return rule_->key_missing = true;
    if (bytes.ok())
      return refuse("key", cat("the key is shorter than ", KeyedHash::kKeyBytesMin, " bytes"));
    code_ = ErrorCode::kUnavailable;
    return refuse("key", cat("cannot read the key: ", bytes.error().detail));
  }

  bool predicate() {
    if (!given("match")) return true;
    const TomlValue& text = at("match");
    SqlError error;
    if (!parse_predicate(text.string, rule_->match, error))
      return fields_.refuse_text(text, "match", error.offset, error.reason);
    rule_->match_program = std::make_unique<Program>();
    Schema schema;
    Compiler compiler(schema, *rule_->match_program);
    if (!compiler.predicate(*rule_->match))
      return fields_.refuse_text(text, "match", compiler.error().offset, compiler.error().reason);
    if (compiler.redacts()) return fields_.refuse(text, "match", "a redaction has no use here");
    rule_->match_text = print(*rule_->match);
    return true;
  }

  bool statement() {
    if (!given("sql")) return true;
    const TomlValue& text = at("sql");
    if (given("action") && rule_->action != Action::kReplicate)
      return refuse("action", "hold and drop send nothing, so there is no use for sql");
    rule_->action = Action::kFilter;
    rule_->statement = std::make_unique<Statement>();
    SqlError error;
    if (!parse_statement(text.string, *rule_->statement, error))
      return fields_.refuse_text(text, "sql", error.offset, error.reason);
    if (!rule_->statement->except.empty()) rule_->redacting = true;
    defaults_of_redaction(text);
    SqlError csv_error;
    SqlError json_error;
    if (rule_->format != RecordFormat::kNdjson)
      rule_->csv_plan = make_plan(*rule_, RecordFormat::kCsv, csv_error);
    if (rule_->format != RecordFormat::kCsv)
      rule_->ndjson_plan = make_plan(*rule_, RecordFormat::kNdjson, json_error);
    if (rule_->csv_plan == nullptr && rule_->ndjson_plan == nullptr) {
      const SqlError& first = rule_->format == RecordFormat::kNdjson ? json_error : csv_error;
      return fields_.refuse_text(text, "sql", first.offset, first.reason);
    }
    if (rule_->ndjson_plan != nullptr) rule_->ndjson_plan->tree.unique_keys = rule_->redacting;
    return true;
  }

  // Whether the statement redacts decides defaults the plans are built with, so it is asked before.
  void defaults_of_redaction(const TomlValue&) {
    const Statement& s = *rule_->statement;
    const auto look = [&](const Expr& root) {
      std::vector<const Expr*> stack{&root};
      while (!stack.empty()) {
        const Expr* expr = stack.back();
        stack.pop_back();
        if (expr->kind == ExprKind::kCall && is_redaction(expr->function)) rule_->redacting = true;
        for (const ExprPtr& arg : expr->args) stack.push_back(arg.get());
      }
    };
    if (s.where != nullptr) look(*s.where);
    for (const Item& item : s.items) look(*item.expr);
    for (const Replacement& change : s.replace) look(*change.expr);
    if (!rule_->redacting) return;
    if (!given("new_column")) rule_->new_column = NewColumn::kHold;
    if (!given("metadata")) rule_->metadata = MetadataPolicy::kNone;
  }

  bool consistent() {
    if (rule_->statement == nullptr) return no_record_fields();
    const bool names_known = rule_->csv.header == CsvFormat::Header::kUse ||
                             rule_->csv.header == CsvFormat::Header::kNames;
    if (rule_->csv.header == CsvFormat::Header::kNames && rule_->columns.empty())
      rule_->columns = rule_->csv.names;
    if (!rule_->columns.empty() && !names_known && rule_->format != RecordFormat::kNdjson)
      return refuse("columns", "without a header give the names as format.header = [...]");
    const bool same = !rule_->encode || rule_->encode == rule_->format;
    if (rule_->on_error == OnError::kPass && !same)
      return refuse(
          "on_error",
          "\"pass\" needs the output format of the input: set format.type to match encode");
    if (!rule_->csv.has_quote && rule_->csv.quoted_newlines)
      return refuse("format", "quoted_newlines needs a quote");
    return !rule_->redacting || fails_closed();
  }

  bool no_record_fields() {
    constexpr std::string_view kOnlyWithSql[] = {
        "format",  "encode",     "on_error",   "where_false",  "columns", "new_column",
        "missing", "max_errors", "max_record", "max_inflated", "redacts", "redact_error",
        "tests",   "key",        "binary",     "empty"};
    for (const std::string_view name : kOnlyWithSql)
      if (given(name)) return refuse(name, "has no effect without sql");
    return true;
  }

  // What a redacting rule may not say.
  bool fails_closed() {
    if (rule_->on_error == OnError::kPass)
      return refuse("on_error", "\"pass\" would let a failed record through unredacted");
    if (rule_->binary_replicate)
      return refuse("binary", "\"replicate\" would let the object through unredacted");
    if (rule_->csv.pad_ragged)
      return refuse("format", "ragged = \"pad\" could shift a column past its redaction");
    if (!rule_->statement->star) return true;
    if (rule_->columns.empty())
      return refuse("sql",
                    "a redacting SELECT * needs columns = [...]: a new column must not get out");
    if (rule_->new_column == NewColumn::kPass)
      return refuse("new_column", "\"pass\" would let a new column out");
    return true;
  }

  bool run_tests() {
    std::string reason;
    std::size_t which = 0;
    if (run_rule_tests(*rule_, which, reason)) return true;
    return fields_.refuse(at("tests").items[which], "tests", reason);
  }

  FieldReader fields_;
  const KeyLoader& keys_;
  RuleOptions options_;
  ErrorCode code_ = ErrorCode::kInvalid;
  std::unique_ptr<Rule> rule_{};
  const TomlValue* table_ = nullptr;
};

// Builds the set.
class RuleSetLoader {
 public:
  RuleSetLoader(const RuleDocument& document, const KeyLoader& keys, RuleOptions options)
      : document_(document), keys_(keys), options_(options) {}

  Result<std::shared_ptr<const RuleSet>> load() {
    auto set = std::make_shared<RuleSet>();
    FieldReader fields(document_, "");
    bool default_given = false;
    const TomlValue* rules = nullptr;
    for (const TomlEntry& entry : document_.root.entries) {
      if (entry.name == "default") {
        int which = 0;
        if (!fields.choice(entry.value, "default", {"replicate", "hold", "drop"}, which)) break;
        set->default_ = static_cast<Action>(which);
        default_given = true;
      } else if (entry.name == "rule") {
        rules = &entry.value;
        if (rules->type != TomlType::kArray) {
          fields.refuse(*rules, "rule", "expected [[rule]] tables");
          break;
        }
      } else {
        fields.refuse(entry.value, "", cat("unknown field '", entry.name, "'"));
        break;
      }
    }
    if (!fields.error().empty()) return fail(ErrorCode::kInvalid, fields.error());
    if (rules != nullptr) TRY_DO(add_rules(*rules, *set));
    const bool redacting = std::any_of(set->rules_.begin(), set->rules_.end(),
                                       [](const auto& rule) { return rule->redacting; });
    if (redacting && !default_given)
      return fail(ErrorCode::kInvalid,
                  "default must be stated when a rule redacts: an object whose key matches no rule "
                  "would be "
                  "sent raw");
    return std::shared_ptr<const RuleSet>(std::move(set));
  }

 private:
  Result<Unit> add_rules(const TomlValue& list, RuleSet& set) {
    if (list.items.size() > RuleSet::kRulesMax)
      return fail(ErrorCode::kTooLarge, cat("more than ", RuleSet::kRulesMax, " rules"));
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      const TomlValue& table = list.items[i];
      const TomlValue* name = table.find("name");
      const bool named = name != nullptr && name->type == TomlType::kString;
      const std::string context =
          named ? cat("rule '", name->string.substr(0, 40), "', ") : cat("rule ", i + 1, ", ");
      FieldReader fields(document_, context);
      if (table.type != TomlType::kTable) {
        fields.refuse(table, "", "expected a table");
        return fail(ErrorCode::kInvalid, fields.error());
      }
      if (!named) {
        fields.refuse(table, "", "a rule needs a name");
        return fail(ErrorCode::kInvalid, fields.error());
      }
      if (set.find(name->string) != nullptr) {
        fields.refuse(*name, "name", "another rule has this name");
        return fail(ErrorCode::kInvalid, fields.error());
      }
      RuleBuilder builder(document_, context, keys_, options_);
      std::unique_ptr<Rule> rule = builder.build(table);
      if (rule == nullptr) return fail(builder.code(), builder.error());
      set.rules_.push_back(std::move(rule));
    }
    return Unit{};
  }

  const RuleDocument& document_;
  const KeyLoader& keys_;
  RuleOptions options_;
};

Result<std::shared_ptr<const RuleSet>> RuleSet::parse_toml(std::string_view toml,
                                                           const KeyLoader& keys,
                                                           RuleOptions options) {
  if (toml.size() > kBytesMax)
    return fail(ErrorCode::kTooLarge, cat("rules are longer than ", kBytesMax, " bytes"));
  TRY(document, read_toml_document(toml));
  return RuleSetLoader(document, keys, options).load();
}

Result<std::shared_ptr<const RuleSet>> RuleSet::parse_json(std::string_view json,
                                                           const KeyLoader& keys,
                                                           RuleOptions options) {
  if (json.size() > kBytesMax)
    return fail(ErrorCode::kTooLarge, cat("rules are longer than ", kBytesMax, " bytes"));
  TRY(document, read_json_document(json));
  return RuleSetLoader(document, keys, options).load();
}

Decision RuleSet::decide(const ObjectInfo& object, std::string_view target) const {
  for (const auto& rule : rules_) {
    const bool aimed = target.empty() || std::any_of(rule->targets.begin(), rule->targets.end(),
                                                     [&](const std::string& name) {
                                                       return name == "*" || name == target;
                                                     });
    if (!aimed) continue;
    if (rule->match_program != nullptr) {
      const std::optional<bool> matches = evaluate_match(*rule->match_program, object);
      // A rule that cannot be decided must not let the object slip on to a laxer one.
      if (!matches) return {Action::kHold, rule.get(), true};
      if (!*matches) continue;
    }
    return {rule->action, rule.get(), false};
  }
  return {default_, nullptr, false};
}

const Rule* RuleSet::find(std::string_view name) const {
  for (const auto& rule : rules_)
    if (rule->name == name) return rule.get();
  return nullptr;
}

std::string RuleSet::canonical_json() const {
  std::string out = cat("{\"default\":\"", action_name(default_), "\",\"rule\":[");
  for (std::size_t i = 0; i < rules_.size(); ++i)
    out += cat(i == 0 ? "" : ",", rules_[i]->canonical_json);
  return out + "]}";
}

}  // namespace creel::filters
