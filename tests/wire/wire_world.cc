#include "tests/wire/wire_world.h"

#include "platform/base/text.h"

namespace creel::test {
namespace {

// A master key and two of the key ring, known to the texts.
const s3::KeyRing& test_keys() {
  static const s3::KeyRing keys = [] {
    s3::KeyRing made;
    made.add_master_key(Bytes(32, 1));
    made.add_kms_key("testkey-1", Bytes(32, 2));
    made.add_kms_key("testkey-2", Bytes(32, 3));
    return made;
  }();
  return keys;
}

s3::ServiceOptions service_options(const WireSetup& setup) {
  s3::ServiceOptions options;
  options.region = setup.region;
  options.keys = &test_keys();
  options.customer_keys_over_http = true;
  return options;
}
s3::HandlerOptions handler_options(const WireSetup& setup) {
  s3::HandlerOptions options;
  options.base_domains = setup.domains;
  return options;
}

// Status line and fields; the status is 0 if it is no head.
WireAnswer parse_answer_head(std::string head) {
  WireAnswer answer;
  answer.status = static_cast<int>(parse_u64(std::string_view(head).substr(9, 3)).value_or(0));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = std::string_view(head).substr(at, end - at);
    at = end == std::string::npos ? head.size() : end + 2;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    answer.headers.add(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  answer.head = std::move(head);
  return answer;
}

}  // namespace

WireWorld::WireWorld(const WireSetup& setup)
    : clock_(setup.clock),
      platform_{doors_.loop, *this, doors_.network, doors_.disk, doors_.random, doors_.offload},
      log_({setup.part_bytes_min, false}),
      blobs_(log_),
      service_(platform_, log_, blobs_, service_options(setup)),
      handler_(service_, access_, this, nullptr, handler_options(setup)),
      server_(handler_, {}),
      root_(doors_.loop, *this),
      scope_(root_) {
  access_.add_key("test-key", "test-secret", {"tester", "Test Owner", false});
  access_.add_key("other-key", "other-secret", {"other", "Other Owner", false});
}

WireWorld::~WireWorld() {
  hang_up();
  scope_.request_stop();
  while (scope_.running() > 0 && doors_.loop.step()) {
  }
}

// Rules that hold the word "bad" do not compile.
Result<Unit> WireWorld::check(std::string_view document) {
  if (document.find("bad") == std::string_view::npos) return Unit{};
  return fail(ErrorCode::kInvalid, "line 1, column 1: 'bad' is no rule");
}

void WireWorld::connect() {
  StreamPair pair = make_pair();
  client_ = std::move(pair.client);
  link_ = pair.link;
  received_.clear();
  scope_.spawn(server_.serve_stream(scope_.ctx(), std::move(pair.server)));
}

void WireWorld::hang_up() {
  if (!client_) return;
  client_.reset();
  doors_.loop.settle();
}

void WireWorld::send(std::string_view bytes) {
  link_->pipes[1].bytes.append(bytes);
  link_->pipes[1].changed.notify_all();
  settle();
}

void WireWorld::settle() {
  for (;;) {
    doors_.loop.settle();
    Pipe& in = link_->pipes[0];
    if (in.bytes.empty()) return;
    received_ += std::exchange(in.bytes, {});
    in.changed.notify_all();
  }
}

std::optional<WireAnswer> WireWorld::take_answer(bool is_head) {
  const std::size_t end = received_.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  WireAnswer answer = parse_answer_head(received_.substr(0, end + 2));
  received_.erase(0, end + 4);
  if (is_head || answer.status == 204 || answer.status == 304 || answer.status / 100 == 1)
    return answer;
  const auto length = parse_u64(answer.headers.find("content-length").value_or(""));
  if (!length || received_.size() < *length) {
    answer.body = std::exchange(received_, {});
    return answer;  // A cut answer: its body is shorter than its head says.
  }
  answer.body = received_.substr(0, static_cast<std::size_t>(*length));
  received_.erase(0, answer.body.size());
  return answer;
}

std::optional<WireAnswer> WireWorld::exchange(Outgoing out) {
  if (!client_ || link_->pipes[0].ended) connect();
  bool continued = false;
  std::optional<WireAnswer> answer;
  if (out.awaits_continue) {
    send(out.head);
    answer = take_answer(out.is_head);
    continued = answer && answer->status == 100;
    if (continued) answer = std::nullopt;
    if (!answer) send(out.body);
  } else {
    send(out.head + out.body);
  }
  if (out.end) {
    link_->pipes[1].ended = true;
    link_->pipes[1].changed.notify_all();
    settle();
  }
  if (!answer) answer = take_answer(out.is_head);
  if (answer && answer->status == 100) {
    continued = true;
    answer = take_answer(out.is_head);
  }
  if (!answer) return std::nullopt;
  answer->continued = continued;
  answer->closed = link_->pipes[0].ended;
  return answer;
}

}  // namespace creel::test
