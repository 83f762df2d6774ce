#include "s3/wire/form_data.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

struct Form {
  std::vector<NameValue> fields;
  std::string filename, file;
  std::optional<S3Code> refused;
};

// Fed in pieces of `step` bytes, taken in pieces of 5.
Form decode(std::string_view wire, std::size_t step, std::string_view boundary = "b0") {
  FormDecoder decoder(boundary);
  Form out;
  std::uint8_t taken[5];
  while (!wire.empty()) {
    const std::size_t size = std::min(step, wire.size());
    const S3Result<Unit> fed = decoder.feed(as_bytes(wire.substr(0, size)));
    if (!fed.ok()) {
      out.refused = fed.error().code;
      return out;
    }
    wire.remove_prefix(size);
    while (const std::size_t got = decoder.take(taken)) out.file.append(as_text({taken, got}));
  }
  const S3Result<Unit> end = decoder.finish();
  if (!end.ok()) out.refused = end.error().code;
  out.fields = decoder.fields();
  out.filename = decoder.filename();
  return out;
}

std::string part(std::string_view name, std::string_view value, std::string_view more = {}) {
  return cat("--b0\r\nContent-Disposition: form-data; name=\"", name, "\"", more, "\r\n\r\n", value,
             "\r\n");
}

TEST(FormData, FieldsAndTheFileComeOutForEveryCut) {
  const std::string wire = part("Key", "a/${filename}") + part("empty", "") +
                           part("two", "line\r\nline--b0") +
                           part("file", "by\r\n--b\r\ntes", "; filename=\"C:\\x\\n.txt\"") +
                           part("later", "ignored") + "--b0--\r\n";
  for (std::size_t step = 1; step <= wire.size(); ++step) {
    SCOPED_TRACE(step);
    const Form form = decode(wire, step);
    ASSERT_FALSE(form.refused);
    const std::vector<NameValue> wanted = {
        {"key", "a/${filename}"}, {"empty", ""}, {"two", "line\r\nline--b0"}};
    ASSERT_EQ(form.fields, wanted);
    ASSERT_EQ(form.file, "by\r\n--b\r\ntes");
    ASSERT_EQ(form.filename, "C:\\x\\n.txt");
  }
}

TEST(FormData, AnyBytesOfAFileComeThrough) {
  for (creel::test::Seed seed : creel::test::seeds(40)) {
    SCOPED_TRACE(seed.replay_hint());
    creel::test::TestRandom random(seed);
    std::string file;
    while (random.chance(0.97)) {  // What looks like a delimiter, and what does not.
      constexpr std::string_view kPieces[] = {"\r", "\n", "\r\n", "--", "b0", "\r\n--b", "x", "-"};
      file.append(kPieces[random.below(8)]);
    }
    if (file.find("\r\n--b0") != std::string::npos || file.starts_with("--b0")) continue;
    const std::string wire = part("file", file) + "--b0--";
    const Form form = decode(wire, 1 + random.below(wire.size()));
    ASSERT_FALSE(form.refused);
    ASSERT_EQ(form.file, file);
  }
}

TEST(FormData, WhatIsNoFormIsRefused) {
  EXPECT_EQ(decode(part("key", "k") + "--b0--\r\n", 7).refused, S3Code::kInvalidArgument);
  EXPECT_EQ(decode(part("key", "k"), 7).refused, S3Code::kMalformedPostRequest);
  EXPECT_EQ(decode(part("key", "k") + part("file", "cut"), 7).refused,
            S3Code::kMalformedPostRequest);
  EXPECT_EQ(decode("", 1).refused, S3Code::kMalformedPostRequest);
  EXPECT_EQ(
      decode("--b0\r\nContent-Disposition: attachment; name=\"key\"\r\n\r\nk\r\n--b0--", 9).refused,
      S3Code::kMalformedPostRequest);
  EXPECT_EQ(decode("--b0x\r\n\r\n", 3).refused, S3Code::kMalformedPostRequest);
  EXPECT_EQ(decode(part("key", std::string(kFormFieldsBytesMax, 'k')), 4'096).refused,
            S3Code::kMaxMessageLengthExceeded);
  std::string many;
  for (std::size_t i = 0; i <= kFormFieldsMax + 1; ++i) many += part("f", "");
  EXPECT_EQ(decode(many, 100).refused, S3Code::kMaxMessageLengthExceeded);
}

TEST(FormData, ABoundaryIsFoundOrTheRequestIsNoForm) {
  EXPECT_EQ(parse_form_boundary("multipart/form-data; boundary=abc").value(), "abc");
  EXPECT_EQ(parse_form_boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\"").value(), "a b");
  EXPECT_EQ(parse_form_boundary(std::nullopt).error().code, S3Code::kPreconditionFailed);
  EXPECT_EQ(parse_form_boundary("text/plain").error().code, S3Code::kPreconditionFailed);
  EXPECT_EQ(parse_form_boundary("multipart/form-data").error().code, S3Code::kMalformedPostRequest);
  EXPECT_EQ(
      parse_form_boundary(cat("multipart/form-data; boundary=", std::string(71, 'b'))).error().code,
      S3Code::kMalformedPostRequest);
}

}  // namespace
}  // namespace creel::s3
