// Goal: a head is read in one way only, or refused; where it is cut into pieces makes no
// difference.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/base/text.h"
#include "platform/http/head_scanner.h"
#include "platform/http/parse_head.h"
#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

struct Outcome {
  std::string text;  // "refused: reason", "more", or what was understood.
  std::size_t used = 0;
  bool operator==(const Outcome&) const = default;
};

std::string describe(const HttpRequestHead& head) {
  std::string out = cat(head.method, ' ', head.target, " 1.", head.minor);
  for (const Header header : head.headers) out += cat(" [", header.name, '=', header.value, ']');
  if (head.content_length) out += cat(" length ", *head.content_length);
  if (head.chunked) out += " chunked";
  if (head.expect_continue) out += " expect";
  if (!head.keep_alive) out += " close";
  return out;
}

Outcome read_request(std::string_view bytes, TestRandom* random = nullptr, HeadLimits limits = {}) {
  HeadScanner scanner(limits);
  HeadScanner::State state = HeadScanner::State::kMore;
  std::size_t given = 0;
  while (state == HeadScanner::State::kMore && given < bytes.size()) {
    const std::size_t piece =
        random == nullptr ? bytes.size() : 1 + random->skewed_below(bytes.size() - given);
    state = scanner.scan(as_bytes(bytes.substr(given, piece)));
    given += std::min(piece, bytes.size() - given);
  }
  if (state == HeadScanner::State::kBad) return {cat("refused: ", scanner.reason()), 0};
  if (state == HeadScanner::State::kMore) return {"more", 0};
  const std::size_t skipped = scanner.skipped_bytes();
  Result<HttpRequestHead> head =
      parse_request_head(as_bytes(bytes.substr(skipped, scanner.used() - skipped)));
  if (!head.ok()) return {cat("refused: ", head.error().detail), scanner.used()};
  return {describe(head.value()), scanner.used()};
}

std::string understood(std::string_view bytes) { return read_request(bytes).text; }
bool refused(std::string_view bytes) { return understood(bytes).starts_with("refused: "); }

// A request with one more header line (or more).
std::string with(std::string_view lines, std::string_view first = "PUT /b/k HTTP/1.1") {
  return cat(first, "\r\nHost: h\r\n", lines, "\r\n");
}

