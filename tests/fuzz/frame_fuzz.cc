// The replication link's formats: a header, records and messages of any bytes. Whatever parses must
// survive being written and read again.
#include <cstddef>
#include <cstdint>

#include "platform/base/check.h"
#include "replicate/link/frame.h"
#include "replicate/link/messages.h"
#include "replicate/link/record.h"

using namespace creel;
using namespace creel::replicate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (size >= kFrameHeaderBytes) {
    const auto header = parse_frame_header(input.first(kFrameHeaderBytes));
    if (header.ok()) {
      check(header.value().raw_bytes <= kPayloadBytesMax);
      Bytes again;
      append_frame_header(again, header.value());
      check(equal(again, input.first(kFrameHeaderBytes)));
    }
  }
  std::size_t at = 0;
  while (at < size) {
    const std::size_t before = at;
    const auto record = parse_record(input, at);
    if (!record.ok()) break;
    check(at > before && at <= size);
    Bytes again;
    if (!append_record(again, record.value()).ok()) break;
    std::size_t end = 0;
    check(parse_record(again, end).ok() && end == again.size());
  }
  (void)Hello::decode(input);
  (void)Welcome::decode(input);
  (void)Ack::decode(input);
  (void)Refuse::decode(input);
  (void)Bye::decode(input);
  return 0;
}
