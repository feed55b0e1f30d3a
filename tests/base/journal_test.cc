// Priorities in front of log lines: only when the descriptor is the journal's, and by the line's
// own level.
#include "base/journal.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/log.h"
#include "base/log_writer.h"

namespace fairlead::journal_test {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
    if (const char* before = getenv("JOURNAL_STREAM")) before_ = before;
  }
  ~JournalTest() override {
    close(ends_[0]);
    close(ends_[1]);
    if (before_.empty()) {
      unsetenv("JOURNAL_STREAM");
    } else {
      SetVariable(before_);
    }
  }
  static void SetVariable(const std::string& text) { setenv("JOURNAL_STREAM", text.c_str(), 1); }
  // As systemd writes it for that descriptor.
  static std::string NameOf(int descriptor) {
    struct stat status {};
    EXPECT_EQ(fstat(descriptor, &status), 0);
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  }
  // What a writer wrote, the time of day taken out.
  std::string Written(const std::string& until) {
    std::string text;
    char chunk[4096];
    while (text.find(until) == std::string::npos) {
      const ssize_t n = read(ends_[0], chunk, sizeof chunk);
      if (n <= 0) break;
      text.append(chunk, static_cast<size_t>(n));
    }
    for (size_t at = 0; (at = text.find("time=", at)) != std::string::npos; at += 5) {
      text.erase(at + 5, text.find(' ', at) - at - 5);
    }
    return text;
  }
  std::string SayAll() {
    {
      const LogWriter writer(ends_[1]);
      SetLogLevel(LogLevel::kDebug);
      LogDebug("one");
      LogInfo("two");
      LogWarning("three", {{"level", "error"}});
      LogError("four");
      WriteLogLine("ld.so: five level=error\n");
      SetLogLevel(LogLevel::kInfo);
    }
    return Written("five level=error\n");
  }

  int ends_[2] = {-1, -1};
  std::string before_;
};

TEST_F(JournalTest, LinesToTheJournalBeginWithTheirPriority) {
  SetVariable(NameOf(ends_[1]));
  EXPECT_EQ(SayAll(),
            "<7>time= level=debug msg=one\n"
            "<6>time= level=info msg=two\n"
            "<4>time= level=warning msg=three level=error\n"
            "<3>time= level=error msg=four\n"
            "ld.so: five level=error\n");
}

TEST_F(JournalTest, LinesToAnythingElseAreAsTheyAre) {
  SetVariable(NameOf(ends_[0]));  // the journal is there, but standard error was redirected
  EXPECT_EQ(SayAll(),
            "time= level=debug msg=one\n"
            "time= level=info msg=two\n"
            "time= level=warning msg=three level=error\n"
            "time= level=error msg=four\n"
            "ld.so: five level=error\n");
}

TEST_F(JournalTest, TheVariableMustBeWhole) {
  const std::string name = NameOf(ends_[1]);
  SetVariable(name);
  EXPECT_TRUE(IsJournal(ends_[1]));
  EXPECT_FALSE(IsJournal(ends_[0]));
  EXPECT_FALSE(IsJournal(-1));
  for (const std::string& text :
       {std::string(), std::string(":"), name + "0", name + " ", "x" + name,
        name.substr(0, name.find(':')), name.substr(name.find(':'))}) {
    SetVariable(text);
    EXPECT_FALSE(IsJournal(ends_[1])) << text;
  }
  unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(IsJournal(ends_[1]));
}

TEST_F(JournalTest, APriorityIsOfLinesOfTheLogAlone) {
  for (const char* line : {"", "time=", "time=1 ", "time=1 level=", "time=1 level=loud msg=x\n",
                           "level=error msg=x\n", "time=1 msg=x level=error\n"}) {
    EXPECT_EQ(PriorityOf(line), "") << line;
  }
  EXPECT_EQ(PriorityOf("time=1 level=error"), "<3>");
}

}  // namespace
}  // namespace fairlead::journal_test
