#include "control/config/bytes_text.h"

#include <gtest/gtest.h>

#include "load_helpers.h"

namespace fairlead::control::bytes_text_test {
namespace {

using namespace std::string_literals;

std::string Read(const std::string& yaml) {
  Problems problems("t.yaml");
  const auto node = ParseYaml("a: " + yaml, problems);
  EXPECT_TRUE(node && problems.empty()) << yaml;
  if (!node) return "";
  const auto bytes = ReadBytes(node->items.at(0));
  return bytes ? *bytes : "error: " + bytes.error().message;
}

TEST(BytesText, EscapesAreReadWithAndWithoutThoseOfYaml) {
  EXPECT_EQ(Read("'PING\\r\\n'"), "PING\r\n");
  EXPECT_EQ(Read("\"PING\\r\\n\""), "PING\r\n");
  EXPECT_EQ(Read("PING\\r\\n"), "PING\r\n");
  EXPECT_EQ(Read("'\\x00\\xFf\\t\\0\\\\x'"), "\0\xff\t\0\\x"s);
  EXPECT_EQ(Read("\"\\xff\""), "\xc3\xbf") << "a character of YAML is no byte";
  EXPECT_EQ(Read("220"), "220");
}

TEST(BytesText, WhatIsNoneIsSaid) {
  const std::string known = "; known are \\r \\n \\t \\0 \\\\ and \\xHH";
  EXPECT_EQ(Read("'a\\q'"), "error: has an unknown escape at \"\\q\"" + known);
  EXPECT_EQ(Read("'\\x4'"), "error: has an unknown escape at \"\\x4\"" + known);
  EXPECT_EQ(Read("'\\xg0ab'"), "error: has an unknown escape at \"\\xg0\"" + known);
  EXPECT_EQ(Read("'a\\'"), "error: has an unknown escape at \"\\\"" + known);
  EXPECT_EQ(Read("''"), "error: must not be empty; leave the key out instead");
  EXPECT_EQ(Read(std::string(4096, 'a')), std::string(4096, 'a'));
  EXPECT_EQ(Read(std::string(4097, 'a')), "error: is longer than 4096 bytes");
  EXPECT_EQ(Read("[a]"), "error: must be text, not a list");
}

TEST(BytesText, WritesWhatItReads) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  for (const std::string& bytes : {all, "plain"s, "- a: [b]"s, "\\r"s, "\"'"s, "null"s, "12"s}) {
    EXPECT_EQ(Read(BytesText(bytes)), bytes) << BytesText(bytes);
  }
}

}  // namespace
}  // namespace fairlead::control::bytes_text_test
