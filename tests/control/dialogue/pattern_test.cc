#include "control/health/pattern.h"

#include <gtest/gtest.h>

namespace fairlead::control::pattern_test {
namespace {

// In one piece and byte by byte, with and without the end.
bool Finds(std::string_view pattern, std::string_view text, bool has_end = true) {
  const auto compiled = Pattern::Compile(pattern);
  if (!compiled) {
    ADD_FAILURE() << pattern << ": " << compiled.error().message;
    return false;
  }
  PatternSearch whole(*compiled), slow(*compiled);
  whole.Feed(text);
  for (const char c : text) slow.Feed(std::string_view(&c, 1));
  if (has_end) whole.End(), slow.End();
  EXPECT_EQ(whole.is_found(), slow.is_found()) << pattern << " in " << text;
  return whole.is_found();
}

TEST(Pattern, FindsWhatItSays) {
  struct Case {
    const char* pattern;
    const char* text;
    bool is_found;
  };
  for (const Case& c : std::initializer_list<Case>{{"", "", true},
                                                   {"abc", "xxabcxx", true},
                                                   {"abc", "ab", false},
                                                   {"a.c", "abc", true},
                                                   {"a.c", "a\nc", false},
                                                   {"(?s)a.c", "a\nc", true},
                                                   {"ab*c", "ac", true},
                                                   {"ab+c", "ac", false},
                                                   {"ab+c", "abbbc", true},
                                                   {"ab?c", "abbc", false},
                                                   {"a{3}", "aa", false},
                                                   {"a{3}", "aaa", true},
                                                   {"^a{2,3}$", "aaaa", false},
                                                   {"^a{2,3}$", "aaa", true},
                                                   {"^a{2,}$", "aaaaaa", true},
                                                   {"^a{0}$", "", true},
                                                   {"a{,3}", "a{,3}", true},
                                                   {"a{x", "a{x", true},
                                                   {"cat|dog", "hotdog", true},
                                                   {"cat|dog", "cow", false},
                                                   {"^(cat|)$", "", true},
                                                   {"(ab)+c", "ababc", true},
                                                   {"(?:ab)+?c", "ababc", true},
                                                   {"[a-c]x", "bx", true},
                                                   {"[^a-c]x", "bx", false},
                                                   {"[]x]", "]", true},
                                                   {"[a-]", "-", true},
                                                   {"[[:digit:]_]+\\.", "12_.", true},
                                                   {"\\d+ \\w\\s", "12 a\t", true},
                                                   {"\\D", "12", false},
                                                   {"\\x41\\0", "A", false},
                                                   {"\\bup\\b", "backup", false},
                                                   {"\\bup\\b", "is up.", true},
                                                   {"\\bup\\b", "is up", true},
                                                   {"\\Bup", "backup", true},
                                                   {"^b", "a\nb", true},
                                                   {"^b", "ab", false},
                                                   {"a$", "a\r\nb", true},
                                                   {"a$", "ab", false},
                                                   {"(?i)OK [x-z]", "ok Y", true},
                                                   {"(?i)[^a]", "A", false},
                                                   {"\\$\\^\\\\", "$^\\", true},
                                                   {"()*a", "a", true},
                                                   {"(a*)*b", "aaac", false},
                                                   {"(|a)+b", "aab", true},
                                                   {"\xc3\xa4", "\xc3\xa4", true}}) {
    EXPECT_EQ(Finds(c.pattern, c.text), c.is_found) << c.pattern << " in " << c.text;
  }
}

TEST(Pattern, KnowsAtOnceWhatNeedsNoMore) {
  EXPECT_TRUE(Finds("^\\+PONG", "+PONG", false));
  EXPECT_FALSE(Finds("PONG$", "PONG", false));
  EXPECT_FALSE(Finds("PONG\\b", "PONG", false));
}

TEST(Pattern, SaysWhatIsWrong) {
  struct Case {
    const char* pattern;
    const char* fault;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"(a", "has a ( that no ) ends"},
           {"a)", "has a ) without a ("},
           {"[a", "has a [ that no ] ends"},
           {"[z-a]", "has a range that goes backwards"},
           {"[\\d-z]", "has a range with an end that is no single byte"},
           {"[[:nose:]]",
            "has a [: that is no class: alpha, digit, alnum, space, upper, lower, xdigit, punct"},
           {"*a", "has a * with nothing before it; write \\*"},
           {"a**", "repeats a repetition; put it into a group"},
           {"a*+", "has a possessive repetition (*+, ++, ?+), which is not known here"},
           {"a{3,2}", "repeats at most fewer times than at least"},
           {"a{256}", "repeats more than 255 times"},
           {"a{99999999999}", "repeats more than 255 times"},
           {"a{2", "has a { that no } ends"},
           {"(a)\\1", "has a back reference, which is not known here"},
           {"\\q", "has a \\q, which is not known here"},
           {"\\x4", "has a \\x without two hex digits"},
           {"a\\", "ends in a backslash"},
           {"(?=a)",
            "has a (? that is not known here: no looking ahead or behind, no names, and flags only "
            "at the beginning"}}) {
    EXPECT_EQ(FaultOfPattern(c.pattern), c.fault) << c.pattern;
  }
  EXPECT_EQ(FaultOfPattern("a+(b|c)"), std::nullopt);
}

TEST(Pattern, IsBounded) {
  EXPECT_EQ(FaultOfPattern(std::string(1025, 'a')), "is longer than 1024 bytes");
  const std::string big =
      "is too big: repetitions like {100} count as often as they say, and there may be 512 steps";
  EXPECT_EQ(FaultOfPattern(std::string(600, 'a')), big);
  EXPECT_EQ(FaultOfPattern("((a{100}){100}){100}"), big);
  EXPECT_EQ(FaultOfPattern("((((((((){255}){255}){255}){255}){255}){255}){255}){255}"),
            std::nullopt);
  EXPECT_EQ(FaultOfPattern("((((((((|){255}){255}){255}){255}){255}){255}){255}){255}"), big);
  EXPECT_EQ(FaultOfPattern(std::string(40, '(') + std::string(40, ')')),
            "has groups in more than 32 groups");
}

// Engines that go back in the text need 2^30 steps and more for these.
TEST(Pattern, HasNoCatastrophe) {
  const std::string text(20000, 'a');
  EXPECT_FALSE(Finds("(a+)+b", text));
  EXPECT_FALSE(Finds("(a|a)*b", text));
  EXPECT_FALSE(Finds("(a*)*(a*)*(a*)*b", text));
  EXPECT_FALSE(Finds("a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?ab", text));
}

}  // namespace
}  // namespace fairlead::control::pattern_test
