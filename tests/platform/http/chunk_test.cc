// Goal: our chunk decoder takes nothing that llhttp refuses and reads the same content; it is
// stricter, never laxer.
#include <gtest/gtest.h>
#include <llhttp.h>

#include <optional>
#include <string>
#include <vector>

#include "platform/base/text.h"
#include "platform/http/chunk_decoder.h"
#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

struct Decoded {
  std::string content;
  std::size_t used = 0;
  bool operator==(const Decoded&) const = default;
};

// nullopt: refused. Content of an unfinished body has used == 0.
std::optional<Decoded> decode(std::string_view body, TestRandom* random = nullptr) {
  ChunkDecoder decoder;
  Decoded out;
  std::size_t at = 0;
  while (at < body.size()) {
    const std::size_t piece =
        random == nullptr ? body.size() - at : 1 + random->skewed_below(body.size() - at);
    std::string_view fresh = body.substr(at, piece);
    at += fresh.size();
    while (!fresh.empty()) {
      if (decoder.data_left() > 0) {
        const std::size_t take =
            static_cast<std::size_t>(std::min<std::uint64_t>(decoder.data_left(), fresh.size()));
        out.content.append(fresh.substr(0, take));
        decoder.took(take);
        fresh.remove_prefix(take);
        continue;
      }
      std::size_t used = 0;
      const ChunkDecoder::State state = decoder.framing(as_bytes(fresh), used);
      fresh.remove_prefix(used);
      if (state == ChunkDecoder::State::kBad) return std::nullopt;
      if (state == ChunkDecoder::State::kEnd) {
        out.used = at - fresh.size();
        return out;
      }
    }
  }
  return out;
}

struct Llhttp {
  std::string content;
  bool complete = false;
};

// The same body through llhttp, strict; nullopt if it refuses.
std::optional<Llhttp> llhttp_decode(std::string_view body) {
  Llhttp out;
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_body = [](llhttp_t* parser, const char* at, size_t size) {
    static_cast<Llhttp*>(parser->data)->content.append(at, size);
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) {
    static_cast<Llhttp*>(parser->data)->complete = true;
    return int{HPE_PAUSED};
  };
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &out;
  const std::string message =
      cat("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", body);
  const llhttp_errno status = llhttp_execute(&parser, message.data(), message.size());
  if (status != HPE_OK && status != HPE_PAUSED) return std::nullopt;
  return out;
}

TEST(HttpChunks, ContentAndEndAreFound) {
  const std::string body = "5\r\nhello\r\n00A;name=\"v\"\r\n, chunked!\r\n0\r\nTrailer: x\r\n\r\n";
  EXPECT_EQ(decode(body + "GET"), (Decoded{"hello, chunked!", body.size()}));
  EXPECT_EQ(decode("0\r\n\r\n"), (Decoded{"", 5}));
  EXPECT_EQ(decode("5\r\nhel"), (Decoded{"hel", 0}));
}

TEST(HttpChunks, LooseFramingIsRefused) {
  const std::string long_extension = "1;" + std::string(257, 'x') + "\r\na\r\n0\r\n\r\n";
  const std::vector<std::string> all = {"5\nhello\r\n0\r\n\r\n",
                                        "5\r\nhello\n0\r\n\r\n",
                                        "5\r\nhello0\r\n\r\n",
                                        " 5\r\nhello\r\n0\r\n\r\n",
                                        "5 \r\nhello\r\n0\r\n\r\n",
                                        "5 ;x\r\nhello\r\n0\r\n\r\n",
                                        "0x5\r\nhello\r\n",
                                        "+5\r\nhello\r\n",
                                        "-1\r\nhello\r\n",
                                        "\r\n",
                                        ";x\r\n",
                                        "g\r\n",
                                        "00000000000000005\r\nhello",
                                        "ffffffffffffffff\r\nx",
                                        "8000000000000000\r\n",
                                        "5\rhello",
                                        "5;a\nb\r\nhello\r\n",
                                        "5;\x01\r\nhello\r\n",
                                        "0\r\n\n",
                                        "0\r\nX\r\n\r\n",
                                        "0\r\n X: y\r\n\r\n",
                                        "0\r\nX : y\r\n\r\n",
                                        "0\r\n: y\r\n\r\n",
                                        "0\r\nX: y\n\r\n",
                                        "5;\r\nhello\r\n",
                                        "5;=a\r\nhello\r\n",
                                        "5;a=\r\nhello\r\n",
                                        "5;a=\"b\r\nhello\r\n",
                                        "5;a=b c\r\nhello\r\n",
                                        "5;a=\"b\"c\r\nhello\r\n",
                                        "5\r\nhello\r\r\n",
                                        long_extension,
                                        "0\r\nX: " + std::string(5000, 'y') + "\r\n\r\n"};
  for (const std::string& body : all) EXPECT_EQ(decode(body), std::nullopt) << body;
  EXPECT_NE(decode("1;" + std::string(256, 'x') + "\r\na\r\n0\r\n\r\n"), std::nullopt);
}

std::string random_body(TestRandom& random) {
  std::string body;
  for (std::size_t i = random.below(5); i > 0; --i) {
    const std::string data = random.text(1 + random.skewed_below(300), "abc\r\n0;");
    char size[32];
    std::snprintf(size, sizeof size, random.chance(0.5) ? "%zx" : "%04zX", data.size());
    body += cat(size, random.chance(0.2) ? ";ext=\"a b\"" : "", "\r\n", data, "\r\n");
  }
  body += random.chance(0.2) ? "0\r\nA: b\r\nC:\r\n\r\n" : "0\r\n\r\n";
  if (random.chance(0.6)) {
    for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
      const std::size_t at = random.below(body.size());
      if (random.chance(0.5)) body[at] = random.text(1, "0123456789abcdef\r\n; :\t\x01xG")[0];
      else body.erase(at, 1);
    }
  }
  return body;
}

TEST(HttpChunksProperty, CutsChangeNothingAndLlhttpAgrees) {
  for (Seed seed : seeds(3000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string body = random_body(random);
    const std::optional<Decoded> whole = decode(body);
    EXPECT_EQ(decode(body, &random), whole) << body;
    if (!whole) continue;
    const std::optional<Llhttp> theirs = llhttp_decode(body);
    ASSERT_TRUE(theirs) << "llhttp refuses what we take: " << body;
    EXPECT_EQ(theirs->content, whole->content) << body;
    EXPECT_EQ(theirs->complete, whole->used > 0) << body;
  }
}

}  // namespace
}  // namespace creel
