// Goal: what clients see of every operation and refusal: status, code, text, headers, bytes.
// Method: the cases of tests/wire/*.txt (wire_case.h has their language), each against a fresh
// server in memory over the real routes, service and state machine.
#include <dirent.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "platform/cpu/hash.h"
#include "s3/wire/aws_chunked.h"
#include "s3/wire/sigv4_sign.h"
#include "tests/wire/wire_case.h"
#include "tests/wire/wire_world.h"

namespace creel::test {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!trim(text).empty()) {
    text = trim(text);
    const std::size_t end = text.find(' ');
    words.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end);
  }
  return words;
}

// "a: b" → a, b; nullopt without a colon.
std::optional<std::pair<std::string, std::string>> field_of(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  return std::pair(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
}

// "A/B[2]/C" below (and including) the root; null if there is no such element.
const XmlNode* node_at(const XmlNode& root, std::string_view path) {
  const XmlNode* node = nullptr;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    std::string_view step = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    std::uint64_t index = 1;
    if (const std::size_t bracket = step.find('['); bracket != std::string_view::npos) {
      index = parse_u64(step.substr(bracket + 1, step.size() - bracket - 2)).value_or(0);
      step = step.substr(0, bracket);
    }
    if (node == nullptr) {
      if (root.name != step) return nullptr;
      node = &root;
      continue;
    }
    const XmlNode* found = nullptr;
    for (const XmlNode& child : node->children)
      if (child.name == step && --index == 0) found = &child;
    if (found == nullptr) return nullptr;
    node = found;
  }
  return node;
}

// HTTP chunks around a body, in pieces that cut anywhere.
std::string http_chunks(const std::string& body) {
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += 7) {
    const std::string piece = body.substr(at, 7);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    out += size + piece + "\r\n";
  }
  return out + "0\r\n\r\n";
}

class Runner {
 public:
  explicit Runner(const WireCase& which) : case_(which) {}

  void run() {
    for (const WireLine& line : case_.lines) {
      testing::ScopedTrace trace(case_.file.c_str(), line.number, line.text);
      const std::string text = fill_in(line.text);
      if (line.kind == 'g') given(text);
      else if (line.kind == 's') sign(text);
      else if (line.kind == '>') request_line(text);
      else answer_line(text);
      if (testing::Test::HasFatalFailure() || stop_) return;
    }
    if (!pending_.empty()) ADD_FAILURE() << "the last request has no answer in the case";
  }

 private:
  std::string fill_in(std::string text) const {
    for (const auto& [name, value] : saved_)
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
        text.replace(at, name.size(), value);
    return text;
  }
  WireWorld& world() {
    if (!world_) world_ = std::make_unique<WireWorld>(setup_);
    return *world_;
  }

