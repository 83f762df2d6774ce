// The command line's rule and certs verbs and key files, on real files and a real loop.
#include "app/rule_command.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/certs_command.h"
#include "app/key_files.h"
#include "app/rule_dry_run.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/uv/local_file.h"
#include "tests/platform/uv/world_fixture.h"

namespace creel::app {
namespace {

class RuleCommand : public creel::test::UvTest {
 protected:
  void write(const std::string& name, std::string_view text, mode_t mode = 0600) {
    const std::string where = path(name);
    run([&](Ctx& ctx) -> Task<void> {
      const Result<Unit> wrote =
          co_await write_file_durable(ctx, doors().disk, where, to_bytes(text));
      EXPECT_TRUE(wrote.ok());
    });
    EXPECT_EQ(chmod(where.c_str(), mode), 0);
  }
  // The outcome of `rules` for an object of that key.
  DryRun try_rules(std::string_view rules, std::string key, std::string_view body) {
    write("object", body);
    DryRunInput input;
    const KeyFiles keys;
    auto compiled = edge::compile_rules(rules, keys, filters::RuleOptions{});
    EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().detail);
    if (!compiled.ok()) return {};
    input.rules = compiled.take();
    input.path = path("object");
    input.object.key = std::move(key);
    input.object.bucket = "field";
    DryRun result;
    run([&](Ctx& ctx) -> Task<void> {
      Result<DryRun> ran = co_await dry_run(ctx, doors(), std::move(input));
      EXPECT_TRUE(ran.ok());
      if (ran.ok()) result = ran.take();
    });
    return result;
  }
};

constexpr std::string_view kHot =
    "[[rule]]\nname = \"hot\"\nmatch = \"o.key GLOB '*.csv'\"\nmax_errors = 10\n"
    "sql = \"SELECT at, temp FROM S3Object WHERE temp > 30\"\n";

TEST_F(RuleCommand, ADryRunShowsCountsDifferencesAndBytes) {
  const DryRun run = try_rules(kHot, "a.csv", "at,temp,who\n1,20,x\n2,31,y\n3,hot,z\n");
  EXPECT_EQ(run.verdict, edge::FilterVerdict::kFiltered);
  EXPECT_EQ(run.rule, "hot");
  EXPECT_EQ(run.output, "at,temp\n2,31\n");
  EXPECT_EQ(run.bytes_out, run.output.size());
  EXPECT_EQ(run.counters.rows, 3u);
  EXPECT_EQ(run.counters.dead, 1u);
  ASSERT_EQ(run.only_in.size(), 4u);
  EXPECT_EQ(run.only_in[1].line, 2u);
  EXPECT_EQ(run.only_in[1].text, "1,20,x");
  ASSERT_EQ(run.only_out.size(), 2u);
  ASSERT_EQ(run.dead_letters.size(), 1u);
  const std::string text = dry_run_text(run);
  EXPECT_NE(text.find("3 in = 1 kept + 1 dropped + 1 dead"), std::string::npos) << text;

  const std::string json = dry_run_json(run);
  const auto parsed = JsonDoc::parse(as_bytes(json));
  ASSERT_TRUE(parsed.ok()) << json;
  EXPECT_EQ(parsed.value().root().find("records").find("kept").as_u64(), 1u);
  EXPECT_EQ(parsed.value().root().find("outcome").as_string(), "filtered");
}

TEST_F(RuleCommand, AHeldObjectShowsNoByteOfItself) {
  const DryRun run = try_rules(kHot, "a.csv", std::string_view("at\0secret", 9));
  EXPECT_EQ(run.verdict, edge::FilterVerdict::kHeld);
  EXPECT_EQ(run.reason, "binary");
  EXPECT_EQ(dry_run_text(run).find("secret"), std::string::npos);
}

TEST_F(RuleCommand, WhatNoRuleMatchesGoesByTheDefault) {
  const DryRun run = try_rules(kHot, "a.bin", "12345");
  EXPECT_EQ(run.verdict, edge::FilterVerdict::kSendRaw);
  EXPECT_EQ(run.bytes_out, 5u);
  EXPECT_TRUE(run.rule.empty());
}

TEST_F(RuleCommand, ExitCodesTellRightFromWrongFromNotUnderstood) {
  write("good.toml", kHot);
  write("bad.toml", "[[rule]]\nname = \"x\"\nsql = \"SELECT\"\n");
  write("a.csv", "at,temp\n1,31\n");
  EXPECT_EQ(run_rule({"rule", "check", path("good.toml")}), 0);
  EXPECT_EQ(run_rule({"rule", "check", path("bad.toml")}), 3);
  EXPECT_EQ(run_rule({"rule", "explain", path("good.toml")}), 0);
  EXPECT_EQ(run_rule({"rule", "test", path("good.toml"), "--in", path("a.csv"), "--json"}), 0);
  EXPECT_EQ(run_rule({"rule", "test", path("good.toml"), "--in", path("absent")}), 1);
  EXPECT_EQ(run_rule({"rule", "test", path("good.toml"), "--inn", path("a.csv")}), 2);
  EXPECT_EQ(run_rule({"rule", "put", "field", path("good.toml")}), 2) << "no endpoint";
  EXPECT_EQ(run_rule({"rule"}), 2);
}

TEST_F(RuleCommand, KeysComeFromFilesThatNobodyElseReads) {
  const KeyFiles keys;
  write("key", std::string(32, 'k') + "\n");
  const auto good = keys.load(cat("file:", path("key")));
  ASSERT_TRUE(good.ok()) << error_text(good.error());
  EXPECT_EQ(good.value().size(), 32u) << "the line feed is none of it";
  write("open", std::string(32, 'k'), 0640);
  const auto open = keys.load(cat("file:", path("open")));
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.error().code, ErrorCode::kDenied);
  EXPECT_EQ(open.error().detail.find("kkkk"), std::string::npos);
  write("short", std::string(31, 'k'));
  EXPECT_EQ(keys.load(cat("file:", path("short"))).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(keys.load(cat("file:", path("absent"))).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(keys.load(cat("file:", path(""))).error().code, ErrorCode::kDenied) << "a folder";
  EXPECT_EQ(keys.load("env:CREEL_NO_SUCH_KEY").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(keys.load("vault:x").error().code, ErrorCode::kInvalid);
}

TEST_F(RuleCommand, CertificatesJoinSitesToTheCore) {
  const std::string dir = path("pki");
  ASSERT_EQ(run_certs({"certs", dir, "--core-name", "localhost", "--core-name", "127.0.0.1",
                       "--site", "7"}),
            0);
  const auto text = [&](std::string name) {
    const auto content = read_secret_file(cat(dir, '/', name), 64 * KiB);
    EXPECT_TRUE(content.ok()) << (content.ok() ? "" : error_text(content.error()));
    return content.ok() ? to_string(content.value()) : std::string();
  };
  TlsSettings server;
  server.certificate_pem = text("core.pem");
  server.key_pem = text("core.key");
  server.ca_pem = text("ca.pem");
  server.require_peer_certificate = true;
  TlsSettings site;
  site.certificate_pem = text("site-7.pem");
  site.key_pem = text("site-7.key");
  site.ca_pem = server.ca_pem;
  site.server_name = "localhost";
  run([&](Ctx& ctx) -> Task<void> {
    Address any{"127.0.0.1", 0};
    auto listener = co_await doors().network.listen(ctx, std::move(any), server);
    CO_ASSERT_OK(listener);
    const Address there = listener.value()->local();
    auto dialled = co_await doors().network.connect(ctx, there, site);
    CO_ASSERT_OK(dialled);
    auto accepted = co_await listener.value()->accept(ctx);
    CO_ASSERT_OK(accepted);
    EXPECT_EQ(accepted.value()->peer().identity, "creel:fleet/site/7");
  });
  // Another site later: the authority signs again, what is there stands.
  const std::string before = text("site-7.pem");
  ASSERT_EQ(run_certs({"certs", dir, "--site", "7", "--site", "8"}), 0);
  EXPECT_EQ(text("site-7.pem"), before);
  EXPECT_FALSE(text("site-8.key").empty());
  EXPECT_EQ(text("ca.pem"), server.ca_pem);
  EXPECT_EQ(run_certs({"certs", dir, "--site", "none"}), 2);
  EXPECT_EQ(run_certs({"certs", dir}), 2);
}

}  // namespace
}  // namespace creel::app
