#include "app/check_report.h"

#include "platform/codec/json.h"

namespace creel::app {

std::string checks_json(const std::vector<NamedStore>& stores) {
  bool running = false;
  bool whole = true;
  std::uint64_t damaged = 0;
  for (const NamedStore& named : stores) {
    const store::CheckProgress& progress = named.store->check_progress();
    running = running || progress.running;
    whole = whole && progress.whole;
    damaged += progress.damaged;
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("running", running).field("whole", whole && !running).field("damaged", damaged);
  json.name("stores").begin_array();
  for (const NamedStore& named : stores) {
    const store::CheckProgress& progress = named.store->check_progress();
    json.begin_object();
    json.field("folder", named.folder);
    json.field("running", progress.running).field("whole", progress.whole);
    json.field("rows", progress.rows).field("rows_expected", named.store->status().rows);
    json.field("bodies", progress.bodies);
    json.field("bytes", progress.bytes).field("bytes_expected", progress.bytes_expected);
    json.field("log_operations", progress.log_operations).field("damaged", progress.damaged);
    json.name("findings").begin_array();
    for (const std::string& text : progress.findings) json.string(text);
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return out;
}

}  // namespace creel::app