  // --- what is there before
  void given(const std::string& text) {
    std::string bucket = bucket_, key, body;
    bool object = false;
    std::vector<s3::Header> headers;
    const std::vector<std::string> words = words_of(text);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::size_t equals = words[i].find('=');
      const std::string name = words[i].substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
      if (name == "bucket") make_bucket(bucket = bucket_ = value);
      else if (name == "object") object = true, key = value;
      else if (name == "bytes") body = pattern(0, parse_u64(value).value_or(0));
      else if (name == "text") body = unescape(value);
      else if (name == "header") headers.push_back(*field_of(value));
      else if (name == "clock") setup_.clock = *parse_iso8601(words[++i]);
      else if (name == "part_bytes_min") setup_.part_bytes_min = *parse_u64(value);
      else if (name == "domain") setup_.domains.push_back(value);
      else if (name == "region") setup_.region = value;
      else if (name == "full") world().fill_drives();
      else if (name == "damaged_after") world().damage_after(*parse_u64(value));
      else if (name == "ownership")
        world().access().set_default_ownership(*s3::parse_ownership(value));
      else if (name == "key") signing_.key = value;
      else ADD_FAILURE() << "unknown word " << words[i];
    }
    if (object) make_object(bucket, key, std::move(body), std::move(headers));
  }
  void make_bucket(std::string name) {
    const auto made = world().run([&](Ctx& ctx) {
      return world().service().create_bucket(ctx, name, "tester", setup_.region);
    });
    EXPECT_TRUE(made.ok());
  }
  void make_object(std::string bucket, std::string key, std::string text,
                   std::vector<s3::Header> headers) {
    s3::test::TextBody body(std::move(text));
    s3::PutArguments arguments{std::move(bucket), std::move(key), std::move(headers), {}};
    const auto made = world().run([&](Ctx& ctx) {
      return world().service().put_object(ctx, std::move(arguments), body, s3::BodyPromise());
    });
    EXPECT_TRUE(made.ok());
  }

  // --- the request
  void sign(const std::string& text) {
    const std::optional<Signing> parsed = parse_signing(text);
    if (parsed) signing_ = *parsed;
    else ADD_FAILURE() << "unknown way to sign";
  }
  void request_line(const std::string& text) {
    answer_.reset();
    if (pending_.empty()) out_ = {}, body_.clear(), head_ = {};
    pending_ = text;
    if (head_.method.empty()) return first_line(text);
    if (text == "end") {
      out_.end = true;
    } else if (text == "fresh") {
      world().hang_up();
    } else if (text == "md5") {
      head_.headers.emplace_back("Content-MD5", base64_encode(Md5::of(as_bytes(body_))));
    } else if (text.starts_with("body:")) {
      body_ += unescape(trim(std::string_view(text).substr(5)));
    } else if (text.starts_with("bytes:")) {
      body_ += pattern(0, parse_u64(trim(std::string_view(text).substr(6))).value_or(0));
    } else if (text.starts_with("fill: ")) {
      const std::vector<std::string> words = words_of(text);
      head_.headers.emplace_back(words[1], std::string(*parse_u64(words[2]), 'x'));
    } else if (const auto field = field_of(text)) {
      head_.headers.emplace_back(field->first, field->second);
    } else {
      ADD_FAILURE() << "not a line of a request";
    }
  }
  void first_line(const std::string& text) {
    const std::vector<std::string> words = words_of(text);
    if (words.size() != 3) {
      ADD_FAILURE() << "a request begins with METHOD TARGET VERSION";
      stop_ = true;
      return;
    }
    head_.method = words[0];
    version_ = words[2];
    const std::size_t mark = words[1].find('?');
    head_.raw_path = words[1].substr(0, mark);
    head_.raw_query = mark == std::string::npos ? "" : words[1].substr(mark + 1);
  }
  bool has_header(std::string_view name) const {
    return std::any_of(
        head_.headers.begin(), head_.headers.end(),
        [&](const s3::NameValue& header) { return equal_ignore_case(header.first, name); });
  }
  void add_header(std::string name, std::string value) {
    if (!has_header(name)) head_.headers.emplace_back(std::move(name), std::move(value));
  }

  void send() {
    add_header("Host", "s3.test");
    const std::optional<s3::PayloadMode> streaming = streaming_mode();
    if (streaming) {
      add_header("Content-Encoding", "aws-chunked");
      add_header("x-amz-decoded-content-length", cat(body_.size()));
      if (!signing_.trailer.empty()) add_header("x-amz-trailer", field_of(signing_.trailer)->first);
      if (signing_.te) add_header("Transfer-Encoding", "chunked");
    }
    std::string body = body_;
    const WallTime now{world().wall().ns + signing_.off_seconds * 1'000'000'000};
    const bool framed = has_header("transfer-encoding");
    if (!streaming && !framed && !body_.empty()) add_header("Content-Length", cat(body.size()));
    if (!signing_.none && signing_.presigned) {
      head_.raw_query = s3::presign(head_, {signing_.key, signing_.secret}, signing_.region,
                                    *signing_.presigned, now);
    } else if (!signing_.none) {
      const s3::SignedHead seed = s3::sign_request(head_, {signing_.key, signing_.secret},
                                                   signing_.region, payload_text(streaming), now);
      if (streaming) body = frames(*streaming, seed);
    } else if (streaming) {
      add_header("x-amz-content-sha256", std::string(s3::payload_mode_text(*streaming)));
      body = frames(*streaming, {});
    }
    if (streaming && !framed) add_header("Content-Length", cat(body.size()));
    if (streaming && signing_.te) body = http_chunks(body);
    out_.head = cat(head_.method, ' ', head_.raw_path, head_.raw_query.empty() ? "" : "?",
                    head_.raw_query, ' ', version_, "\r\n");
    for (const s3::NameValue& header : head_.headers)
      out_.head += cat(header.first, ": ", header.second, "\r\n");
    out_.head += "\r\n";
    out_.body = std::move(body);
    out_.is_head = head_.method == "HEAD";
    out_.awaits_continue = has_header("expect");
    answer_ = world().exchange(std::move(out_));
    pending_.clear();
    signing_ = {};
    if (!answer_) {
      ADD_FAILURE() << "no whole answer came";
      stop_ = true;
      return;
    }
    check_always();
  }
  std::optional<s3::PayloadMode> streaming_mode() const {
    if (signing_.payload == "chunked") return s3::PayloadMode::kStreamingSigned;
    if (signing_.payload == "chunked-trailer") return s3::PayloadMode::kStreamingSignedTrailer;
    if (signing_.payload == "unsigned-trailer") return s3::PayloadMode::kStreamingUnsignedTrailer;
    return std::nullopt;
  }
  std::string payload_text(std::optional<s3::PayloadMode> streaming) const {
    if (streaming) return std::string(s3::payload_mode_text(*streaming));
    if (signing_.payload == "hash") return hex_encode(Sha256::of(as_bytes(body_)));
    if (signing_.payload == "unsigned") return "UNSIGNED-PAYLOAD";
    return signing_.payload;
  }
  std::string frames(s3::PayloadMode mode, const s3::SignedHead& seed) const {
    s3::ChunkEncoder encoder(mode, seed.signature, seed.amz_date, seed.scope, seed.key);
    Bytes out;
    for (std::size_t at = 0; at < body_.size(); at += 1000)
      encoder.chunk(out, as_bytes(std::string_view(body_).substr(at, 1000)));
    std::vector<s3::NameValue> trailers;
    if (!signing_.trailer.empty()) trailers.push_back(*field_of(signing_.trailer));
    encoder.finish(out, trailers);
    std::string text = to_string(out);
    if (const std::size_t at = text.find("chunk-signature=");
        signing_.wrong_chunk && at != text.npos)
      text[at + 20] = text[at + 20] == '0' ? '1' : '0';
    return text;
  }

  // --- the answer
  // True of every answer.
  void check_always() {
    EXPECT_TRUE(answer_->headers.has("x-amz-request-id"));
    EXPECT_TRUE(answer_->headers.has("x-amz-id-2"));
    EXPECT_TRUE(answer_->headers.has("Date"));
    EXPECT_EQ(answer_->headers.find("Server").value_or(""), "Creel");
    xml_ = std::nullopt;
    if (answer_->headers.find("content-type") == "application/xml" && !answer_->body.empty()) {
      Result<XmlNode> parsed = parse_xml(as_bytes(answer_->body));
      if (parsed.ok()) xml_ = parsed.take();
      else ADD_FAILURE() << parsed.error().detail << "\n" << answer_->body;
    }
    const bool bodiless = head_.method == "HEAD" || answer_->status == 304;
    if (bodiless) {
      EXPECT_EQ(answer_->body, "");
    }
    if (bodiless || answer_->status < 400) return;
    ASSERT_TRUE(xml_) << "a refusal without its document: " << answer_->head << answer_->body;
    EXPECT_EQ(xml_->name, "Error");
    EXPECT_EQ(xml_->child_text("RequestId"), answer_->headers.find("x-amz-request-id"));
    EXPECT_TRUE(xml_->child_text("Message").has_value());
    EXPECT_EQ(answer_->body.find("-secret"), std::string::npos);
  }
  void answer_line(const std::string& text) {
    if (!pending_.empty()) send();
    if (stop_ || !answer_) return;
    const std::vector<std::string> words = words_of(text);
    if (const auto status = parse_u64(text)) {
      EXPECT_EQ(static_cast<std::uint64_t>(answer_->status), *status) << answer_->body;
    } else if (text == "empty") {
      EXPECT_EQ(answer_->body, "");
    } else if (text == "cut") {
      EXPECT_TRUE(answer_->closed);
      EXPECT_LT(answer_->body.size(),
                parse_u64(answer_->headers.find("content-length").value_or("")).value_or(0));
    } else if (text == "closed" || text == "open") {
      EXPECT_EQ(answer_->closed, text == "closed");
    } else if (text == "continue" || text == "no continue") {
      EXPECT_EQ(answer_->continued, text == "continue");
    } else if (text.starts_with("save ")) {
      save(words);
    } else if (text.starts_with("literal ")) {
      EXPECT_NE(answer_->head.find("\r\n" + text.substr(8)), std::string::npos) << answer_->head;
    } else if (text.starts_with("no ")) {
      EXPECT_FALSE(answer_->headers.has(words[1])) << *answer_->headers.find(words[1]);
    } else if (text.starts_with("body:")) {
      EXPECT_EQ(answer_->body, unescape(trim(std::string_view(text).substr(5))));
    } else if (text.starts_with("bytes:")) {
      expect_bytes(trim(std::string_view(text).substr(6)));
    } else if (text.starts_with("xml:")) {
      expect_xml(trim(std::string_view(text).substr(4)));
    } else if (const auto field = field_of(text)) {
      EXPECT_EQ(answer_->headers.find(field->first).value_or("(absent)"), field->second)
          << field->first;
    } else {
      ADD_FAILURE() << "not a line of an answer";
    }
  }
  void expect_bytes(std::string_view range) {
    const std::size_t dash = range.find('-');
    const auto from = parse_u64(range.substr(0, dash));
    const auto last = parse_u64(range.substr(dash + 1));
    ASSERT_TRUE(from && last);
    EXPECT_EQ(answer_->body, pattern(*from, *last + 1));
  }
  void expect_xml(std::string_view text) {
    ASSERT_TRUE(xml_) << "no XML: " << answer_->body;
    if (text.starts_with("no ")) {
      EXPECT_EQ(node_at(*xml_, text.substr(3)), nullptr) << answer_->body;
      return;
    }
    const std::size_t space = text.find(' ');
    const std::string_view path = text.substr(0, space);
    const std::string_view rest = trim(text.substr(space == text.npos ? text.size() : space));
    if (rest.starts_with("count ")) {
      std::uint64_t count = 0;
      while (node_at(*xml_, cat(path, '[', count + 1, ']')) != nullptr) ++count;
      EXPECT_EQ(count, parse_u64(rest.substr(6)).value_or(~0ull)) << answer_->body;
      return;
    }
    const XmlNode* node = node_at(*xml_, path);
    ASSERT_NE(node, nullptr) << "no " << path << " in " << answer_->body;
    if (rest.starts_with('=')) {
      EXPECT_EQ(node->text, unescape(trim(rest.substr(1))));
    }
  }
  // save NAME = xml PATH, or = header NAME
  void save(const std::vector<std::string>& words) {
    ASSERT_EQ(words.size(), 5u);
    std::string value;
    if (words[3] == "xml") {
      const XmlNode* node = xml_ ? node_at(*xml_, words[4]) : nullptr;
      ASSERT_NE(node, nullptr) << answer_->body;
      value = node->text;
    } else {
      value = std::string(answer_->headers.find(words[4]).value_or(""));
    }
    EXPECT_NE(value, "");
    saved_["$" + words[1]] = value;
  }

  const WireCase& case_;
  WireSetup setup_;
  std::unique_ptr<WireWorld> world_;
  std::string bucket_;
  Signing signing_;
  s3::OutgoingHead head_;
  std::string version_, body_, pending_;
  WireWorld::Outgoing out_;
  std::optional<WireAnswer> answer_;
  std::optional<XmlNode> xml_;
  std::map<std::string, std::string> saved_;
  bool stop_ = false;
};

