#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "store/log/format.h"

namespace creel::store {

// Lays records one after another into the bytes of one batch. The place of a record is known before
// it is added, so that rows can name it. A NOTE and the footer always still fit.
class BatchBuilder {
 public:
  // The batch begins at `offset` of the segment and takes at most `bytes_max` there.
  BatchBuilder(const Seed& seed, std::uint64_t offset, std::uint64_t bytes_max);

  const Seed& seed() const { return seed_; }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t next_record() const { return offset_ + bytes_.size(); }
  std::uint32_t records() const { return records_; }
  // Bytes of the finished batch if one more record of that size went in.
  bool fits(std::size_t meta_bytes, std::size_t payload_bytes) const;
  static std::uint64_t record_bytes(std::size_t meta_bytes, std::size_t payload_bytes);
  // Smallest batch that holds such a record.
  static std::uint64_t batch_bytes(std::size_t meta_bytes, std::size_t payload_bytes);

  // `cells` and `crc64` as cell_crcs() made them of the payload.
  void add_op(Lsn lsn, ByteView meta, ByteView cells, ByteView payload, std::uint64_t crc64);
  void add_moves(Lsn lsn, ByteView meta);  // `lsn`: of the operation before.
  void add_note(Lsn lsn, const BulkEnd& end);
  // Pads, then writes header and footer. Returns the footer's CRC-64. Once.
  std::uint64_t finish(BatchHead head);
  Bytes take() { return std::move(bytes_); }

 private:
  void add(RecordHead head, ByteView meta, ByteView cells, ByteView payload);

  Seed seed_;
  std::uint64_t offset_;
  std::uint64_t bytes_max_;
  std::uint32_t records_ = 0;
  Bytes bytes_;
  std::vector<std::pair<std::size_t, std::size_t>> heads_;  // Where heads, keys and metas lie.
};

}  // namespace creel::store
