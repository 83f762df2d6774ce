#include <algorithm>

#include "platform/base/text.h"
#include "s3/routes/authorise.h"
#include "s3/routes/call.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kNames[] = {"ETag", "Checksum", "ObjectParts", "StorageClass",
                                       "ObjectSize"};
constexpr std::uint32_t kPartsMax = 1'000;

struct Asked {
  bool of[std::size(kNames)] = {};
  bool operator()(std::string_view name) const {
    return of[std::find(std::begin(kNames), std::end(kNames), name) - std::begin(kNames)];
  }
};

S3Result<Asked> asked_attributes(const Call& call) {
  const std::string names = call.headers().joined("x-amz-object-attributes").value_or("");
  Asked asked;
  bool any = false;
  for (std::string_view left = names; !left.empty();) {
    const std::string_view name = trim(left.substr(0, left.find(',')));
    left.remove_prefix(std::min(left.size(), std::min(left.find(','), left.size()) + 1));
    if (name.empty()) continue;
    const auto found = std::find(std::begin(kNames), std::end(kNames), name);
    if (found == std::end(kNames))
      return invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", name);
    asked.of[found - std::begin(kNames)] = any = true;
  }
  if (any) return asked;
  return s3_fail(S3Code::kInvalidRequest,
                 "The x-amz-object-attributes header specifying the attributes to be retrieved is "
                 "either missing or empty");
}

S3Result<std::uint32_t> number_header(const Call& call, std::string_view name,
                                      std::uint32_t absent) {
  const auto text = call.header(name);
  if (!text) return absent;
  const std::optional<std::uint64_t> number = parse_u64(*text);
  if (!number || *number > INT32_MAX)
    return invalid_argument("Argument must be an integer between 0 and 2147483647", name, *text);
  return static_cast<std::uint32_t>(*number);
}

S3Result<Unit> add_parts(const Call& call, const OpenedObject& object, AttributesAnswer& answer) {
  TRY(max_parts, number_header(call, "x-amz-max-parts", kPartsMax));
  TRY(marker, number_header(call, "x-amz-part-number-marker", 0));
  if (object.record.part_count == 0) return Unit{};
  TRY(parts, call.service.parts_of(object));
  TRY(checksums, call.service.part_checksums_of(object));
  answer.parts = true;
  answer.parts_count = static_cast<std::uint32_t>(parts.size());
  answer.max_parts = std::min(max_parts, kPartsMax);
  answer.marker = answer.next_marker = marker;
  // Parts are counted, as by GET ?partNumber: gaps in the client's numbers are closed.
  for (std::size_t i = marker; i < parts.size(); ++i) {
    answer.truncated = answer.page.size() == answer.max_parts;
    if (answer.truncated) break;
    PartEntry entry;
    entry.number = static_cast<std::uint32_t>(i + 1);
    entry.size = parts[i].size;
    if (i < checksums.size()) entry.checksum = checksums[i];
    answer.next_marker = entry.number;
    answer.page.push_back(std::move(entry));
  }
  return Unit{};
}

}  // namespace

Task<S3Result<Reply>> get_object_attributes(Ctx&, Call& call) {
  CO_TRY(asked, asked_attributes(call));
  CO_TRY(version_id, wanted_version(call));
  S3Result<OpenedObject> opened = call.service.open(call.bucket(), call.key(), version_id);
  if (!opened.ok()) co_return missing_as_told(call, own_object(call), opened.error());
  OpenedObject object = opened.take();
  CO_TRY(customer, sent_customer_key(call));
  CO_DO(call.service.unlock(object, customer ? &*customer : nullptr));
  AttributesAnswer answer;
  if (asked("ETag")) answer.etag = object.record.etag;
  if (asked("Checksum")) answer.checksum = wire_checksum(object.record.checksum);
  if (asked("StorageClass")) answer.storage_class = "STANDARD";
  if (asked("ObjectSize")) answer.size = object.record.size;
  if (asked("ObjectParts")) CO_DO(add_parts(call, object, answer));
  Reply reply = xml_reply(object_attributes_xml(answer));
  reply.headers.add("Last-Modified", http_date(WallTime::from_ms(object.record.mtime_ms)));
  if (!object.version_id.empty()) reply.headers.add("x-amz-version-id", object.version_id);
  co_return std::move(reply);
}

}  // namespace creel::s3
