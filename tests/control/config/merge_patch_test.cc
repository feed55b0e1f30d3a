#include "control/config/merge_patch.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::control::merge_patch_test {
namespace {

// The tree in one line, in the order of its keys.
std::string TextOf(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return node.text;
    case YamlNode::Kind::kBroken:
      return "broken";
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : " ") + TextOf(item);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      break;
  }
  for (size_t i = 0; i < node.keys.size(); ++i) {
    text += (i > 0 ? " " : "") + node.keys[i].text + ":" + TextOf(node.items[i]);
  }
  return "{" + text + "}";
}

std::string Merged(const std::string& base, const std::string& patch) {
  return TextOf(MergePatch(TreeOf(base), TreeOf(patch), kServiceSection));
}

TEST(MergePatch, ChangesAddsAndTakesBack) {
  EXPECT_EQ(Merged("{ port: 80, name: a }", "{ name: b }"), "{port:80 name:b}");
  EXPECT_EQ(Merged("{ port: 80, name: a }", "{ name: null, mark: 1 }"), "{port:80 mark:1}");
  EXPECT_EQ(Merged("{ health: { type: tcp, fall: 2 } }", "{ health: { fall: null, rise: 3 } }"),
            "{health:{type:tcp rise:3}}");
  EXPECT_EQ(Merged("{ reals: [a, b] }", "{ reals: [c] }"), "{reals:[c]}");
  EXPECT_EQ(Merged("{ health: { type: tcp } }", "{ health: 3 }"), "{health:3}");
}

TEST(MergePatch, KeepsWhatTheReadersAreToComplainOf) {
  EXPECT_EQ(Merged("{ port: 80 }", "{ prot: null }"), "{port:80 prot:null}");
  EXPECT_EQ(Merged("{ port: 80 }", "{ port: 81, port: 82 }"), "{port:81 port:82}");
}

// In a time that grows with the square of the keys this does not end while anybody waits.
TEST(MergePatch, AMergeOfVeryManyKeysIsLinear) {
  constexpr size_t kKeys = 400'000;
  YamlNode patch;
  patch.kind = YamlNode::Kind::kMap;
  for (size_t i = 0; i < kKeys; ++i) {
    YamlNode value;
    value.kind = YamlNode::Kind::kScalar;
    value.text = "1";
    patch.keys.push_back({"key" + std::to_string(i), {1, 1}});
    patch.items.push_back(value);
  }
  const YamlNode merged = MergePatch(patch, patch, kServiceSection);
  EXPECT_EQ(merged.keys.size(), kKeys);
  EXPECT_EQ(merged.items.size(), kKeys);
  EXPECT_EQ(merged.keys.back().text, "key399999");
}

TEST(MergePatch, AForwardOfAnotherMethodLeavesNothingOfTheOldOne) {
  const auto patched = [](const std::string& forward, const std::string& patch) {
    YamlNode base = TreeOf("{ forward: " + forward + ", fallback: { forward: " + forward + " } }");
    const YamlNode change =
        TreeOf("{ forward: " + patch + ", fallback: { forward: " + patch + " } }");
    DropOtherForward(&base, change);
    const YamlNode merged = MergePatch(std::move(base), change, kServiceSection);
    const std::string text = TextOf(*FindKey(merged, "forward"));
    EXPECT_EQ(TextOf(*FindKey(*FindKey(merged, "fallback"), "forward")), text);
    return text;
  };
  const char* const kFullnat = "{ method: fullnat, local_addresses: a, client_address: toa }";
  EXPECT_EQ(patched(kFullnat, "{ client_address: none }"),
            "{method:fullnat local_addresses:a client_address:none}");
  EXPECT_EQ(patched(kFullnat, "{ method: fullnat, local_addresses: b }"),
            "{method:fullnat local_addresses:b client_address:toa}");
  EXPECT_EQ(patched(kFullnat, "{ method: tun }"), "{method:tun}");
  EXPECT_EQ(patched(kFullnat, "nat"), "nat");
  EXPECT_EQ(patched("nat", kFullnat), "{method:fullnat local_addresses:a client_address:toa}");
  const char* const kGue = "{ method: tun, type: gue, port: 6080, checksum: full }";
  EXPECT_EQ(patched(kGue, "{ port: 7 }"), "{method:tun type:gue port:7 checksum:full}");
  EXPECT_EQ(patched(kGue, "{ type: gre }"), "{method:tun type:gre}");
  EXPECT_EQ(patched(kGue, "{ method: tun, type: gue }"),
            "{method:tun type:gue port:6080 checksum:full}");
  EXPECT_EQ(patched(kGue, "{ method: fullnat, local_addresses: a }"),
            "{method:fullnat local_addresses:a}");
}

}  // namespace
}  // namespace fairlead::control::merge_patch_test
