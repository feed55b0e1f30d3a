#include "control/config/prefix_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "load_helpers.h"

namespace fairlead::control::prefix_file_test {
namespace {

std::vector<Prefix> Parse(const std::string& text, std::string* problems_text) {
  Problems problems("main.yaml");
  auto prefixes = ParsePrefixList(text, "list.txt", "prefix_sets.x", problems);
  *problems_text = ToText(problems.Take());
  return prefixes;
}

TEST(PrefixFile, CommentsBlanksAndLineEndsAreNothing) {
  std::string problems;
  const auto prefixes =
      Parse("# head\n\n  10.0.0.0/8 # a\r\n\t192.0.2.1\t\n2001:db8::/32", &problems);
  EXPECT_EQ(problems, "");
  ASSERT_EQ(prefixes.size(), 3u);
  EXPECT_EQ(prefixes[0].ToString(), "10.0.0.0/8");
  EXPECT_EQ(prefixes[1].ToString(), "192.0.2.1/32");
  EXPECT_EQ(prefixes[2].ToString(), "2001:db8::/32");
}

TEST(PrefixFile, ABinaryFileGivesFewErrorsAndTheirNumber) {
  std::string text, problems;
  for (int i = 0; i < 1000; ++i) text += "\x01\xff garbage\n";
  EXPECT_TRUE(Parse(text, &problems).empty());
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n'), 21);
  EXPECT_TRUE(
      problems.ends_with("list.txt:1000:1: prefix_sets.x: 980 more lines are not prefixes\n"))
      << problems;
  EXPECT_TRUE(problems.starts_with("list.txt:1:1: prefix_sets.x: is not an address or prefix"));
}

// Whoever sees the problem of a reload need not be one who may read the file.
TEST(PrefixFile, NothingOfTheFileIsQuoted) {
  std::string problems;
  Parse("root:$6$salt$hash:1:0\n10.0.0.1/8\n", &problems);
  EXPECT_EQ(problems,
            "list.txt:1:1: prefix_sets.x: is not an address or prefix such as 192.0.2.0/24\n"
            "list.txt:2:1: prefix_sets.x: has bits set after the prefix length\n");
}

TEST(PrefixFile, SortingMakesOneOrderAndRemovesRepeats) {
  std::string problems;
  auto prefixes =
      Parse("2001:db8::/32\n10.0.0.0/9\n10.0.0.0/8\n9.0.0.0/8\n10.0.0.0/8\n", &problems);
  SortPrefixes(prefixes);
  std::string order;
  for (const Prefix& p : prefixes) order += p.ToString() + " ";
  EXPECT_EQ(order, "9.0.0.0/8 10.0.0.0/8 10.0.0.0/9 2001:db8::/32 ");
}

TEST(PrefixFile, AHundredThousandLinesLoadFromBesideTheConfiguration) {
  const auto directory =
      std::filesystem::path(testing::TempDir()) / ("prefixes-" + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  {
    std::ofstream list(directory / "many.txt");
    for (uint32_t i = 0; i < 100'000; ++i)
      list << IpAddress(Ipv4Address::FromHost(0x0a000000 + i * 16)).ToString() << "/28\n";
    std::ofstream(directory / "main.yaml")
        << kBase << "prefix_sets: { many: { file: many.txt } }\n";
  }
  const LoadResult result = LoadConfig(directory / "main.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  ASSERT_EQ(result.model->prefix_sets.size(), 1u);
  EXPECT_EQ(result.model->prefix_sets[0].prefixes.size(), 100'000u);
  EXPECT_EQ(result.model->prefix_sets[0].prefixes.vector().back().ToString(), "10.24.105.240/28");
  std::filesystem::remove_all(directory);
}

// A name cut short is of no use to the person who has to find the file.
TEST(PrefixFile, TheNameOfAMissingFileIsShownWhole) {
  const std::string file = "/nonexistent/" + std::string(100, 'd') + "/proxies.txt";
  const LoadResult result = LoadConfigText(
      std::string(kBase) + "prefix_sets: { many: { file: " + file + " } }\n", "t.yaml");
  EXPECT_NE(ToText(result.errors).find('"' + file + "\": No such file"), std::string::npos)
      << ToText(result.errors);
}

}  // namespace
}  // namespace fairlead::control::prefix_file_test
