#include "replicate/feed/parked_row.h"

#include "s3/model/tlv.h"

namespace creel::replicate {

// Written by the state machine: s3/model/apply_repl.cc.
Result<ParkedOperation> parse_parked(std::uint64_t lsn, std::string_view value) {
  TRY(fields, s3::TlvReader::parse(value));
  ParkedOperation parked;
  parked.lsn = lsn;
  parked.bucket = fields.text(1);
  parked.key = fields.text(2);
  parked.reason = fields.text(3);
  parked.detail = fields.text(4);
  parked.time_ms = static_cast<std::int64_t>(fields.number(5));
  return parked;
}

}  // namespace creel::replicate
