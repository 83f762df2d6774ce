#pragma once
#include <string>

#include "s3/model/ops.h"
#include "store/store.h"

namespace creel::s3 {

struct ModelOptions {
  std::uint64_t part_bytes_min = 5 * MiB;  // Smallest part but the last (S3's rule).
  // core: blobs without references become rows of Table::kHeal ("d…") for the reaper, and blobs
  // written with missing slots "h…" rows for the healer. Edge: dead bytes are the cleaner's matter.
  bool track_dead_blobs = false;
};

// The deterministic state machine of buckets, objects, uploads and replication positions. One
// function of (operation, rows): no I/O, clock, randomness. The order of its answers is the order
// of the log, so a condition is decided at the moment the write takes effect.
class Model final : public store::Decider {
 public:
  explicit Model(ModelOptions options) : options_(options) {}
  store::Verdict decide(store::OpView view, store::StagedRows& rows) override;
  void find_extents(store::Table table, std::string_view key, std::string_view value,
                    std::vector<std::size_t>& at) const override {
    find_manifest_extents(table, key, value, at);
  }
  std::vector<std::string> names_of(const store::RowReader& rows, store::Table table,
                                    std::string_view key, std::string_view value,
                                    std::size_t max) const override;

 private:
  ModelOptions options_;
};

// Row keys of replication state: Table::kRepl "in"/"out" + stream, "xf" + stream + lsn (transfers);
// Table::kPark stream + lsn; Table::kFilter bucket id + lsn (rules in force from that position on).
std::string repl_in_key(std::string_view stream);
std::string repl_out_key(std::string_view stream);
std::string transfer_key(std::string_view stream, std::uint64_t lsn);
std::string park_key(std::string_view stream, std::uint64_t lsn);

struct TransferRecord {
  std::uint64_t offset = 0;  // Durable bytes from the start.
  std::uint64_t crc64 = 0;  // Of those bytes.
  std::vector<PartRef> parts;
};
Result<StreamPosition> load_position(const store::RowReader& rows,
                                     std::string_view key);  // low 0 if none
std::string encode_position(const StreamPosition& position);
std::string encode_transfer(const TransferRecord& record);  // Without its parts: rows of their own.
Result<std::optional<TransferRecord>> load_transfer(const store::RowReader& rows,
                                                    std::string_view stream, std::uint64_t lsn);
// The filter document of the bucket that governs an operation at `lsn`; empty if none.
Result<std::string> load_filter(const store::RowReader& rows, std::uint64_t bucket_id,
                                std::uint64_t lsn);

}  // namespace creel::s3
