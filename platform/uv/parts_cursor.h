#pragma once
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "platform/base/bytes.h"
#include "platform/base/check.h"
#include "platform/base/units.h"

namespace creel {

// What is left of the parts of one write, for writev-like calls that may take only some of it.
class PartsCursor {
 public:
  static constexpr std::size_t kVectors = 32;
  explicit PartsCursor(std::span<const ByteView> parts) : parts_(parts) { skip_empty(); }

  bool done() const { return part_ == parts_.size(); }
  // The unbroken bytes at the cursor. Only if not done().
  ByteView front() const { return parts_[part_].subspan(taken_); }

  // Fills `out` from the cursor on; at most 1 GiB, so that a signed 32-bit count can tell it.
  std::size_t fill(std::span<iovec, kVectors> out) const {
    std::size_t count = 0;
    std::size_t room = 1 * GiB;
    std::size_t taken = taken_;
    for (std::size_t i = part_; i < parts_.size() && count < out.size() && room > 0; ++i) {
      const ByteView bytes = parts_[i].subspan(taken);
      taken = 0;
      if (bytes.empty()) continue;
      const std::size_t length = std::min(bytes.size(), room);
      out[count++] = {const_cast<std::uint8_t*>(bytes.data()), length};
      room -= length;
    }
    return count;
  }

  void advance(std::size_t bytes) {
    while (bytes > 0) {
      check(!done());
      const std::size_t step = std::min(bytes, front().size());
      taken_ += step;
      bytes -= step;
      skip_empty();
    }
  }

 private:
  void skip_empty() {
    while (part_ < parts_.size() && taken_ == parts_[part_].size()) {
      ++part_;
      taken_ = 0;
    }
  }
  std::span<const ByteView> parts_;
  std::size_t part_ = 0;
  std::size_t taken_ = 0;  // Of parts_[part_].
};

}  // namespace creel
