#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "store/store.h"

namespace creel::app {

// Counters and gauges of this process, as Prometheus text (exposition format 0.0.4). Names are
// creel_<room>_<noun>_<unit>[_total]; labels never hold keys. Loop thread only.
class Metrics {
 public:
  void count_request(std::string_view method, int status);
  void forget(std::string_view name) { families_.erase(std::string(name)); }
  void set_store(const store::Status& status);
  // Any other gauge or counter, by its full name and label text ("" or `{target="core"}`).
  void set(std::string_view name, std::string_view labels, std::uint64_t value);
  std::string text() const;

 private:
  std::map<std::string, std::map<std::string, std::uint64_t>> families_;
};

}  // namespace creel::app
