#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "platform/base/list.h"
#include "platform/base/units.h"
#include "store/store.h"
#include "store/types.h"

namespace creel::store {

// Why a segment must not be used anew although no row names a byte of it: somebody reads or writes
// there, or a body was sealed and its operation is still to come. Loop thread only.
class Pins {
 public:
  // One user of some segments; may outlive the Pins (a simulated crash).
  class Hold final : public ReadHold, public ListNode {
   public:
    explicit Hold(Pins& pins) : pins_(&pins) { pins.holds_.push_back(*this); }
    ~Hold() override;
    void add(std::uint32_t segment);
    void clear();

   private:
    friend class Pins;
    Pins* pins_;
    std::vector<std::uint32_t> segments_;
  };

  Pins() = default;
  ~Pins();
  bool pinned(std::uint32_t segment) const;

  // A sealed body is kept until an operation names it, it is abandoned, or nobody named it for so
  // long that nobody will; an operation that comes later is refused.
  static constexpr Duration kUnnamedKept{15 * 60'000'000'000};
  void sealed(std::span<const Extent> extents, Instant now);
  void named(std::uint32_t segment, std::uint32_t generation, std::uint64_t offset);
  void abandoned(std::span<const Extent> extents);
  void expire(Instant now);

 private:
  using Place = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>;
  List<Hold> holds_;
  std::map<std::uint32_t, unsigned> held_;
  std::map<Place, Instant> unnamed_;
};

}  // namespace creel::store
