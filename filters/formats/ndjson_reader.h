#pragma once
#include <vector>

#include "filters/formats/json_scan.h"
#include "filters/formats/record_reader.h"

namespace creel::filters {

// JSON objects, one a line. Lines of white space are no records.
class NdjsonReader final : public RecordReader {
 public:
  NdjsonReader(const JsonTree& tree, std::size_t record_bytes_max, const ByteKernels& kernels)
      : record_bytes_max_(record_bytes_max), kernels_(kernels), scanner_(tree, kernels) {}

  std::size_t cut(ByteView window, bool final) override;
  Oversize oversize(ByteView window) override { return {window.size(), true}; }
  // One pass over a record checks it and fills all slots, so nothing is left for gather_items.
  void gather_where(std::uint32_t first, std::uint32_t count, Frame& frame) override;
  void gather_items(std::uint32_t, Frame&) override {}

  JsonScanner& scanner() { return scanner_; }

 private:
  std::size_t record_bytes_max_;
  const ByteKernels& kernels_;
  JsonScanner scanner_;
  std::vector<Value> record_values_{};
};

}  // namespace creel::filters
