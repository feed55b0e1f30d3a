// Input that nobody writes by mistake: it is refused, at a place, without eating time or memory.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/config/yaml_tree.h"
#include "load_helpers.h"

namespace fairlead::control::hostile_input_test {
namespace {

TEST(HostileInput, DeepNestingIsRefusedEarly) {
  // While brackets are open each may still turn out to begin a key, which counts as a level too.
  EXPECT_EQ(ProblemsOf("version: 1\nports: " + std::string(400'000, '[')),
            "t.yaml:2:16: nested deeper than 16 levels\n");
  std::string maps = "version: 1\nports: ";
  for (int i = 0; i < 1000; ++i) maps += "{a: ";
  EXPECT_TRUE(ProblemsOf(maps).ends_with("nested deeper than 16 levels\n"));
}

// yaml-cpp keeps all of a list in brackets until it ends, at 250 bytes of memory for one bracket.
// So brackets and values are counted before it sees the first.
TEST(HostileInput, BracketsAndWordsAreCountedBeforeTheyAreParsed) {
  EXPECT_EQ(ProblemsOf("version: 1\nports: " + std::string(kMaxYamlBytes - 100, '[')),
            "t.yaml:2:500008: more than 500000 lists and maps in brackets; is this a "
            "configuration?\n");
  std::string braces;
  while (braces.size() < 2'100'000) braces += "{a: ";
  EXPECT_NE(ProblemsOf(braces).find("more than 500000 lists and maps"), std::string::npos);
  for (const char* unit : {"\"\"", "a,", "? ", "&a ", "'' "}) {
    std::string words = "[";
    while (words.size() + 10 < kMaxYamlBytes) words += unit;
    const std::string problems = ProblemsOf(words);
    EXPECT_TRUE(problems.starts_with("t.yaml:1:")) << unit;
    EXPECT_NE(problems.find("more words than a configuration has"), std::string::npos) << unit;
  }
}

TEST(HostileInput, AMapHasABoundedNumberOfKeys) {
  std::string sets = kBase + "prefix_sets:\n";
  for (size_t i = 0; i <= kFileLimits.keys; ++i) sets += "  s" + std::to_string(i) + ": []\n";
  EXPECT_EQ(ProblemsOf(sets), "t.yaml:65542:3: more than 65536 keys in one map\n");
}

// Each of these took minutes when names were looked for one after the other, and when every unknown
// one was held against all there are.
TEST(HostileInput, ManyNamesCostNoMoreThanTheirNumber) {
  std::string text = kBase + "prefix_sets:\n";
  for (int i = 0; i < 30'000; ++i) text += "  set-" + std::to_string(i) + ": []\n";
  text += "classifier:\n  - { mark: 1, source: [";
  for (int i = 0; i < 100'000; ++i) text += "'@set-29999',";
  EXPECT_EQ(ProblemsOf(text + "] }\n"), "");
  text += "] }\n  - { mark: 1, source: [";
  for (int i = 0; i < 100'000; ++i) text += "'@sat-29999',";
  const LoadResult result = LoadConfigText(text + "] }\n", "t.yaml");
  ASSERT_EQ(result.errors.size(), Problems::kMaxKept + 1);
  EXPECT_NE(result.errors[0].message.find("did you mean"), std::string::npos);
  EXPECT_EQ(result.errors[Problems::kMaxKept - 1].message.find("did you mean"), std::string::npos);
}

TEST(HostileInput, ManyListenersAndGroupsAreRefused) {
  std::string text = kBase + "api: { listen: [";
  for (int i = 0; i < 100'000; ++i)
    text += "'unix:/run/a-socket-of-mine-" + std::to_string(i) + "',";
  EXPECT_NE(ProblemsOf(text + "] }\n").find("api.listen: at most 64 listeners"), std::string::npos);
  text = kBase + "client_groups:\n";
  for (int i = 0; i < 5'000; ++i)
    text += "  - { name: g" + std::to_string(i) + ", source: 10.0.0.1 }\n";
  EXPECT_NE(ProblemsOf(text).find("client_groups: at most 4096 groups"), std::string::npos);
}

TEST(HostileInput, WhatIsNoUtf8IsRefusedAtItsPlace) {
  EXPECT_EQ(ProblemsOf("version: 1\nlog: { level: caf\xe9 }\n"),
            "t.yaml:2:18: a byte that is not UTF-8; save the file as UTF-8\n");
  EXPECT_EQ(ProblemsOf(kBase + "log: { level: \"caf\xc3\xa9\" }\n"),
            "t.yaml:5:15: log.level: must be debug, info, warning or error, not \"caf\xc3\xa9\"\n");
}

// A quoted text is cut between characters.
TEST(HostileInput, WhatIsQuotedStaysUtf8) {
  EXPECT_EQ(Quote("a\xc3\xa9z", 2), "\"a...\"");
  EXPECT_EQ(Quote("a\xc3\xa9z", 3), "\"a\xc3\xa9...\"");
  EXPECT_EQ(Quote("a\xff\xc3z"), "\"a\\xff\\xc3z\"");
}

TEST(HostileInput, AnAliasBombDoesNotExpand) {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string n = std::to_string(i), last = std::to_string(i - 1);
    bomb += "a" + n + ": &a" + n + " [*a" + last + ", *a" + last + "]\n";
  }
  EXPECT_FALSE(LoadConfigText(bomb, "t.yaml"));
}

TEST(HostileInput, TooManyValuesAndBytesAreRefused) {
  std::string many = "version: 1\nprefix_sets: { x: [";
  for (size_t i = 0; i <= kMaxYamlNodes; ++i) many += "a,";
  EXPECT_NE(ProblemsOf(many + "] }\n").find("more than 1000000 values"), std::string::npos);
  EXPECT_EQ(ProblemsOf(std::string(kMaxYamlBytes + 1, '#')),
            "t.yaml: larger than 16 MiB; put long prefix lists into files of their own\n");
}

TEST(HostileInput, AFileOfErrorsIsReportedUpToALimit) {
  std::string text = kBase + "services:\n";
  for (int i = 0; i < 5000; ++i) text += "  - oops\n";
  const LoadResult result = LoadConfigText(text, "t.yaml");
  EXPECT_EQ(result.errors.size(), Problems::kMaxKept + 1);
  EXPECT_EQ(result.errors.back().ToString(), "t.yaml: and 4000 more problems");
}

TEST(HostileInput, ControlBytesAreRefusedAndNeverPrinted) {
  EXPECT_EQ(ProblemsOf(std::string("version: 1\nlog: \0", 17)),
            "t.yaml:2:6: a control character; is this a text file?\n");
  const std::string text = ProblemsOf(kBase + "log: { level: \"\\e[2J\\0\" }\n");
  EXPECT_EQ(text,
            "t.yaml:5:15: log.level: must be debug, info, warning or error, not "
            "\"\\x1b[2J\\x00\"\n");
  EXPECT_NE(ProblemsOf(kBase + "director: { arena: \"/a\\nb\" }\n").find("control characters"),
            std::string::npos);
}

TEST(HostileInput, EveryBeginningOfTheReferenceEndsInAnAnswer) {
  std::ifstream file(std::string(kSourceDir) + "/config/reference.yaml");
  std::ostringstream stream;
  stream << file.rdbuf();
  const std::string whole = stream.str();
  for (size_t length = 0; length < whole.size(); length += 61) {
    const LoadResult result = LoadConfigText(whole.substr(0, length), "t.yaml");
    EXPECT_NE(result.model.has_value(), !result.errors.empty()) << length;
  }
}

TEST(HostileInput, NoFileNoDirectoryNoDevice) {
  EXPECT_EQ(ToText(LoadConfig("/nonexistent.yaml").errors),
            "/nonexistent.yaml: cannot be read: No such file or directory\n");
  EXPECT_EQ(ToText(LoadConfig("/").errors), "/: cannot be read: Is a directory\n");
  EXPECT_EQ(ToText(LoadConfig("/dev/zero").errors),
            "/dev/zero: cannot be read: it is not a regular file\n");
}

// A reader waits for a writer for ever, and the control core would with it.
TEST(HostileInput, AFifoIsRefusedAndNotWaitedFor) {
  const std::string path = testing::TempDir() + "fairlead-fifo-test.yaml";
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(ToText(LoadConfig(path).errors), path + ": cannot be read: it is not a regular file\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace fairlead::control::hostile_input_test
