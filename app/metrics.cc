#include "app/metrics.h"

#include "platform/base/text.h"

namespace creel::app {

void Metrics::count_request(std::string_view method, int status) {
  // Methods are the client's words: only known ones become a label.
  const bool known = method == "GET" || method == "PUT" || method == "HEAD" || method == "POST" ||
                     method == "DELETE" || method == "OPTIONS";
  const std::string labels =
      cat("{method=\"", known ? method : std::string_view("other"), "\",status=\"", status, "\"}");
  ++families_["creel_s3_requests_total"][labels];
}

void Metrics::set(std::string_view name, std::string_view labels, std::uint64_t value) {
  families_[std::string(name)][std::string(labels)] = value;
}

void Metrics::set_store(const store::Status& status) {
  set("creel_store_read_only", "", status.read_only ? 1 : 0);
  set("creel_store_last_lsn", "", status.last.value);
  set("creel_store_checkpointed_lsn", "", status.checkpointed.value);
  set("creel_store_segments", "", status.segments);
  set("creel_store_log_bytes", "", status.log_bytes);
  set("creel_store_bulk_bytes", "", status.bulk_bytes);
  set("creel_store_rows", "", status.rows);
  set("creel_store_index_bytes", "", status.index_bytes);
  set("creel_store_image_lsn", "", status.image_lsn.value);
  set("creel_store_image_bytes", "", status.image_bytes);
  set("creel_store_free_bytes", "", status.free_bytes);
  set("creel_store_batches_total", "", status.batches);
  set("creel_store_flushes_total", "", status.flushes);
  set("creel_store_damaged_ranges", "", status.damaged_ranges);
  set("creel_store_damaged_objects", "", status.damaged_objects);
  set("creel_store_scrub_completed_seconds", "",
      static_cast<std::uint64_t>(status.scrub.completed_wall_ms / 1'000));
  set("creel_store_scrub_running", "", status.scrub.running ? 1 : 0);
  set("creel_store_scrub_damaged", "", status.scrub.damaged);
  set("creel_store_mirrors_down", "", status.mirrors_down.size());
  set("creel_store_mirrors_catching_up", "", status.mirrors_catching_up.size());
}

std::string Metrics::text() const {
  std::string out;
  for (const auto& [name, series] : families_) {
    out += cat("# TYPE ", name, name.ends_with("_total") ? " counter\n" : " gauge\n");
    for (const auto& [labels, value] : series) out += cat(name, labels, ' ', value, '\n');
  }
  return out;
}

}  // namespace creel::app