TEST(HttpHead, APlainRequestIsUnderstood) {
  EXPECT_EQ(
      understood(
          "GET /b/k?x=%20 HTTP/1.1\r\nHost:  h:9 \r\nX-Empty:\r\nRange: bytes=0-1, 3-4\t\r\n\r\n"),
      "GET /b/k?x=%20 1.1 [Host=h:9] [X-Empty=] [Range=bytes=0-1, 3-4]");
  EXPECT_EQ(understood(with("Content-Length: 7\r\nExpect: 100-Continue\r\n")),
            "PUT /b/k 1.1 [Host=h] [Content-Length=7] [Expect=100-Continue] length 7 expect");
  EXPECT_EQ(
      understood(with("transfer-encoding: Chunked\r\nConnection: x, Close\r\n")),
      "PUT /b/k 1.1 [Host=h] [transfer-encoding=Chunked] [Connection=x, Close] chunked close");
  EXPECT_EQ(understood("GET / HTTP/1.0\r\n\r\n"), "GET / 1.0 close");
  EXPECT_EQ(understood("\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            "GET / 1.0 [Connection=keep-alive]");
  EXPECT_EQ(understood(with("X: caf\xc3\xa9\r\n")), "PUT /b/k 1.1 [Host=h] [X=caf\xc3\xa9]");
  EXPECT_EQ(understood(with("Expect: something\r\n")), "PUT /b/k 1.1 [Host=h] [Expect=something]");
}

TEST(HttpHead, WhatTwoParsersCouldReadDifferentlyIsRefused) {
  const std::vector<std::string> all = {
      with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
      with("Content-Length: 5\r\nContent-Length: 5\r\n"),
      with("Content-Length: 5\r\ncontent-length: 6\r\n"),
      with("Content-Length: 5, 5\r\n"),
      with("Content-Length: +5\r\n"),
      with("Content-Length: -5\r\n"),
      with("Content-Length: 0x5\r\n"),
      with("Content-Length: 5 5\r\n"),
      with("Content-Length:\r\n"),
      with("Content-Length: 99999999999999999999\r\n"),
      with("Content-Length: 9223372036854775808\r\n"),
      with("Transfer-Encoding: gzip, chunked\r\n"),
      with("Transfer-Encoding: chunked, identity\r\n"),
      with("Transfer-Encoding: identity\r\n"),
      with("Transfer-Encoding: xchunked\r\n"),
      with("Transfer-Encoding: \"chunked\"\r\n"),
      with("Transfer-Encoding:\r\n"),
      with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      with("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
      with("Transfer-Encoding: chunk\r\n ed\r\n"),
      with("Transfer-Encoding : chunked\r\n"),
      with("Transfer-Encoding\t: chunked\r\n"),
      with("Transfer-Encoding: \x0b"
           "chunked\r\n"),
      with("Transfer-Encoding: chunked\x0c\r\n"),
      with(std::string("Transfer\0-Encoding: chunked\r\n", 29)),
      with("X: a\nContent-Length: 5\r\n"),
      with("X: a\rContent-Length: 5\r\n"),
      with("X: a\r\r\nY: b\r\n"),
      with("X: a\r\n\tfolded\r\n"),
      with(" X: a\r\n"),
      with("X\r\n"),
      with(": a\r\n"),
      with("X Y: a\r\n"),
      with("X(: a\r\n"),
      with("X\x80: a\r\n"),
      with("X: a\x01\r\n"),
      with("X: a\x7f\r\n"),
      with(std::string("X: a\0b\r\n", 8)),
      with("Host: h\r\n"),
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\nHost: h\n\n",
      "GET / HTTP/1.1\r\nHost: h\r\n\n",
      "GET / HTTP/1.2\r\nHost: h\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
      "GET / HTTP/0.9\r\nHost: h\r\n\r\n",
      "GET / http/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
      "GET / HTTP/01.1\r\nHost: h\r\n\r\n",
      "GET /\r\nHost: h\r\n\r\n",
      "GET\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
      "G(T / HTTP/1.1\r\nHost: h\r\n\r\n",
      " GET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "\xef\xbb\xbfGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      with("Transfer-Encoding: chunked\r\n", "PUT / HTTP/1.0"),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  };
  for (const std::string& bytes : all)
    EXPECT_TRUE(refused(bytes)) << bytes << "\nread as: " << understood(bytes);
}

TEST(HttpHead, ReasonsNameTheRule) {
  EXPECT_EQ(understood(with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")),
            "refused: Content-Length together with Transfer-Encoding");
  EXPECT_EQ(understood(with("X: a\r\n b\r\n")), "refused: folded header line");
  EXPECT_EQ(understood(with("X : a\r\n")), "refused: space before the colon of a header");
}

TEST(HttpHead, SizesAreBoundedExactly) {
  const auto sized = [](std::size_t fields_bytes) {
    const std::string start = "GET / HTTP/1.1\r\n", host = "Host: h\r\nX: ";
    return start + host + std::string(fields_bytes - host.size() - 2, 'x') + "\r\n\r\n";
  };
  EXPECT_FALSE(refused(sized(8 * 1024)));
  EXPECT_TRUE(refused(sized(8 * 1024 + 1)));
  const auto target = [](std::size_t head_bytes) {
    const std::string end = " HTTP/1.1\r\nHost: h\r\n\r\n";
    return "GET /" + std::string(head_bytes - 5 - end.size(), 'k') + end;
  };
  EXPECT_FALSE(refused(target(16 * 1024)));
  EXPECT_TRUE(refused(target(16 * 1024 + 1)));
  EXPECT_TRUE(refused(std::string(20'000, 'x')));
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a:b\r\n";
  EXPECT_TRUE(refused(with(many)));
}

TEST(HttpHead, ResponsesHaveTheirOwnFirstLine) {
  const auto status = [](std::string_view text) {
    Result<HttpResponseHead> head = parse_response_head(as_bytes(text));
    return head.ok() ? head.value().status : -1;
  };
  EXPECT_EQ(status("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), 200);
  EXPECT_EQ(status("HTTP/1.1 404\r\n\r\n"), 404);
  EXPECT_EQ(status("HTTP/1.0 503 Slow  Down\r\n\r\n"), 503);
  EXPECT_EQ(status("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
            101);
  EXPECT_EQ(status("HTTP/1.1 99 x\r\n\r\n"), -1);
  EXPECT_EQ(status("HTTP/1.1 2000 x\r\n\r\n"), -1);
  EXPECT_EQ(status("HTTP/1.1  200 OK\r\n\r\n"), -1);
  EXPECT_EQ(status("HTTP/2 200 OK\r\n\r\n"), -1);
  EXPECT_EQ(status("ICY 200 OK\r\n\r\n"), -1);
  EXPECT_EQ(status("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
            -1);
}

std::string random_head(TestRandom& random) {
  static const std::vector<std::string> lines = {"Content-Length: 5\r\n",
                                                 "Transfer-Encoding: chunked\r\n",
                                                 "X-Amz-Meta-A: b c\r\n",
                                                 "A:\r\n",
                                                 "Host: i\r\n",
                                                 "Expect: 100-continue\r\n",
                                                 " fold\r\n",
                                                 "B : c\r\n",
                                                 "C: \x01\r\n",
                                                 "D: e\n",
                                                 "\r",
                                                 "Connection: close\r\n"};
  std::string head = random.chance(0.1) ? "\r\n" : "";
  head += random.chance(0.9) ? "GET /k HTTP/1.1\r\nHost: h\r\n" : "GET /k HTTP/1.0\r\n";
  for (std::size_t i = random.below(4); i > 0; --i) head += lines[random.below(lines.size())];
  head += "\r\n";
  if (random.chance(0.3)) head[random.below(head.size())] = static_cast<char>(random.below(256));
  return head + "body follows";
}

TEST(HttpHeadProperty, CutsChangeNothing) {
  for (Seed seed : seeds(2000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string bytes = random_head(random);
    const Outcome whole = read_request(bytes);
    EXPECT_EQ(read_request(bytes, &random).text, whole.text);
  }
}

TEST(HeaderList, FindsInAnyCaseAndWritesAsGiven) {
  HeaderList list;
  list.add("ETag", "\"1\"")
      .add("x-amz-meta-a", "1")
      .add("X-Amz-Meta-A", "2")
      .add("Content-Length", 7u);
  EXPECT_EQ(list.find("etag"), "\"1\"");
  EXPECT_EQ(list[0].name, "ETag");
  EXPECT_EQ(list.count("X-AMZ-META-a"), 2u);
  EXPECT_EQ(list.all("x-amz-meta-a"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(list.find("content-length"), "7");
  list.set("X-amz-meta-a", "3");
  EXPECT_EQ(list.count("x-amz-meta-a"), 1u);
  list.remove("ETAG");
  EXPECT_FALSE(list.has("etag"));
  list.add("Connection", "a , Close,b");
  EXPECT_TRUE(list.has_token("connection", "close"));
  EXPECT_FALSE(list.has_token("connection", "clo"));
}

}  // namespace
}  // namespace creel
