// Tables on a terminal and in a pipe.
#include "cli/table.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "run_cli.h"

namespace fairlead::testing::table_test {
namespace {

using cli::Screen;
using cli::Table;

Table Example() {
  Table table({"REAL", "STATE!", "IN>?", "OUT>?", "HEALTH"});
  table.Add({"10.0.0.11:80", "up", "1.2 KiB", "3 B", "ok"});
  table.Add({"10.0.0.12:80", "DOWN", "0 B", "0 B", "refused"});
  return table;
}

TEST(Table, AProgramGetsEverything) {
  EXPECT_EQ(Example().ToString(),
            "REAL          STATE       IN  OUT  HEALTH\n"
            "10.0.0.11:80  up     1.2 KiB  3 B  ok\n"
            "10.0.0.12:80  DOWN       0 B  0 B  refused\n");
}

TEST(Table, WhatIsOptionalGivesWayTheLastFirst) {
  EXPECT_EQ(Example().ToString({.width = 42}), Example().ToString());
  EXPECT_EQ(Example().ToString({.width = 40}),
            "REAL          STATE       IN  HEALTH\n"
            "10.0.0.11:80  up     1.2 KiB  ok\n"
            "10.0.0.12:80  DOWN       0 B  refused\n"
            "(no room for OUT)\n");
  const std::string least =
      "REAL          STATE  HEALTH\n"
      "10.0.0.11:80  up     ok\n"
      "10.0.0.12:80  DOWN   refused\n"
      "(no room for IN, OUT)\n";
  EXPECT_EQ(Example().ToString({.width = 30}), least);
  EXPECT_EQ(Example().ToString({.width = 5}), least) << "nothing else may go";
  EXPECT_EQ(Example().ToString({.width = 27}),
            "REAL          STATE  HEALTH\n"
            "10.0.0.11:80  up     ok\n"
            "10.0.0.12:80  DOWN   refus…\n"
            "(no room for IN, OUT)\n");
}

// An address of 39 characters is there to be copied.
TEST(Table, NamesAreCutAndAddressesAreNot) {
  Table table({"SERVICE~", "FOR", "REALS UP>", "IN>?"});
  table.Add({"a-service-with-quite-a-long-name-of-its-own",
             "[2001:db8:1234:5678:9abc:def0:1234:5678]:8080/tcp", "2/2", "1.2 KiB"});
  EXPECT_EQ(table.ToString({.width = 80}),
            "SERVICE              FOR                                                REALS UP\n"
            "a-service-with-qui…  [2001:db8:1234:5678:9abc:def0:1234:5678]:8080/tcp       2/2\n"
            "(no room for IN)\n");
  EXPECT_EQ(table.ToString({.width = 40}),
            "SERVICE  FOR                                                REALS UP\n"
            "a-serv…  [2001:db8:1234:5678:9abc:def0:1234:5678]:8080/tcp       2/2\n"
            "(no room for IN)\n");
}

TEST(Table, StatesHaveColoursThatTakeNoRoom) {
  EXPECT_EQ(Example().ToString({.width = 30, .has_colour = true}),
            "REAL          STATE  HEALTH\n"
            "10.0.0.11:80  \033[32mup\033[0m     ok\n"
            "10.0.0.12:80  \033[31mDOWN\033[0m   refused\n"
            "(no room for IN, OUT)\n");
}

class TerminalTest : public CliTest {
 protected:
  // What the program writes on a terminal of 80 columns.
  std::string OnTerminal(const std::string& words, const std::string& environment = "") {
    const std::string command =
        environment + " " + FAIRLEAD_CLI + " --api " + director.socket() + " " + words;
    winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    int terminal = -1;
    const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
    if (child == 0) {
      setenv("TERM", "xterm", 1);
      unsetenv("NO_COLOR");
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(terminal, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(n));
    }
    waitpid(child, nullptr, 0);
    close(terminal);
    std::erase(text, '\r');
    return text;
  }

  static size_t LongestLine(const std::string& text) {
    std::istringstream lines(text);
    size_t longest = 0;
    for (std::string line; std::getline(lines, line);) {
      const auto is_character = [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      };
      longest = std::max<size_t>(longest, std::ranges::count_if(line, is_character));
    }
    return longest;
  }
};

TEST_F(TerminalTest, TablesFitItsLines) {
  Start();
  for (const char* words : {"service list", "real list", "connection list", "template list"}) {
    const std::string text = OnTerminal(words, "NO_COLOR=1");
    EXPECT_NE(text.find('\n'), std::string::npos) << words;
    EXPECT_LE(LongestLine(text), 80u) << text;
    EXPECT_EQ(text.find('\033'), std::string::npos) << text;
  }
  EXPECT_GT(LongestLine(Good("service list")), 80u) << "a pipe gets everything";
  EXPECT_GT(LongestLine(Good("real list")), 80u);
}

TEST_F(TerminalTest, ColoursAreForTerminalsAlone) {
  Start();
  EXPECT_NE(OnTerminal("real list web").find("\033[31mDOWN\033[0m"), std::string::npos);
  EXPECT_EQ(OnTerminal("real list web", "TERM=dumb").find('\033'), std::string::npos);
  EXPECT_EQ(Good("real list web").find('\033'), std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing::table_test
