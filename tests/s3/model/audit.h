// Counts who names which blob and document, and compares with the rows: nothing may be counted
// wrong and nothing may be left behind.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/identity.h"
#include "s3/model/manifest.h"
#include "s3/model/model.h"
#include "s3/model/tlv.h"
#include "s3/model/versions.h"
#include "tests/support/memory_s3.h"

namespace creel::s3::test {

// Every stream in these tests has a name of this length: their rows are told apart by it.
inline constexpr std::size_t kStreamBytes = 6;

class Audit {
 public:
  Audit(const MemoryLog& log, bool track_dead_blobs) : log_(log) {
    for (const auto& [name, value] : log.image().rows) visit(name.table, name.key, value);
    check_blobs(track_dead_blobs);
    check_counters();
    EXPECT_EQ(nulls_, null_versions_) << "where null versions lie";
    EXPECT_EQ(documents_.size(), log.rows_in(store::Table::kManifest)) << "documents left behind";
  }

 private:
  void visit(store::Table table, const std::string& key, const std::string& value) {
    EXPECT_LE(value.size(), store::kRowValueBytesMax);
    switch (table) {
      case store::Table::kBucket: return bucket(value);
      case store::Table::kObject: return object(key, value);
      case store::Table::kVersion: return older(key, value);
      case store::Table::kConf:
        if (key.starts_with('n')) nulls_[key] = value;
        if (key.starts_with('d')) bucket_document(value);
        return;
      case store::Table::kUpload: return upload(key, value);
      case store::Table::kPart: return part(key, value);
      case store::Table::kRepl: return repl(key, value);
      case store::Table::kIam: return identity(value);
      case store::Table::kFilter: return;  // Older rules stay: their documents are named there.
      default: return;
    }
  }
  void identity(const std::string& value) {
    const IdentityRow row = IdentityRow::decode(value).take();
    if (row.bytes > kIdentityInlineBytes) document(RowId{row.lsn, 0}, 'i', row.bytes);
  }
  void bucket_document(const std::string& value) {
    const TlvReader fields = TlvReader::parse(value).take();
    const auto bytes = static_cast<std::size_t>(fields.number(1));
    if (bytes > 800) document(RowId{fields.number(3), 0}, 'b', bytes);
  }
  struct Usage {
    std::uint64_t bytes = 0, objects = 0, upload_bytes = 0;
    bool operator==(const Usage&) const = default;
  };
  void bucket(const std::string& value) {
    const BucketRecord record = BucketRecord::decode(value).take();
    kept_[be64_key(record.id)] = {record.bytes, record.objects, record.upload_bytes};
  }
  // What the buckets say they hold is what there is.
  void check_counters() {
    std::map<std::string, Usage> counted = objects_;
    for (const auto& [upload, bytes] : part_bytes_)
      counted[bucket_of_upload_[upload]].upload_bytes += bytes;
    for (const auto& [bucket, usage] : kept_) {
      EXPECT_EQ(usage.bytes, counted[bucket].bytes);
      EXPECT_EQ(usage.objects, counted[bucket].objects);
      EXPECT_EQ(usage.upload_bytes, counted[bucket].upload_bytes);
    }
  }
  void object(const std::string& key, const std::string& value) {
    const ObjectRecord record = ObjectRecord::decode(value).take();
    objects_[key.substr(0, 8)].bytes += record.size;
    ++objects_[key.substr(0, 8)].objects;
    document(record.documents, 'h', record.header_bytes);
    document(record.documents, 'm', record.manifest_bytes);
    document(record.documents, 'p', record.parts_bytes);
    document(record.documents, 'a', record.attribute_bytes);
    document(record.documents, 'c', record.digest_bytes);
    if (record.body.kind == Body::Kind::kSlice) {
      ++references_[record.body.blob.bytes()];
      const auto blob = load_blob(log_.rows(), record.body.blob);
      if (blob.ok() && blob.value()) {
        EXPECT_LE(record.body.offset + record.size, blob.value()->size);
      }
    }
    std::uint64_t whole = 0;
    const auto parts = load_parts(log_.rows(), record);
    ASSERT_TRUE(parts.ok()) << parts.error().detail;
    for (const PartRef& ref : parts.value()) {
      whole += ref.size;
      if (ref.size > 0) ++references_[ref.blob.bytes()];
    }
    if (record.body.kind == Body::Kind::kParts) {
      EXPECT_EQ(whole, record.size);
    }
    std::uint64_t readable = 0;
    const auto runs = body_runs(log_.rows(), record, 0, record.size);
    ASSERT_TRUE(runs.ok()) << runs.error().detail;
    for (const BodyRun& run : runs.value()) readable += run.length;
    EXPECT_EQ(readable, record.size);
  }
  void older(const std::string& key, const std::string& value) {
    const auto name = parse_version_key(key);
    ASSERT_TRUE(name.has_value());
    const ObjectRecord record = ObjectRecord::decode(value).take();
    EXPECT_EQ(name->id, record.documents);
    EXPECT_TRUE(record.version_id.empty() || parse_version_id(record.version_id) == name->id);
    const std::uint64_t bucket = load_be<std::uint64_t>(as_bytes(key), 0);
    if (record.version_id.empty())
      null_versions_[null_version_key(bucket, name->key)] = name->id.bytes();
    const auto current = load_object(log_.rows(), bucket, name->key).take();
    const auto newest = load_newest_older(log_.rows(), bucket, name->key).take();
    if (current) {
      EXPECT_GT(current->documents.bytes(), newest->documents.bytes());
    } else {
      EXPECT_TRUE(newest->delete_marker) << "a key without an object shows a marker";
    }
    object(key, value);
  }
  void upload(const std::string& key, const std::string& value) {
    const UploadRecord record = UploadRecord::decode(value).take();
    bucket_of_upload_[key.substr(key.size() - 8)] = key.substr(0, 8);
    document(record.documents, 'h', record.header_bytes);
    document(record.documents, 'a', record.attribute_bytes);
  }
  void part(const std::string& key, const std::string& value) {
    const PartRecord record = PartRecord::decode(value).take();
    part_bytes_[key.substr(0, 8)] += record.size;
    if (record.size > 0) ++references_[record.blob.bytes()];
  }
  void repl(const std::string& key, const std::string& value) {
    const bool part_of_transfer = key.starts_with("xf") && key.size() == 2 + kStreamBytes + 16;
    if (!part_of_transfer) return;
    const auto parts = decode_parts(value);
    ASSERT_TRUE(parts.ok());
    for (const PartRef& ref : parts.value()) ++references_[ref.blob.bytes()];
  }
  void document(RowId id, char kind, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += 900) documents_[cat(id.bytes(), kind, at)] = 1;
    EXPECT_TRUE(load_document(log_.rows(), id, kind, bytes).ok());
  }
  void check_blobs(bool track_dead_blobs) {
    std::map<std::string, std::uint32_t> counted;
    for (const auto& [name, value] : log_.image().rows) {
      if (name.table != store::Table::kBlob) continue;
      const auto blob = load_blob(log_.rows(), *RowId::parse(name.key));
      ASSERT_TRUE(blob.ok()) << blob.error().detail;
      counted[name.key] = blob.value()->references;
      document(*RowId::parse(name.key), 'm', blob.value()->manifest_bytes);
      const bool wanted = track_dead_blobs && is_degraded(blob.value()->manifest) &&
                          !is_log_manifest(blob.value()->manifest);
      const store::RowName heal{store::Table::kHeal, "h" + name.key};
      EXPECT_EQ(log_.image().rows.contains(heal), wanted);
    }
    EXPECT_EQ(counted, references_) << "references of blobs";
  }

  const MemoryLog& log_;
  std::map<std::string, std::uint32_t> references_;  // By blob id: how many name it.
  std::map<std::string, int> documents_;             // Pieces that somebody names.
  std::map<std::string, Usage> kept_;                // By bucket id, as its row says.
  std::map<std::string, Usage> objects_;             // By bucket id, as counted.
  std::map<std::string, std::uint64_t> part_bytes_;  // By upload.
  std::map<std::string, std::string> bucket_of_upload_;
  std::map<std::string, std::string> nulls_;          // As the rows point to them.
  std::map<std::string, std::string> null_versions_;  // As they lie.
};

}  // namespace creel::s3::test
