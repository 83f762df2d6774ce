// The codec of segments, batches and records: what was written is read back, and nothing else is.
#include <gtest/gtest.h>

#include "platform/cpu/crc.h"
#include "store/log/batch_builder.h"
#include "store/log/drive_identity.h"
#include "store/log/state_slots.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

using namespace store;  // The room under test.

store::Seed some_seed(TestRandom& random) {
  store::Seed seed;
  for (auto& byte : seed.store) byte = static_cast<std::uint8_t>(random.next());
  seed.segment = static_cast<std::uint32_t>(random.next());
  seed.generation = static_cast<std::uint32_t>(random.next());
  return seed;
}

struct Sample {
  store::Seed seed;
  std::uint64_t offset;
  std::vector<Op> ops;
  std::optional<BulkEnd> note;
  BatchHead head;
  Bytes bytes;
};

Sample make_sample(TestRandom& random) {
  Sample sample;
  sample.seed = some_seed(random);
  sample.offset = (1 + random.below(1'000)) * kBlock;
  BatchBuilder builder(sample.seed, sample.offset, 1 * MiB);
  sample.head.number = random.next();
  sample.head.first_lsn = {random.below(1'000'000)};
  sample.head.durable_batch = random.next();
  sample.head.chain = random.next();
  sample.head.wall_ms = random.next();
  const int count = random.between(1, 12);
  for (int i = 0; i < count; ++i) {
    Op op;
    op.meta = random.bytes(random.skewed_below(2'000));
    op.payload = random.bytes(random.skewed_below(200'000));
    if (!builder.fits(op.meta.size(), op.payload.size())) break;
    std::uint64_t crc = 0;
    const Bytes cells = cell_crcs(op.payload, crc);
    EXPECT_EQ(crc, crc64_nvme(op.payload));
    builder.add_op({sample.head.first_lsn.value + sample.ops.size()}, op.meta, cells, op.payload,
                   crc);
    sample.ops.push_back(std::move(op));
  }
  if (random.chance(0.5)) {
    sample.note = BulkEnd{7, 3, 4'096 * random.below(100)};
    builder.add_note({sample.head.first_lsn.value + sample.ops.size() - 1}, *sample.note);
  }
  builder.finish(sample.head);
  sample.bytes = builder.take();
  return sample;
}

TEST(StoreRecord, ABatchIsReadBackAsItWasBuilt) {
  for (test::Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Sample sample = make_sample(random);
    EXPECT_EQ(sample.bytes.size() % kBlock, 0u);
    Result<BatchView> parsed = parse_batch(sample.seed, sample.offset, sample.bytes, true);
    ASSERT_TRUE(parsed.ok()) << error_text(parsed.error());
    const BatchView& batch = parsed.value();
    EXPECT_EQ(batch.head.number, sample.head.number);
    EXPECT_EQ(batch.head.chain, sample.head.chain);
    EXPECT_EQ(batch.head.durable_batch, sample.head.durable_batch);
    EXPECT_EQ(batch.head.wall_ms, sample.head.wall_ms);
    EXPECT_TRUE(batch.payloads_good);
    ASSERT_EQ(batch.records.size(), sample.ops.size() + (sample.note ? 1 : 0));
    for (std::size_t i = 0; i < sample.ops.size(); ++i) {
      const RecordView& record = batch.records[i];
      EXPECT_EQ(record.head.lsn.value, sample.head.first_lsn.value + i);
      EXPECT_TRUE(equal(record.meta, sample.ops[i].meta));
      EXPECT_TRUE(equal(record.payload, sample.ops[i].payload));
      EXPECT_EQ(record.offset % 8, 0u);
      EXPECT_EQ(record.cells.size(), 8 * cell_count(record.payload.size()));
      // Where payload_extent() said that the payload would lie.
      const std::uint64_t payload_at = record.offset + kRecordHeadBytes + record.head.meta_bytes;
      EXPECT_TRUE(equal(
          ByteView(sample.bytes)
              .subspan(static_cast<std::size_t>(payload_at - sample.offset), record.payload.size()),
          record.payload));
    }
    if (sample.note) {
      EXPECT_EQ(parse_bulk_end(batch.records.back().meta), sample.note);
    }
  }
}

TEST(StoreRecord, AnyFlippedBitThatMattersIsFound) {
  for (test::Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Sample sample = make_sample(random);
    const std::size_t at = random.below(sample.bytes.size());
    sample.bytes[at] ^= static_cast<std::uint8_t>(1u << random.below(8));
    Result<BatchView> parsed = parse_batch(sample.seed, sample.offset, sample.bytes, true);
    if (!parsed.ok() || !parsed.value().payloads_good) continue;
    // Only the padding between records is covered by nothing.
    for (std::size_t i = 0; i < sample.ops.size(); ++i) {
      EXPECT_TRUE(equal(parsed.value().records[i].meta, sample.ops[i].meta));
      EXPECT_TRUE(equal(parsed.value().records[i].payload, sample.ops[i].payload));
    }
  }
}

TEST(StoreRecord, AnotherPlaceSegmentGenerationOrStoreNeverValidates) {
  TestRandom random(1);
  const Sample sample = make_sample(random);
  EXPECT_FALSE(parse_batch(sample.seed, sample.offset + kBlock, sample.bytes, false).ok());
  store::Seed other = sample.seed;
  ++other.generation;
  EXPECT_FALSE(parse_batch(other, sample.offset, sample.bytes, false).ok());
  other = sample.seed;
  ++other.segment;
  EXPECT_FALSE(parse_batch(other, sample.offset, sample.bytes, false).ok());
  other = sample.seed;
  other.store[3] ^= 1;
  EXPECT_FALSE(parse_batch(other, sample.offset, sample.bytes, false).ok());
  for (std::size_t cut = 0; cut < sample.bytes.size(); cut += 61)
    EXPECT_FALSE(
        parse_batch(sample.seed, sample.offset, ByteView(sample.bytes).first(cut), false).ok());
}

TEST(StoreRecord, CellsCombineToTheCrcOfTheWhole) {
  TestRandom random(2);
  for (const std::size_t size : {0, 1, 65'535, 65'536, 65'537, 131'072, 200'001, 1'048'576}) {
    const Bytes payload = random.bytes(size);
    std::uint64_t crc = 0;
    const Bytes cells = cell_crcs(payload, crc);
    EXPECT_EQ(crc, crc64_nvme(payload)) << size;
    EXPECT_EQ(cells.size(), 8 * cell_count(size)) << size;
    if (!cells.empty()) {
      EXPECT_EQ(combine_cells(cells, size), crc);
    }
  }
}

TEST(StoreRecord, HeadersOfSegmentsDrivesAndStatesAreReadBack) {
  TestRandom random(3);
  SegmentHeader header;
  header.stream = StreamKind::kBulk;
  header.segment = 9;
  header.store = some_seed(random).store;
  header.generation = 4;
  header.epoch = 2;
  header.term = 8;
  header.size_log2 = 26;
  header.first_lsn = {123};
  header.first_batch = 55;
  Bytes block = encode_segment_header(header);
  ASSERT_EQ(block.size(), kSegmentHeadBytes);
  const SegmentHeader back = parse_segment_header(block, header.store).take();
  EXPECT_EQ(back.stream, header.stream);
  EXPECT_EQ(back.segment, header.segment);
  EXPECT_EQ(back.generation, header.generation);
  EXPECT_EQ(back.epoch, header.epoch);
  EXPECT_EQ(back.term, header.term);
  EXPECT_EQ(back.size_log2, header.size_log2);
  EXPECT_EQ(back.first_lsn, header.first_lsn);
  EXPECT_EQ(back.first_batch, header.first_batch);
  Uuid other = header.store;
  other[0] ^= 1;
  EXPECT_EQ(parse_segment_header(block, other).error().code, ErrorCode::kInvalid);
  block[50] ^= 1;
  EXPECT_EQ(parse_segment_header(block, header.store).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(parse_segment_header(Bytes(kBlock), header.store).error().code, ErrorCode::kNotFound);

  DriveIdentity drive;
  drive.store = header.store;
  drive.segment_log2 = 23;
  drive.size_bytes = 1'000'000'007;
  drive.mirrors = 3;
  drive.mirror_index = 2;
  const DriveIdentity same = parse_drive_identity(encode_drive_identity(drive)).take();
  EXPECT_EQ(same.store, drive.store);
  EXPECT_EQ(same.size_bytes, drive.size_bytes);
  EXPECT_EQ(same.mirrors, 3u);
  EXPECT_EQ(same.mirror_index, 2u);

  DriveState state;
  state.sequence = 6;
  state.starts = 17;
  state.clean = true;
  state.last_lsn = {99};
  state.bulk = {4, 1, 8'192};
  for (std::uint64_t i = 0; i < 70; ++i)
    state.lost.push_back({{i}, {i + 1}, static_cast<std::uint32_t>(i), i * 8});
  Bytes file = encode_state_slot(state);
  state.sequence = 7;
  state.starts = 18;
  append(file, encode_state_slot(state));
  std::optional<DriveState> newest = parse_state(file);
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->starts, 18u);
  EXPECT_EQ(newest->bulk, state.bulk);
  EXPECT_EQ(newest->lost.size(), kLostRangesMax);
  EXPECT_EQ(newest->lost[63], state.lost[63]);
  file[kBlock + 20] ^= 1;  // A torn slot: the other one stands.
  EXPECT_EQ(parse_state(file)->starts, 17u);
  file.resize(kStateBytes);
  file[kSuspectOffset + 2] = 1;
  EXPECT_TRUE(parse_state(file)->index_suspect);
}

TEST(StoreRecord, ExtentsAreFortyBytes) {
  const Extent extent{Extent::Kind::kChunks, 7, 2, 1ull << 33, 5, 0x1122334455667788};
  Bytes row;
  append_extent(row, extent);
  ASSERT_EQ(row.size(), kExtentBytes);
  EXPECT_EQ(parse_extent(row, 0).take(), extent);
  EXPECT_FALSE(parse_extent(row, 1).ok());
  row[32] = 9;
  EXPECT_FALSE(parse_extent(row, 0).ok());
}

}  // namespace
}  // namespace creel::test
