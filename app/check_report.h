#pragma once
#include <string>
#include <vector>

#include "store/store.h"

namespace creel::app {

// A store of this process, and the folder that people know it by.
struct NamedStore {
  std::string folder;
  store::Store* store = nullptr;
};

// How far their checks are, as JSON: {"running", "whole", "damaged", "stores": [{"folder",
// "running", "whole", "rows", "rows_expected", "bodies", "bytes", "bytes_expected",
// "log_operations", "damaged", "findings": […]}]}.
std::string checks_json(const std::vector<NamedStore>& stores);

}  // namespace creel::app
