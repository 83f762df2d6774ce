#include "platform/base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

std::string decoded(const std::optional<Bytes>& bytes) {
  return bytes ? to_string(*bytes) : std::string("(refused)");
}

TEST(Hex, WritesLowerCaseAndReadsBoth) {
  const Bytes bytes = {0x00, 0x0f, 0xa5, 0xff};
  EXPECT_EQ(hex_encode(bytes), "000fa5ff");
  EXPECT_EQ(hex_decode("000FA5fF"), bytes);
  EXPECT_EQ(hex_decode(""), Bytes{});
}

TEST(Hex, RefusesOddLengthAndForeignCharacters) {
  for (const char* text : {"0", "0g", "g0", " 0", "0x", "00 0", "\xc3\xa4"})
    EXPECT_FALSE(hex_decode(text)) << text;
}

// The vectors of RFC 4648 §10.
TEST(Base64, MatchesTheRfc) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), coded);
    EXPECT_EQ(decoded(base64_decode(coded)), plain);
  }
}

TEST(Base64, RefusesWhatIsNotTheOneTextOfAValue) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "====", "A===",
                           "Zg==Zg==", "Z=g=", "Zm9v\n", "Zm-_", "Zm 9v", "Zm9vZg=A"})
    EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(Base64, AndHexComeBackUnchanged) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Bytes bytes = random.bytes(random.skewed_below(200));
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(hex_decode(hex_encode(bytes)), bytes);
  }
}

TEST(Base64, EveryAcceptedTextIsTheTextOfItsValue) {
  for (Seed seed : seeds(2000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string text = random.text(4 * random.below(3), "AQgwZ/+=b");
    const auto bytes = base64_decode(text);
    if (bytes) {
      EXPECT_EQ(base64_encode(*bytes), text);
    }
  }
}

TEST(Numbers, AreWholeTextsWithinTheirRange) {
  EXPECT_EQ(parse_u64("0"), 0u);
  EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_u64("007"), 7u);
  EXPECT_EQ(parse_i64("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_i64("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse_hex_u64("fFffffffffffffff"), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616"})
    EXPECT_FALSE(parse_u64(text)) << text;
  for (const char* text : {"", "+1", "--1", "- 1", "9223372036854775808"})
    EXPECT_FALSE(parse_i64(text)) << text;
  for (const char* text : {"", "0x1", "-1", "g", "00000000000000001"})
    EXPECT_FALSE(parse_hex_u64(text)) << text;
}

TEST(Ascii, CaseAndSpace) {
  EXPECT_EQ(to_lower("X-Amz-\xC3\x84@[`{Z"), "x-amz-\xC3\x84@[`{z");
  EXPECT_TRUE(equal_ignore_case("Content-MD5", "content-md5"));
  EXPECT_FALSE(equal_ignore_case("abc", "abcd"));
  EXPECT_FALSE(equal_ignore_case("@", "`"));  // One bit apart like 'A' and 'a', but not letters.
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim("\na\n"), "\na\n");
}

TEST(Utf8, AcceptsTheEndsOfEveryRange) {
  for (const char* text :
       {"", "plain ascii text of some length", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(is_utf8(text)) << hex_encode(as_bytes(text));
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Utf8, RefusesOverlongSurrogateTooHighAndCut) {
  for (const char* text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xF0\x90\x80", "\xFF", "ascii before \xC2", "eight by\x80"})
    EXPECT_FALSE(is_utf8(text)) << hex_encode(as_bytes(text));
}

// Goal: is_utf8 agrees, for all sequences of up to three bytes, with counting the code points.
TEST(Utf8, AcceptsExactlyTheScalarValuesOfTwoAndThreeBytes) {
  std::size_t two = 0;
  for (unsigned a = 0x80; a < 0x100; ++a)
    for (unsigned b = 0; b < 0x100; ++b) {
      const char text[] = {static_cast<char>(a), static_cast<char>(b)};
      two += is_utf8({text, 2});
    }
  EXPECT_EQ(two, 0x800u - 0x80u);
  std::size_t three = 0;
  for (unsigned a = 0xC0; a < 0x100; ++a)
    for (unsigned b = 0x80; b < 0x100; ++b)
      for (unsigned c = 0x80; c < 0x100; ++c) {
        const char text[] = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
        three += is_utf8({text, 3});
      }
  EXPECT_EQ(three, 0x10000u - 0x800u - 0x800u);  // Without the shorter ones and the surrogates.
}

TEST(Percent, DecodesEscapesAndOnlyThem) {
  EXPECT_EQ(percent_decode("a%2Fb%20c%c3%A4+d"), "a/b c\xC3\xA4+d");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
  EXPECT_EQ(percent_decode("%252F"), "%2F");
  for (const char* text : {"%", "%2", "a%", "%g0", "%0g", "%%20"})
    EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(Percent, EncodesAllButTheUnreserved) {
  EXPECT_EQ(percent_encode("AZaz09-._~", false), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a/b c+*\xC3\xA4", false), "a%2Fb%20c%2B%2A%C3%A4");
  EXPECT_EQ(percent_encode("a/b//c", true), "a/b//c");
}

TEST(Percent, ComesBackUnchanged) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string text = random.binary(random.skewed_below(100));
    EXPECT_EQ(percent_decode(percent_encode(text, random.chance(0.5)), random.chance(0.5)), text);
  }
}

TEST(Cat, JoinsTextAndNumbers) {
  EXPECT_EQ(cat("segment ", std::uint64_t{7}, ':', -3, std::string("x"), std::string_view("y")),
            "segment 7:-3xy");
}

}  // namespace
}  // namespace creel
