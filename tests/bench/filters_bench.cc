// Speed of the record engine on one core, beside its physical limit: memchr over the same bytes for
// line feeds.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "filters/eval/record_filter.h"
#include "filters/formats/byte_kernels.h"
#include "filters/language/rule_set.h"
#include "platform/base/text.h"
#include "platform/codec/stream.h"

namespace creel::bench {
namespace {

using namespace creel::filters;

std::uint64_t next(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

// Vibration rows of about 51 bytes.
std::string csv_data(std::size_t bytes) {
  std::string out = "ts,device,rms_mm_s,peak_mm_s,temp,status\n";
  std::uint64_t state = 42;
  char line[128];
  for (unsigned i = 0; out.size() < bytes; ++i) {
    const unsigned r = static_cast<unsigned>(next(state));
    std::snprintf(line, sizeof line,
                  "2026-01-02T03:%02u:%02u.%03uZ,pump-%02u,%u.%03u,%u.%02u,%u.%u,%s\n", i / 60 % 60,
                  i % 60, r % 1000, r % 17, r >> 8 & 3, r % 1000, r >> 4 & 15, r % 100,
                  20 + (r >> 3 & 31), r % 10, r % 50 == 0 ? "ALARM" : "OK");
    out += line;
  }
  return out;
}

// Events of about 230 bytes.
std::string json_data(std::size_t bytes) {
  std::string out;
  std::uint64_t state = 42;
  char line[400];
  while (out.size() < bytes) {
    const unsigned r = static_cast<unsigned>(next(state));
    std::snprintf(
        line, sizeof line,
        "{\"ts\":\"2026-01-02T03:04:%02u.%03uZ\",\"device\":{\"id\":\"gw-%04u\",\"site\":\"north\","
        "\"fw\":\"1.4.%u\"},"
        "\"level\":\"%s\",\"temp\":%u.%02u,\"rssi\":-%u,\"tags\":[\"a\",\"b%u\",\"c\"],"
        "\"msg\":\"sensor reported \\\"value\\\" within the expected range\",\"seq\":%u}\n",
        r % 60, r % 1000, r % 9999, r % 9, r % 40 == 0 ? "error" : "info", r % 60, r % 100, r % 90,
        r % 7, r);
    out += line;
  }
  return out;
}

class BenchKey final : public KeyLoader {
 public:
  Result<Bytes> load(std::string_view) const override { return Bytes(32, 7); }
};

template <class Work>
double best_seconds(Work work) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (taken.count() < best) best = taken.count();
  }
  return best;
}

void print(const char* name, std::size_t bytes, double seconds, double limit) {
  const double rate = static_cast<double>(bytes) / seconds / 1e6;
  std::printf("filters %-34s %8.0f MB/s   %.3f of memchr\n", name, rate, rate / limit);
}

void run_sql(const char* name, const char* lines, const std::string& stored,
             std::size_t plain_bytes, const char* key, double limit) {
  const BenchKey keys;
  auto set = RuleSet::parse_toml(cat("default = \"hold\"\n[[rule]]\nname = \"b\"\n", lines), keys);
  if (!set.ok()) {
    std::printf("filters %s: %s\n", name, set.error().detail.c_str());
    return;
  }
  ObjectInfo object;
  object.key = key;
  Counters counters;
  const double seconds = best_seconds([&] {
    auto filter = RecordFilter::make(*set.value()->rules()[0], object);
    constexpr std::size_t kSlice = 256 * 1024;
    for (std::size_t at = 0; at < stored.size(); at += kSlice) {
      (void)filter->push(as_bytes(std::string_view(stored).substr(at, kSlice))).ok();
      (void)filter->take_output();
    }
    if (!filter->finish().ok())
      std::printf("filters %s: %s\n", name, filter->held_detail().c_str());
    counters = filter->counters();
  });
  print(name, plain_bytes, seconds, limit);
  if (counters.rows == 0) std::printf("filters %s: no rows\n", name);
}

}  // namespace

