#pragma once
#include <algorithm>
#include <utility>

#include "filters/eval/record_filter.h"
#include "platform/base/units.h"
#include "platform/codec/stream.h"
#include "platform/offload.h"

namespace creel::edge {

// One turn of a record filter on a pool thread: pushes pieces of a slice until it is used up or 1
// MiB of output waits. Packed input goes in small pieces, for each may come out a thousand times
// larger.
class FilterStep final : public OffloadJob {
 public:
  explicit FilterStep(filters::RecordFilter& filter) : filter_(filter) {}

  // The next slice, borrowed until done(). `last`: finish() follows it.
  void give(ByteView slice, bool last) {
    if (!sniffed_) packed_ = sniff_codec(slice) != Codec::kRaw;
    sniffed_ = true;
    slice_ = slice;
    last_ = last;
    done_ = false;
  }
  bool done() const { return done_; }
  const Result<Unit>& state() const { return state_; }
  Bytes take_output() { return std::exchange(output_, {}); }
  Bytes take_letters() { return std::exchange(letters_, {}); }

  void work() override {
    while (state_.ok() && !slice_.empty() && output_.size() < kOutputMax) {
      const std::size_t piece = std::min(slice_.size(), packed_ ? kPackedPiece : slice_.size());
      state_ = filter_.push(slice_.first(piece));
      slice_ = slice_.subspan(piece);
      collect();
    }
    if (state_.ok() && !slice_.empty()) return;
    if (state_.ok() && last_ && !filter_.sends_raw()) {
      state_ = filter_.finish();
      collect();
    }
    done_ = true;
  }

 private:
  static constexpr std::size_t kOutputMax = 1 * MiB;
  static constexpr std::size_t kPackedPiece = 16 * KiB;

  void collect() {
    take(output_, filter_.take_output());
    take(letters_, filter_.take_dead_letters());
  }
  static void take(Bytes& into, Bytes more) {
    if (into.empty()) into = std::move(more);
    else append(into, ByteView(more));
  }

  filters::RecordFilter& filter_;
  ByteView slice_;
  bool last_ = false;
  bool done_ = true;
  bool sniffed_ = false;
  bool packed_ = false;
  Result<Unit> state_{Unit{}};
  Bytes output_;
  Bytes letters_;
};

}  // namespace creel::edge
