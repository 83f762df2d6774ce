// A redacting rule fails closed: nothing raw leaves, whatever goes wrong.
#include "filters/eval/address.h"
#include "filters/eval/redact.h"
#include "platform/codec/stream.h"
#include "tests/filters/support.h"

namespace creel::filters::test {
namespace {

constexpr std::string_view kKey = "key = {hmac = 'env:KEY', id = 'k1'}\n";

TEST(Redaction, HmacIsSixteenBytesOfHmacSha256) {
  const Outcome o =
      run_rule(cat(kKey, "sql = 'SELECT HMAC(a) h FROM S3Object'"), "a\nuser@example.org\n\"\"\n");
  // Computed with another program: HMAC-SHA-256, key 32 × 0x4b.
  const HmacSha256 reference(ByteView(Bytes(32, 0x4b)));
  const auto digest = reference.of(as_bytes("user@example.org"));
  const auto empty = reference.of({});
  EXPECT_EQ(o.out, cat("h\n", hex_encode(ByteView(digest.data(), 16)), "\n",
                       hex_encode(ByteView(empty.data(), 16)), "\n"));
}

TEST(Redaction, NullStaysNull) {
  EXPECT_EQ(run_rule(cat(kKey, "sql = 'SELECT b, HMAC(a) h FROM S3Object'"), "a,b\n,1\n").out,
            "b,h\n1,\n");
}

TEST(Redaction, MaskShowsBothEndsOnly) {
  const auto mask = [](std::string_view text, int left, int right) {
    const Outcome o = run_rule(cat("sql = 'SELECT MASK(a,", left, ",", right, ") m FROM S3Object'"),
                               cat("a\n", text, "\n"));
    return o.out.size() < 3 ? o.detail : o.out.substr(2, o.out.size() - 3);
  };
  EXPECT_EQ(mask("4111111111111111", 0, 4), "************1111");
  EXPECT_EQ(mask("abcdef", 2, 1), "ab***f");
  EXPECT_EQ(mask("abc", 2, 1), "***");  // Nothing would be hidden otherwise.
  EXPECT_EQ(mask("h\xc3\xa9llo", 1, 1), "h***o");
  EXPECT_EQ(mask("x", 0, 0), "*");
}

TEST(Redaction, RedactFindsWhatItNames) {
  const auto apply = [](void (*redact)(std::string_view, std::string&), std::string_view text) {
    std::string out;
    redact(text, out);
    return out;
  };
  EXPECT_EQ(apply(redact_email, "mail a.b+c@x-y.example.org, or \"q r\"@d.example."),
            "mail <email>, or <email>");
  EXPECT_EQ(apply(redact_email, "no @ here, nor x@"), "no @ here, nor x@");
  EXPECT_EQ(apply(redact_email, "a@b@c.example"), "<email>@c.example");
  EXPECT_EQ(apply(redact_pan, "card 4111 1111-1111 1111 ok 4111111111111112"),
            "card <pan> ok 4111111111111112");
  EXPECT_EQ(apply(redact_pan, "12 4111111111111111"), "12 <pan>");
  EXPECT_EQ(apply(redact_ipv4, "from 10.0.0.1:80 to 256.1.1.1 and 1.2.3"),
            "from <ipv4>:80 to 256.1.1.1 and 1.2.3");
  EXPECT_EQ(apply(redact_iban, "to DE89 3704 0044 0532 0130 00 today"), "to <iban> today");
  EXPECT_EQ(apply(redact_iban, "GB82WEST12345698765432"), "<iban>");
  EXPECT_EQ(apply(redact_iban, "DE88 3704 0044 0532 0130 00"), "DE88 3704 0044 0532 0130 00");
}

TEST(Redaction, TruncatedAddresses) {
  const auto cut = [](std::string_view text) {
    Address address;
    if (!parse_address(text, address)) return std::string("no address");
    char out[24];
    return std::string(out, print_truncated(address, out));
  };
  EXPECT_EQ(cut("192.0.2.77"), "192.0.2.0");
  EXPECT_EQ(cut("2001:db8:7:1:2:3:4:5"), "2001:db8:7::");
  EXPECT_EQ(cut("2001:DB8::5"), "2001:db8::");
  EXPECT_EQ(cut("::1"), "::");
  EXPECT_EQ(cut("::ffff:192.0.2.1"), "::");
  for (const std::string_view bad :
       {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1::2::3", "1:2:3:4:5:6:7", ":1",
        "1:2:3:4:5:6:7:8:9", "12345::", "1.2.3.4 ", "fe80::1%eth0", "::1.2.3.4:5"})
    EXPECT_EQ(cut(bad), "no address") << bad;
}

// Every redaction with every input it cannot take, in CSV and JSON: the object is held, 0 bytes
// leave.
TEST(Redaction, FailureHoldsTheObjectAndNothingLeaves) {
  struct Case {
    std::string_view expr;
    std::string_view json;
  };
  constexpr Case kCases[] = {{"TRUNC_IP(secret)", "\"not an address\""},
                             {"TRUNC_IP(secret)", "17"},
                             {"TRUNC_IP(secret)", "true"},
                             {"TRUNC_IP(secret)", "{\"a\":1}"},
                             {"ROUND_GEO(secret, 2)", "\"north\""},
                             {"ROUND_GEO(secret, 2)", "[1]"},
                             {"ROUND_GEO(secret, 2)", "true"},
                             {"HMAC(secret)", "[1,2]"},
                             {"HMAC(secret)", "{}"},
                             {"MASK(secret, 1, 1)", "[1]"},
                             {"REDACT(secret, 'email')", "{\"e\":1}"},
                             {"REDACT(secret, 'pan')", "[]"},
                             {"REDACT(secret, 'iban')", "[]"},
                             {"REDACT(secret, 'ipv4')", "[]"}};
  for (const Case& c : kCases) {
    std::string input;
    for (int i = 0; i < 2000; ++i) input += cat("{\"id\":", i, ",\"secret\":null}\n");
    input += cat("{\"id\":1,\"secret\":", c.json, "}\n{\"id\":2}\n");
    const std::string list = cat(kKey, "sql = \"SELECT id, ", c.expr, " s FROM S3Object\"");
    const std::string star = cat(kKey, "columns = ['id','secret']\nsql = \"SELECT * REPLACE (",
                                 c.expr, " AS secret) FROM S3Object\"");
    for (const std::string& rule : {list, star}) {
      const Outcome o = run_rule(rule, input, "a.ndjson");
      EXPECT_EQ(o.held, "redaction") << c.expr << " of " << c.json;
      EXPECT_EQ(o.out + o.dead, "");
      EXPECT_EQ(o.detail.find(std::string(c.json)), std::string::npos)
          << "a value in the error text";
      EXPECT_EQ(run_rule(rule + "\nredact_error = 'dlq'", input, "a.ndjson").counters.dead, 1u);
    }
  }
  EXPECT_EQ(
      run_rule("sql = 'SELECT TRUNC_IP(ip) ip FROM S3Object'", "ip\n10.0.0.1\nsecret host\n").held,
      "redaction");
  EXPECT_EQ(
      run_rule("sql = 'SELECT ROUND_GEO(lat, 1) lat FROM S3Object'", "lat\n48.137\nhidden\n").held,
      "redaction");
}

// Ordinary functions fail inside a redacting rule: a dead letter, which stays here, and no output
// of that record.
TEST(Redaction, OtherFailuresNeverReachTheOutput) {
  constexpr std::string_view kFailing[] = {"CAST(secret AS INT)",
                                           "secret + 1",
                                           "secret * 2.0",
                                           "-secret",
                                           "ABS(secret)",
                                           "ROUND(secret)",
                                           "FLOOR(secret)",
                                           "CEIL(secret)",
                                           "1 / (n - 1)",
                                           "n % (n - 1)",
                                           "DATE_ADD(DAY, 1, secret)",
                                           "DATE_DIFF(DAY, secret, secret)",
                                           "EXTRACT(YEAR FROM secret)",
                                           "TO_TIMESTAMP(secret)",
                                           "TO_STRING(secret, 'y')",
                                           "CAST(secret AS TIMESTAMP)",
                                           "CAST(secret AS BOOL)",
                                           "SUBSTRING(secret, 'x')",
                                           "SUBSTRING(secret, 1, 0 - n)",
                                           "CIDR(secret, '10.0.0.0/8')"};
  for (const std::string_view expr : kFailing) {
    const Outcome o =
        run_rule(cat(kKey, "sql = \"SELECT HMAC(secret) h, ", expr, " x FROM S3Object\""),
                 "n,secret\n1,plain-secret\n");
    EXPECT_EQ(o.counters.dead, 1u) << expr;
    EXPECT_EQ(o.out, "h,x\n") << expr;
    const Outcome where = run_rule(
        cat(kKey, "sql = \"SELECT HMAC(secret) h FROM S3Object WHERE (", expr, ") IS NOT NULL\""),
        "n,secret\n1,plain-secret\n");
    EXPECT_EQ(where.out, "h\n") << expr;
  }
}

TEST(Redaction, StarNeedsColumnsAndHoldsNewOnes) {
  const std::string rule =
      "columns = ['id','email','note']\nsql = 'SELECT * EXCEPT (email) FROM S3Object'\n";
  EXPECT_EQ(run_rule(rule, "id,email,note\n1,a@b.example,x\n").out, "id,note\n1,x\n");
  EXPECT_EQ(run_rule(rule, "note,EMAIL,id\nx,a@b.example,1\n").out, "note,id\nx,1\n");
  EXPECT_EQ(run_rule(rule, "id,email,note,phone\n1,a@b.example,x,555\n").held, "columns");
  EXPECT_EQ(
      run_rule(rule + "new_column = 'strip'", "id,phone,email,note\n1,555,a@b.example,x\n").out,
      "id,note\n1,x\n");
  EXPECT_EQ(run_rule(rule, "id,note\n1,x\n").held,
            "columns");  // What is to be cut is not there: renamed?
  EXPECT_EQ(run_rule(rule, "id,email,email\n1,a,b\n").held, "columns");
  EXPECT_EQ(run_rule(rule, "id,email,note\n1,a@b.example,x,y\n").counters.dead,
            1u);  // Shifted cells.
  const std::string json = "{\"id\":1,\"email\":\"a@b.example\",\"note\":\"x\"";
  EXPECT_EQ(run_rule(rule, json + "}\n", "a.ndjson").out, "{\"id\":1,\"note\":\"x\"}\n");
  EXPECT_EQ(run_rule(rule, json + ",\"phone\":5}\n", "a.ndjson").held, "columns");
  EXPECT_EQ(run_rule(rule + "new_column = 'strip'", json + ",\"phone\":5}\n", "a.ndjson").out,
            "{\"id\":1,\"note\":\"x\"}\n");
  EXPECT_EQ(run_rule(rule, json + ",\"Email\":\"real\"}\n", "a.ndjson").counters.dead, 1u);
  EXPECT_EQ(run_rule(rule, "{\"id\":1,\"em\\u0061il\":\"a@b.example\"}\n", "a.ndjson").out,
            "{\"id\":1}\n");
  EXPECT_EQ(run_rule(rule, "{\"id\":1,\"email\":1,\"em\\u0061il\":2}\n", "a.ndjson").counters.dead,
            1u);
}

TEST(Redaction, DeclaredLevelsAreClosed) {
  const std::string rule =
      "columns = ['id','user.name','user.mail','any']\n"
      "sql = 'SELECT * EXCEPT (user.mail) FROM S3Object'\n";
  EXPECT_EQ(
      run_rule(rule, "{\"id\":1,\"user\":{\"name\":\"n\",\"mail\":\"m\"},\"any\":{\"x\":1}}\n",
               "a.ndjson")
          .out,
      "{\"id\":1,\"user\":{\"name\":\"n\"},\"any\":{\"x\":1}}\n");
  EXPECT_EQ(
      run_rule(rule, "{\"id\":1,\"user\":{\"name\":\"n\",\"phone\":\"m\"}}\n", "a.ndjson").held,
      "columns");
}

TEST(Redaction, ListInJsonRefusesADoubledKey) {
  const Outcome o =
      run_rule(cat(kKey, "sql = 'SELECT HMAC(email) h FROM S3Object'"),
               "{\"email\":\"x\",\"email\":\"real\"}\n{\"email\":\"y\"}\n", "a.ndjson");
  EXPECT_EQ(o.counters.dead, 1u);
  EXPECT_EQ(o.counters.kept, 1u);
}

TEST(Redaction, LostKeyHoldsEveryObject) {
  RuleOptions options;
  options.keys_required = false;
  const auto set =
      parse(rule_text("key = {hmac = 'env:GONE', id = 'k'}\nsql = 'SELECT HMAC(a) FROM S3Object'"),
            options);
  ASSERT_TRUE(set.ok()) << set.error().detail;
  const Outcome o = run_pieces(*set.value()->rules()[0], object_named("a.csv"), "a\nx\n", {});
  EXPECT_EQ(o.held, "key");
  EXPECT_EQ(o.out, "");
}

TEST(Redaction, DefaultsOfARedactingRule) {
  const auto set = must_parse(rule_text("sql = 'SELECT MASK(a,0,0) FROM S3Object'"));
  const Rule& rule = *set->rules()[0];
  EXPECT_TRUE(rule.redacting);
  EXPECT_EQ(rule.metadata, MetadataPolicy::kNone);
  EXPECT_EQ(rule.new_column, NewColumn::kHold);
}

}  // namespace
}  // namespace creel::filters::test
