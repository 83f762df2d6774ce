#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "filters/eval/record_filter.h"

namespace creel::edge {

// What the filter did to an object.
enum class FilterVerdict : std::uint8_t {
  kSendRaw,   // By a recorded decision, the bytes as they are.
  kDrop,      // Nothing goes out, counted.
  kHeld,      // Parked: neither sent nor forgotten.
  kFiltered,  // The output goes in place of the body.
};
std::string_view verdict_name(FilterVerdict verdict);  // raw dropped held filtered

// Totals of one bucket and rule since the start; an object evaluated again counts again.
struct FilterTotals {
  std::array<std::uint64_t, 4> objects{};  // By FilterVerdict.
  std::uint64_t rows_in = 0, kept = 0, dropped = 0, dead = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t dead_letter_bytes = 0;
};

// Conservation is checked with every object: rows_in = kept + dropped + dead.
class FilterMetrics {
 public:
  // Pairs of bucket and rule kept apart; what comes later shares the pair "" "".
  static constexpr std::size_t kPairsMax = 512;

  void add(std::string_view bucket, std::string_view rule, FilterVerdict verdict,
           const filters::Counters& counters);
  void add_held(std::string_view reason) { ++held_by_reason_[std::string(reason)]; }

  FilterTotals totals(std::string_view bucket, std::string_view rule) const;
  FilterTotals all() const;
  // Prometheus text: creel_filter_objects_total, _rows_total, _bytes_total, _held_total.
  std::string text() const;

 private:
  using Pair = std::pair<std::string, std::string>;
  std::map<Pair, FilterTotals> totals_;
  std::map<std::string, std::uint64_t> held_by_reason_;  // The closed list of reasons.
};

}  // namespace creel::edge