class WireCaseTest final : public testing::Test {
 public:
  explicit WireCaseTest(WireCase which) : case_(std::move(which)) {}
  void TestBody() override { Runner(case_).run(); }

 private:
  WireCase case_;
};

class WireFileProblem final : public testing::Test {
 public:
  explicit WireFileProblem(std::string text) : text_(std::move(text)) {}
  void TestBody() override { FAIL() << text_; }

 private:
  std::string text_;
};

std::optional<std::string> read_text(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return std::nullopt;
  std::string text;
  char buffer[4096];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, file)) > 0;)
    text.append(buffer, got);
  std::fclose(file);
  return text;
}

std::string test_name(std::string_view phrase) {
  std::string out;
  bool start = true;
  for (const char c : phrase) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) out.push_back(start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
    start = !letter;
  }
  return out;
}

void add_problem(const std::string& text) {
  testing::RegisterTest("Wire", "FilesCanBeRead", nullptr, nullptr, __FILE__, __LINE__,
                        [text]() -> testing::Test* { return new WireFileProblem(text); });
}

bool register_cases() {
  const std::string folder = std::string(CREEL_SOURCE_DIR) + "/tests/wire";
  std::vector<std::string> files;
  DIR* dir = opendir(folder.c_str());
  while (const dirent* entry = dir == nullptr ? nullptr : readdir(dir))
    if (std::string_view(entry->d_name).ends_with(".txt")) files.emplace_back(entry->d_name);
  if (dir != nullptr) closedir(dir);
  std::sort(files.begin(), files.end());
  if (files.empty()) add_problem("no cases in " + folder);
  for (const std::string& file : files) {
    std::string problem;
    const std::vector<WireCase> cases =
        parse_cases(cat("tests/wire/", file), read_text(folder + "/" + file).value_or(""), problem);
    if (!problem.empty()) add_problem(problem);
    const std::string suite = "Wire" + test_name(file.substr(0, file.size() - 4));
    for (const WireCase& one : cases)
      testing::RegisterTest(suite.c_str(), test_name(one.name).c_str(), nullptr, nullptr,
                            one.file.c_str(), one.line,
                            [one]() -> testing::Test* { return new WireCaseTest(one); });
  }
  return true;
}

[[maybe_unused]] const bool registered = register_cases();

}  // namespace
}  // namespace creel::test
