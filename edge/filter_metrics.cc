#include "edge/filter_metrics.h"

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel::edge {
namespace {

constexpr std::string_view kVerdicts[] = {"raw", "dropped", "held", "filtered"};

void add_totals(FilterTotals& into, const FilterTotals& more) {
  for (std::size_t i = 0; i < into.objects.size(); ++i) into.objects[i] += more.objects[i];
  into.rows_in += more.rows_in;
  into.kept += more.kept;
  into.dropped += more.dropped;
  into.dead += more.dead;
  into.bytes_in += more.bytes_in;
  into.bytes_out += more.bytes_out;
  into.dead_letter_bytes += more.dead_letter_bytes;
}

void line(std::string& out, std::string_view name, std::string_view labels, std::uint64_t value) {
  out += cat(name, '{', labels, "} ", value, '\n');
}

}  // namespace

std::string_view verdict_name(FilterVerdict verdict) {
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

void FilterMetrics::add(std::string_view bucket, std::string_view rule, FilterVerdict verdict,
                        const filters::Counters& counters) {
  Pair pair{bucket, rule};
  auto at = totals_.find(pair);
  if (at == totals_.end()) {
    if (totals_.size() >= kPairsMax) pair = Pair();
    at = totals_.try_emplace(std::move(pair)).first;
  }
  FilterTotals& totals = at->second;
  ++totals.objects[static_cast<std::size_t>(verdict)];
  if (verdict == FilterVerdict::kHeld || verdict == FilterVerdict::kSendRaw) return;
  // What left the records' hands: kept, dropped and dead are all of them.
  check(counters.rows == counters.kept + counters.dropped + counters.dead);
  totals.rows_in += counters.rows;
  totals.kept += counters.kept;
  totals.dropped += counters.dropped;
  totals.dead += counters.dead;
  totals.bytes_in += counters.bytes_in;
  if (verdict == FilterVerdict::kFiltered) totals.bytes_out += counters.bytes_out;
  totals.dead_letter_bytes += counters.dead_bytes;
  check(totals.rows_in == totals.kept + totals.dropped + totals.dead);
}

FilterTotals FilterMetrics::totals(std::string_view bucket, std::string_view rule) const {
  const auto at = totals_.find(Pair{bucket, rule});
  return at == totals_.end() ? FilterTotals{} : at->second;
}

FilterTotals FilterMetrics::all() const {
  FilterTotals sum;
  for (const auto& [pair, totals] : totals_) add_totals(sum, totals);
  return sum;
}

std::string FilterMetrics::text() const {
  std::string objects = "# TYPE creel_filter_objects_total counter\n";
  std::string rows = "# TYPE creel_filter_rows_total counter\n";
  std::string bytes = "# TYPE creel_filter_bytes_total counter\n";
  for (const auto& [pair, totals] : totals_) {
    // Bucket and rule names hold no character that needs an escape.
    const std::string who = cat("bucket=\"", pair.first, "\",rule=\"", pair.second, '"');
    for (std::size_t i = 0; i < totals.objects.size(); ++i)
      line(objects, "creel_filter_objects_total", cat(who, ",outcome=\"", kVerdicts[i], '"'),
           totals.objects[i]);
    line(rows, "creel_filter_rows_total", cat(who, ",outcome=\"kept\""), totals.kept);
    line(rows, "creel_filter_rows_total", cat(who, ",outcome=\"dropped\""), totals.dropped);
    line(rows, "creel_filter_rows_total", cat(who, ",outcome=\"dead\""), totals.dead);
    line(bytes, "creel_filter_bytes_total", cat(who, ",dir=\"in\""), totals.bytes_in);
    line(bytes, "creel_filter_bytes_total", cat(who, ",dir=\"out\""), totals.bytes_out);
    line(bytes, "creel_filter_bytes_total", cat(who, ",dir=\"dead\""), totals.dead_letter_bytes);
  }
  std::string held = "# TYPE creel_filter_held_total counter\n";
  for (const auto& [reason, count] : held_by_reason_)
    line(held, "creel_filter_held_total", cat("reason=\"", reason, '"'), count);
  return cat(objects, rows, bytes, held);
}

}  // namespace creel::edge
