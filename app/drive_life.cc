#include "app/drive_life.h"

#include <algorithm>

#include "platform/codec/json.h"
#include "platform/offload.h"

namespace creel::app {

std::optional<DriveLife> drive_life(const DriveCounters& counters, unsigned cycles) {
  constexpr double kControllerAdds = 1.5;
  constexpr double kDay_s = 86'400;
  if (counters.up < 60_min || counters.written_bytes == 0) return std::nullopt;
  const double per_day =
      static_cast<double>(counters.written_bytes) * kDay_s / counters.up.seconds();
  const double days =
      static_cast<double>(counters.capacity_bytes) * cycles / (per_day * kControllerAdds);
  return DriveLife{static_cast<std::uint64_t>(per_day), std::min(days / 365.25, kYearsMax)};
}

namespace {

void add_drive(JsonWriter& json, const std::string& folder, const DriveCounters& counters,
               unsigned cycles) {
  json.begin_object();
  json.field("folder", folder).field("device", counters.device);
  json.field("capacity_bytes", counters.capacity_bytes);
  json.field("written_bytes", counters.written_bytes);
  json.field("up_seconds", static_cast<std::uint64_t>(counters.up.seconds()));
  if (counters.worn_percent) json.field("worn_percent", std::uint64_t{*counters.worn_percent});
  if (const auto life = drive_life(counters, cycles)) {
    json.field("bytes_per_day", life->bytes_per_day);
    json.field("cycles", std::uint64_t{cycles});
    json.field("life_days", static_cast<std::uint64_t>(life->years * 365.25));
  }
  json.end_object();
}

}  // namespace

Task<std::string> drive_life_json(Ctx& ctx, Platform& platform,
                                  const std::vector<std::string>& folders, unsigned cycles) {
  std::vector<Result<DriveCounters>> found;
  auto work = [&] {
    for (const std::string& folder : folders) found.push_back(drive_counters(folder));
  };
  co_await offload_call(ctx, platform.offload, work);
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i].ok()) add_drive(json, folders[i], found[i].value(), cycles);
  json.end_array();
  co_return out;
}

}  // namespace creel::app
