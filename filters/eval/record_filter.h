#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "filters/language/rule.h"
#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel::filters {

// rows = kept + dropped + dead, always. `unknown` and `over_limit` are parts of dropped, `passed`
// of kept.
struct Counters {
  std::uint64_t rows = 0;
  std::uint64_t kept = 0;
  std::uint64_t dropped = 0;
  std::uint64_t dead = 0;
  std::uint64_t unknown = 0;     // WHERE was NULL.
  std::uint64_t over_limit = 0;  // Behind LIMIT.
  std::uint64_t passed = 0;      // Failed, and on_error = "pass".
  std::uint64_t errors = 0;      // Records that failed, wherever they went.
  std::uint64_t bytes_in = 0;    // As stored.
  std::uint64_t bytes_inflated = 0;
  std::uint64_t bytes_out = 0;   // Encoded output.
  std::uint64_t dead_bytes = 0;
};

struct FilterOptions {
  bool judge_errors =
      true;  // Whether max_errors holds the object: not for a rule's own small tests.
};

// One object version through one filtering rule. Push the body in pieces of any size, then finish;
// the output is the same whatever the pieces were. Memory is bounded by the rule. Nothing may be
// published before finish() was ok: an object that is held gives no output at all, but pieces taken
// before it are already outside.
class RecordFilter {
 public:
  // `rule` (an action = filter rule) must outlive the filter; `object` is copied.
  static std::unique_ptr<RecordFilter> make(const Rule& rule, const ObjectInfo& object,
                                            FilterOptions options = {});
  virtual ~RecordFilter() = default;

  // Errors: kInvalid once the object is held; see held() and held_detail(). Further calls repeat
  // it.
  virtual Result<Unit> push(ByteView input) = 0;
  virtual Result<Unit> finish() = 0;

  // What is ready; moves it out.
  virtual Bytes take_output() = 0;
  virtual Bytes take_dead_letters() = 0;

  virtual const Counters& counters() const = 0;
  virtual std::optional<HeldReason> held() const = 0;
  // For people; holds no value of the object.
  virtual const std::string& held_detail() const = 0;
  // The object is no text and the rule says that then it goes as it is: no output, send the raw
  // bytes.
  virtual bool sends_raw() const = 0;
  // Valid after finish().
  virtual std::string_view output_content_type() const = 0;
  virtual bool output_is_zstd() const = 0;
};

}  // namespace creel::filters
