#include <cstring>
#include <vector>

#include "core/erasure/coder.h"
#include "platform/cpu/crc.h"
#include "tests/bench/bench.h"

namespace creel::bench {

// Data bytes a second of one core; cells of 64 KiB, working set of one stripe.
void erasure() {
  heading("erasure coding, one core (GB/s of data)");
  constexpr std::size_t kCell = 64 << 10;
  std::vector<std::uint8_t> from(1 << 20, 3), into(1 << 20);
  double begin = now_s();
  std::size_t copied = 0;
  for (; now_s() - begin < 0.5; copied += from.size())
    std::memcpy(into.data(), from.data(), from.size());
  const double memcpy_rate = static_cast<double>(copied) / (now_s() - begin) / 1e9;
  for (const core::Layout layout : {core::Layout{4, 2}, core::Layout{8, 4}}) {
    core::Coder coder;
    const unsigned n = layout.slots();
    std::vector<std::uint8_t> memory(n * kCell + 64, 5);
    std::uint8_t* base =
        memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
    std::vector<std::uint8_t*> cells;
    for (unsigned slot = 0; slot < n; ++slot) cells.push_back(base + slot * kCell);
    const std::string name = std::to_string(layout.data) + "+" + std::to_string(layout.parity);
    std::size_t done = 0;
    begin = now_s();
    for (; now_s() - begin < 0.5; done += layout.data * kCell) coder.encode(layout, cells, kCell);
    row("encode " + name, static_cast<double>(done) / (now_s() - begin) / 1e9, "GB/s", memcpy_rate,
        "memcpy");
    const std::uint32_t all = (1u << n) - 1;
    const std::uint32_t lost = (1u << layout.parity) - 1;
    done = 0;
    begin = now_s();
    for (; now_s() - begin < 0.5; done += layout.data * kCell)
      coder.rebuild(layout, cells, kCell, all & ~lost, lost);
    row("rebuild " + name + ", " + std::to_string(layout.parity) + " lost",
        static_cast<double>(done) / (now_s() - begin) / 1e9, "GB/s", memcpy_rate, "memcpy");
  }
  std::size_t summed = 0;
  std::uint64_t crc = 0;
  begin = now_s();
  for (; now_s() - begin < 0.5; summed += kCell) crc ^= crc64_nvme(ByteView(from).first(kCell));
  row("CRC-64/NVME of a cell", static_cast<double>(summed) / (now_s() - begin) / 1e9, "GB/s",
      memcpy_rate, crc == 1 ? "memcpy " : "memcpy");
}

}  // namespace creel::bench
