#include "platform/codec/xml.h"

#include <gtest/gtest.h>

#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

XmlNode parse(std::string_view text) {
  Result<XmlNode> root = parse_xml(as_bytes(text));
  EXPECT_TRUE(root.ok()) << root.error().detail;
  return root.ok() ? root.take() : XmlNode{};
}

Error refusal(std::string_view text, XmlLimits limits = {}) {
  Result<XmlNode> root = parse_xml(as_bytes(text), limits);
  EXPECT_FALSE(root.ok()) << text;
  return root.ok() ? Error{} : root.error();
}

TEST(Xml, ReadsATreeWithoutNamespaces) {
  const XmlNode root = parse(
      "<?xml version=\"1.0\"?>\n<d:Delete xmlns:d=\"urn:x\" xmlns=\"urn:y\">\n"
      "  <Object><Key>a &amp; &lt;b&gt; &#233;<![CDATA[<c>]]></Key></Object>\n"
      "  <d:Quiet xsi:type=\"T\">true</d:Quiet></d:Delete>");
  EXPECT_EQ(root.name, "Delete");
  EXPECT_TRUE(root.text.empty());
  EXPECT_TRUE(root.attributes.empty());
  ASSERT_EQ(root.children.size(), 2u);
  ASSERT_NE(root.child("Object"), nullptr);
  EXPECT_EQ(root.child("Object")->child_text("Key"), "a & <b> \xc3\xa9<c>");
  EXPECT_EQ(root.child("Object")->line, 3u);
  EXPECT_EQ(root.child_text("Quiet"), "true");
  EXPECT_EQ(root.child("Quiet")->attribute("type"), "T");
  EXPECT_EQ(root.child_text("Nothing"), std::nullopt);
}

TEST(Xml, ADoctypeIsRefusedBeforeAnythingElseOfIt) {
  const Error error =
      refusal("<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>");
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
  EXPECT_NE(error.detail.find("DOCTYPE"), std::string::npos) << error.detail;
  EXPECT_NE(error.detail.find("line 2"), std::string::npos) << error.detail;
  refusal("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>");
  refusal("<a>&undefined;</a>");
}

TEST(Xml, AMistakeIsNamedWithLineAndColumn) {
  const Error error = refusal("<a>\n  <b>text</c>\n</a>");
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
  EXPECT_NE(error.detail.find("line 2, column 12"), std::string::npos) << error.detail;
  for (std::string_view text : {"", "   ", "<a>", "<a></a><b/>", "text", "<a b=c/>", "<a>\x01</a>",
                                "<a>\xff</a>", "<a>&#0;</a>", "<a b='1' b='2'/>"})
    EXPECT_EQ(refusal(text).code, ErrorCode::kInvalid) << text;
}

// A fuzzer found that such a name became empty.
TEST(Xml, ANameWithNothingBesideItsColonIsRefused) {
  for (const char* text :
       {"<a><b:/></a>", "<a><:b/></a>", "<a><b:c:d/></a>", "<a b:='1'/>", "<a xmlns:='urn:x'/>"}) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code, ErrorCode::kInvalid) << text;
    EXPECT_NE(error.detail.find("is no name of an"), std::string::npos) << error.detail;
  }
}

TEST(Xml, LimitsHold) {
  std::string deep;
  for (int i = 0; i < 33; ++i) deep += "<a>";
  EXPECT_EQ(refusal(deep).code, ErrorCode::kTooLarge);
  std::string wide = "<a>";
  for (int i = 0; i < 10; ++i) wide += "<b/>";
  wide += "</a>";
  EXPECT_TRUE(parse_xml(as_bytes(wide), {.nodes_max = 11}).ok());
  EXPECT_EQ(refusal(wide, {.nodes_max = 10}).code, ErrorCode::kTooLarge);
  EXPECT_EQ(refusal(wide, {.bytes_max = 10}).code, ErrorCode::kTooLarge);
  EXPECT_EQ(refusal("<a b='' c='' d=''/>", {.attributes_max = 2}).code, ErrorCode::kTooLarge);
}

TEST(XmlWriter, WritesEscapesAndNesting) {
  std::string out;
  XmlWriter writer(out);
  writer.open("A", "xmlns=\"urn:x\"").leaf("K", "a&b<c>\"d\r\n\x1b'").leaf("N", 7u).leaf("I", -1);
  writer.open("B").leaf("T", true).close().close();
  EXPECT_EQ(writer.depth(), 0u);
  EXPECT_EQ(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A "
            "xmlns=\"urn:x\"><K>a&amp;b&lt;c&gt;&quot;d&#13;&#10;"
            "&#x1b;'</K><N>7</N><I>-1</I><B><T>true</T></B></A>");
}

TEST(XmlProperty, WrittenTextReadsBackTheSame) {
  const std::string alphabet = "ab &<>\"'\r\n\t;#x]!-";
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    std::string out;
    XmlWriter writer(out);
    std::vector<std::string> texts;
    writer.open("R");
    for (size_t i = random.below(6); i > 0; --i) {
      texts.push_back(random.text(random.skewed_below(60), alphabet) +
                      (random.chance(0.5) ? "\xe2\x82\xac" : ""));
      writer.leaf("T", texts.back());
    }
    writer.close();
    const XmlNode root = parse(out);
    ASSERT_EQ(root.children.size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(root.children[i].text, texts[i]);
  }
}

}  // namespace
}  // namespace creel