// Measures over `bytes` of seeded data of each kind.
void filters(std::size_t bytes) {
  const std::string csv = csv_data(bytes);
  const std::string json = json_data(bytes);
  std::size_t lines = 0;
  const double memchr_seconds = best_seconds([&] {
    const char* at = csv.data();
    const char* const end = at + csv.size();
    while (at != end) {
      const void* hit = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
      if (hit == nullptr) break;
      at = static_cast<const char*>(hit) + 1;
      ++lines;
    }
  });
  if (lines == 0) std::printf("filters: no lines\n");  // Keeps the count alive.
  const double limit = static_cast<double>(csv.size()) / memchr_seconds / 1e6;
  print("memchr newline count", csv.size(), memchr_seconds, limit);
  const ByteKernels* kernels[8];
  const std::size_t count = all_byte_kernels(kernels, 8);
  std::vector<std::uint32_t> ends(kIndexBytesMax + kIndexSlack);
  std::vector<std::uint32_t> rows(kIndexBytesMax + kIndexSlack);
  for (std::size_t k = 0; k < count; ++k) {
    const double csv_seconds = best_seconds([&] {
      for (std::size_t at = 0; at < csv.size(); at += kIndexBytesMax) {
        CsvIndex index;
        index.ends = ends.data();
        index.row_ends = rows.data();
        kernels[k]->csv(reinterpret_cast<const std::uint8_t*>(csv.data()) + at,
                        std::min(kIndexBytesMax, csv.size() - at), {}, index);
      }
    });
    print(cat("CSV index, ", kernels[k]->name).c_str(), csv.size(), csv_seconds, limit);
    const double json_seconds = best_seconds([&] {
      for (std::size_t at = 0; at < json.size(); at += kIndexBytesMax) {
        JsonIndex index;
        index.tokens = ends.data();
        kernels[k]->json(reinterpret_cast<const std::uint8_t*>(json.data()) + at,
                         std::min(kIndexBytesMax, json.size() - at), index);
      }
    });
    print(cat("JSON index, ", kernels[k]->name).c_str(), json.size(), json_seconds, limit);
  }
  run_sql("CSV WHERE number", "sql = 'SELECT * FROM S3Object WHERE rms_mm_s > 3.9'", csv,
          csv.size(), "a.csv", limit);
  run_sql("CSV WHERE number OR text",
          "sql = \"SELECT * FROM S3Object WHERE rms_mm_s > 3.9 OR status = 'ALARM'\"", csv,
          csv.size(), "a.csv", limit);
  run_sql("CSV list of 3 columns, all rows", "sql = 'SELECT ts, device, rms_mm_s FROM S3Object'",
          csv, csv.size(), "a.csv", limit);
  run_sql("CSV HMAC of one column, all rows",
          "key = {hmac='env:K', id='k'}\nsql = 'SELECT ts, HMAC(device) device, rms_mm_s FROM "
          "S3Object'",
          csv, csv.size(), "a.csv", limit);
  run_sql("NDJSON WHERE 2 fields",
          "sql = \"SELECT * FROM S3Object WHERE level = 'error' AND temp > 30\"", json, json.size(),
          "a.ndjson", limit);
  run_sql("NDJSON WHERE nested", "sql = \"SELECT * FROM S3Object WHERE device.id = 'gw-0001'\"",
          json, json.size(), "a.ndjson", limit);
  if (const auto packed = zstd_compress(as_bytes(csv), 3); packed.ok())
    run_sql("CSV zstd -> WHERE -> zstd", "sql = 'SELECT * FROM S3Object WHERE rms_mm_s > 3.7'",
            to_string(packed.value()), csv.size(), "a.csv.zst", limit);
}

}  // namespace creel::bench

#ifdef CREEL_FILTERS_BENCH_MAIN
int main() { creel::bench::filters(256 << 20); }
#endif
