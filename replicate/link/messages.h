#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "replicate/link/record.h"
#include "store/types.h"

namespace creel::replicate {

// Who sends what: one ordered flow of operations. Both ends make the same name of it.
struct StreamIdentity {
  std::uint32_t site = 0;
  store::Uuid log{};            // Of the store.
  std::uint32_t epoch = 0;      // Of its log.
  std::string rule;             // Name of the target or rule.
  std::uint32_t generation = 1;
  bool operator==(const StreamIdentity&) const = default;
};
// 60 hex characters; the rule's name enters by its CRC-32.
std::string stream_id(const StreamIdentity& identity);

// Sum modulo 2^128 of the first 16 bytes of SHA-256(lsn, kind, version, crc64) of all records sent.
// Both ends keep it, so every ack and every resume proves that both saw the same.
class Digest {
 public:
  void add(const Record& record);
  bool operator==(const Digest&) const = default;
  std::string bytes() const;  // 16, little-endian.
  static Digest parse(std::string_view bytes);  // Zero if not 16 bytes: nothing was sent.

 private:
  std::uint64_t low_ = 0, high_ = 0;
};

// A large object on its way: what the receiver holds of it, durably.
struct TransferState {
  std::uint64_t lsn = 0;
  std::uint64_t offset = 0;
  std::uint64_t crc64 = 0;
};
inline constexpr std::size_t kTransfersMax = 64;

inline constexpr std::uint32_t kLinkVersion = 1;

struct Hello {
  std::uint32_t version_min = kLinkVersion, version_max = kLinkVersion;
  StreamIdentity stream;
  std::string site_name;
  std::uint64_t connection = 0;  // Only rises: a newer link of a stream ends the older one.
  std::uint64_t log_end = 0;
  std::int64_t clock_ms = 0;
  std::string encode() const;
  static Result<Hello> decode(ByteView json);
};

struct Welcome {
  std::uint32_t version = kLinkVersion;
  std::uint64_t low = 0;  // The stream's position.
  Digest digest;
  std::uint64_t grant_bytes = 0;
  std::int64_t clock_ms = 0;
  std::vector<TransferState> transfers;
  std::string encode() const;
  static Result<Welcome> decode(ByteView json);
};

struct Ack {
  std::uint64_t low = 0;
  Digest digest;
  std::uint32_t grant_bytes = 0;
  std::int64_t clock_ms = 0;
  TransferState transfer;  // lsn 0: none.
  Bytes encode() const;
  static Result<Ack> decode(ByteView payload);
};

// An operation the receiver will never take as it is; the sender parks it and sends the rest again.
struct Refusal {
  std::uint64_t lsn = 0;
  std::string bucket, key;  // As the source calls the object.
  std::string reason;  // KeyTooLong, NeedsUpgrade, …
  std::string detail;
};
struct Refuse {
  std::vector<Refusal> refusals;  // ≤ 1,000
  std::string encode() const;
  static Result<Refuse> decode(ByteView json);
};

struct Bye {
  std::string reason;  // gap, fenced, stopping, no_space, bad_frame, …
  std::string detail;
  std::uint64_t retry_after_ms = 0;
  std::string encode() const;
  static Result<Bye> decode(ByteView json);
};

}  // namespace creel::replicate
