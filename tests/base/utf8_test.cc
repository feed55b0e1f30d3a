#include "base/utf8.h"

#include <gtest/gtest.h>

namespace fairlead::utf8_test {
namespace {

TEST(Utf8, CharactersOfEveryLength) {
  EXPECT_EQ(Utf8CharacterLength(""), 0u);
  EXPECT_EQ(Utf8CharacterLength("az"), 1u);
  EXPECT_EQ(Utf8CharacterLength("\xc3\xa9z"), 2u);
  EXPECT_EQ(Utf8CharacterLength("\xe2\x82\xacz"), 3u);
  EXPECT_EQ(Utf8CharacterLength("\xf0\x9f\x98\x80z"), 4u);
}

TEST(Utf8, WhatIsNoCharacter) {
  for (const char* text : {
           "\x80",              // goes on without a beginning
           "\xc3",              // ends too early
           "\xc3z",             //
           "\xc0\x80",          // longer than it need be
           "\xe0\x9f\xbf",      //
           "\xf0\x8f\xbf\xbf",  //
           "\xed\xa0\x80",      // a surrogate
           "\xf4\x90\x80\x80",  // above U+10FFFF
           "\xff",              //
       }) {
    EXPECT_EQ(Utf8CharacterLength(text), 0u) << text;
    EXPECT_FALSE(IsUtf8(std::string("a") + text));
    EXPECT_EQ(Utf8Length(std::string("a") + text), 1u);
    EXPECT_TRUE(IsUtf8(ToUtf8(std::string(text) + "a" + text)));
  }
  EXPECT_TRUE(IsUtf8("\xf4\x8f\xbf\xbf\xed\x9f\xbf"));
}

TEST(Utf8, OnlyWhatIsNoneIsReplaced) {
  EXPECT_EQ(ToUtf8("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(ToUtf8("caf\xe9!"), "caf\xef\xbf\xbd!");
  EXPECT_EQ(ToUtf8("\xff\xff"), "\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace fairlead::utf8_test
