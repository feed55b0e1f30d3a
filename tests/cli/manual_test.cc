// The manual page fairlead(1) names what the program takes.
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "run_cli.h"

namespace fairlead::testing::manual_test {
namespace {

using Words = std::set<std::string>;

class ManualTest : public CliTest {
 protected:
  // Whatever completion offers after these words.
  Words Offered(const std::string& words) {
    std::istringstream lines(RunAt("complete " + words).out);
    Words offered;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('@')) offered.insert(line);
    }
    return offered;
  }

  // "\fBreal drain\fR" as it reads: "real drain".
  std::string Page() {
    const Outcome outcome = RunAt("manual");
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    return std::regex_replace(outcome.out, std::regex(R"(\\f[BIR]|\\(?=-))"), "");
  }
};

Words MatchesIn(const std::string& text, const std::string& pattern) {
  const std::regex wanted(pattern);
  Words words;
  for (std::sregex_iterator it(text.begin(), text.end(), wanted), end; it != end; ++it) {
    words.insert((*it)[1]);
  }
  return words;
}

TEST_F(ManualTest, HasEveryCommandAndNoOther) {
  Words expected;
  for (const std::string& verb : Offered("''")) {
    const bool is_group = RunAt(verb).err.find("needs a command") != std::string::npos;
    if (!is_group) expected.insert(verb);
    if (!is_group) continue;
    for (const std::string& word : Offered(verb + " ''")) expected.insert(verb + " " + word);
  }
  EXPECT_GT(expected.size(), 25u);
  EXPECT_EQ(MatchesIn(Page(), R"(\n\.TP\nfairlead ([a-z -]*[a-z]))"), expected);
}

TEST_F(ManualTest, HasTheOptionsOfACommandAndTheirValues) {
  const std::string page = Page();
  const size_t begin = page.find("\nfairlead connection count");
  ASSERT_NE(begin, std::string::npos);
  const std::string part = page.substr(begin, page.find("\n.RE\n", begin) - begin);
  EXPECT_EQ(MatchesIn(part, "\n(--[a-z-]+)"),
            (Words{"--all", "--by", "--client", "--real", "--service", "--state", "--top"}));
  EXPECT_NE(part.find("\n--by service|real|state|client\n"), std::string::npos) << part;
  EXPECT_NE(page.find("\nfairlead real drain [OPTIONS] SERVICE [REAL]\n"), std::string::npos);
  EXPECT_NE(page.find("\nfairlead port release [OPTIONS] [INTERFACE ...]\n"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing::manual_test
