// Bash completion offers what the program takes, and docs/cli.md names the same verbs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "dataplane/tables/tcp_state.h"
#include "run_cli.h"

namespace fairlead::testing::completion_test {
namespace {

using Words = std::set<std::string>;

Words LinesOf(const std::string& text) {
  std::istringstream lines(text);
  Words words;
  for (std::string line; std::getline(lines, line);) words.insert(line);
  return words;
}

class CompletionTest : public CliTest {
 protected:
  // What bash offers after these words; the last is the one being typed. By the script itself, in a
  // bash without the helpers of the package bash-completion.
  Words Offered(const std::string& words) {
    const std::string script = director.directory() + "/complete.sh";
    std::ofstream(script) << "source " FAIRLEAD_SOURCE "/packaging/fairlead.bash\n"
                          << "COMP_WORDS=(" FAIRLEAD_CLI " " << words << ")\n"
                          << "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_fairlead\n"
                          << "(IFS=$'\\n'; echo \"${COMPREPLY[*]}\")\n";
    const std::string at = director.directory() + "/offered";
    EXPECT_EQ(std::system(("bash " + script + " > " + at + " 2>&1").c_str()), 0);
    Words offered = LinesOf(ReadFile(at));
    offered.erase("");
    return offered;
  }

  // "status", "real set" …: every verb that completion leads to.
  Words Verbs() {
    Words verbs;
    for (const std::string& verb : Offered("''")) {
      const Words below = verb == "ipvsadm" ? Words{} : Offered(verb + " ''");
      const bool is_group = !below.empty() && RunAt(verb).exit_code == 2 &&
                            RunAt(verb).err.find("needs a command") != std::string::npos;
      if (!is_group) verbs.insert(verb);
      if (!is_group) continue;
      for (const std::string& word : below) verbs.insert(verb + " " + word);
    }
    return verbs;
  }
};

// The first words of the rows of the table of verbs: "`real enable\|quiesce\|disable SERVICE
// REAL`".
Words DocumentedVerbs() {
  const std::string page = ReadFile(FAIRLEAD_SOURCE "/docs/cli.md");
  const size_t begin = page.find("\n## Verbs\n");
  const std::string section = page.substr(begin, page.find("\n## ", begin + 1) - begin);
  Words verbs;
  const std::regex row(R"(\n\| `([a-z-]+)( [a-z\\|]+)?)");
  for (std::sregex_iterator it(section.begin(), section.end(), row), end; it != end; ++it) {
    std::istringstream seconds(std::regex_replace((*it)[2].str(), std::regex(R"([ \\])"), ""));
    if (seconds.str().empty()) verbs.insert((*it)[1]);
    for (std::string second; std::getline(seconds, second, '|');) {
      verbs.insert((*it)[1].str() + " " + second);
    }
  }
  return verbs;
}

TEST_F(CompletionTest, VerbsAreThoseOfTheManual) { EXPECT_EQ(Verbs(), DocumentedVerbs()); }

// Help prints what the parser takes: each of its options is offered, and no other.
TEST_F(CompletionTest, OptionsAreThoseOfTheHelp) {
  for (const std::string& verb : Verbs()) {
    if (verb == "ipvsadm") continue;  // its options are its own
    Words expected = {"--api", "--ca",     "--certificate", "--help",
                      "--key", "--output", "--token-file",  "--version"};
    const std::string help = RunAt(verb + " --help").out;
    const std::regex option(R"((--[a-z0-9-]+))");
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) {
      const size_t first = line.find_first_not_of(' ');
      if (first != 2 || line[first] != '-') continue;
      std::smatch match;
      if (std::regex_search(line, match, option)) expected.insert(match[1]);
    }
    EXPECT_EQ(Offered(verb + " --"), expected) << verb;
  }
}

// Whatever is not known to look only changes something, and may be tried.
TEST_F(CompletionTest, EveryVerbThatChangesSomethingHasADryRun) {
  const Words look = {"check",           "config schema",  "config show", "connection count",
                      "connection list", "diff",           "doctor",      "drops",
                      "explain",         "fleet status",   "ipvs-exec",   "ipvsadm",
                      "metrics",         "neighbour list", "port list",   "ready",
                      "real list",       "real show",      "route list",  "snat list",
                      "service list",    "service show",   "status",      "sync status",
                      "template list",   "top clients",    "top services"};
  size_t writes = 0;
  for (const std::string& verb : Verbs()) {
    const bool is_write = look.count(verb) == 0;
    EXPECT_EQ(Offered(verb + " --").count("--dry-run"), is_write ? 1u : 0u) << verb;
    writes += is_write ? 1 : 0;
  }
  EXPECT_GE(writes, 19u);
}

TEST_F(CompletionTest, ValuesAreOffered) {
  EXPECT_EQ(Offered("-o ''"), (Words{"json", "table"}));
  EXPECT_EQ(Offered("connection count --by ''"), (Words{"client", "real", "service", "state"}));
  EXPECT_EQ(Offered("real set web 10.0.0.11 --state ''"),
            (Words{"down", "drain", "quiesce", "up"}));
  Words states;
  for (size_t s = 0; s < dataplane::kTcpStateCount; ++s) {
    states.emplace(dataplane::NameOf(static_cast<dataplane::TcpState>(s)));
  }
  EXPECT_EQ(Offered("connection list --state ''"), states);
  EXPECT_EQ(Offered("connection list --limit ''"), Words{});
  EXPECT_EQ(Offered("service add --scheduler w"), (Words{"wlc", "wrr"}));
  EXPECT_EQ(Offered("real add web 10.0.0.1 --forward t"), Words{"tun"});
  EXPECT_EQ(Offered("ipvs-exec bas").count("bash"), 1u) << "a program, wherever it is";
  EXPECT_EQ(Offered("service l"), Words{"list"});
  EXPECT_EQ(Offered("nonsense ''"), Words{});
  EXPECT_EQ(Offered("--api unix:/nowhere service show ''"), Words{}) << "nobody to ask";
}

TEST_F(CompletionTest, NamesComeFromTheDirector) {
  Start();
  const std::string at = "--api " + director.socket() + " ";
  EXPECT_EQ(Offered(at + "service show ''"), (Words{"shop", "web"}));
  EXPECT_EQ(Offered(at + "real drain w"), Words{"web"});
  EXPECT_EQ(Offered(at + "real drain web ''"), (Words{"10.0.0.11:80", "10.0.0.12:80"}));
  EXPECT_EQ(Offered(at + "connection list --service ''"), (Words{"shop", "web"}));
  EXPECT_EQ(Offered(at + "connection list --service web --real ''"),
            (Words{"10.0.0.11:80", "10.0.0.12:80"}));
  EXPECT_EQ(Offered(at + "template pin shop 192.0.2.7 ''").count("10.0.0.11:0"), 1u);
}

// With --everywhere, before or after, a real server stands alone.
TEST_F(CompletionTest, AddressesOfAllServicesAreOfferedEverywhere) {
  Start();
  const std::string at = "--api " + director.socket() + " ";
  const Words all = {"10.0.0.11", "10.0.0.12"};  // without the fallback, and what is removed
  for (const char* verb : {"drain", "quiesce", "disable", "enable"}) {
    EXPECT_EQ(Offered(at + "real " + verb + " --everywhere ''"), all) << verb;
  }
  EXPECT_EQ(Offered(at + "real drain --deadline 10m --everywhere 10.0.0.12"), Words{"10.0.0.12"});
  EXPECT_EQ(Offered(at + "real drain --everywhere 10.0.0.12 ''"), Words{}) << "and no other word";
  EXPECT_EQ(Offered(at + "real drain ''"), (Words{"shop", "web"}));
  EXPECT_EQ(Offered(at + "real show ''"), all);
}

TEST_F(CompletionTest, FilesAreOffered) {
  std::filesystem::create_directory(director.directory() + "/files");
  const std::string file = director.directory() + "/files/one.yaml";
  std::ofstream(file) << "version: 1\n";
  EXPECT_EQ(Offered("check " + director.directory() + "/files/"), Words{file});
  EXPECT_EQ(Offered("reload " + director.directory() + "/files/o"), Words{file});
  EXPECT_EQ(Offered("upgrade " + director.directory() + "/files/o"), Words{file});
}

}  // namespace
}  // namespace fairlead::testing::completion_test
