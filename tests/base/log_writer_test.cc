// Log lines into pipes that nobody reads, reads late, or has closed.
#include "base/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "base/faults.h"
#include "base/log.h"

namespace fairlead::log_writer_test {
namespace {

using namespace std::chrono_literals;

constexpr size_t kPipeBytes = 4096;
constexpr size_t kQueueBytes = 64 << 10;

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    std::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    EXPECT_GE(fcntl(ends_[1], F_SETPIPE_SZ, kPipeBytes), static_cast<int>(kPipeBytes));
  }
  ~LogWriterTest() override {
    CloseReader();
    close(ends_[1]);
  }
  void CloseReader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }
  // Lines as far as one that has `until`, or until nothing comes for five seconds.
  std::vector<std::string> ReadUntil(const std::string& until) {
    std::vector<std::string> lines;
    std::string text;
    pollfd news{.fd = ends_[0], .events = POLLIN, .revents = 0};
    while (poll(&news, 1, 5000) > 0) {
      char chunk[4096];
      const ssize_t n = read(ends_[0], chunk, sizeof chunk);
      if (n <= 0) break;
      text.append(chunk, static_cast<size_t>(n));
      for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
        lines.push_back(text.substr(0, end));
      }
      if (Count(lines, until) > 0) break;
    }
    return lines;
  }
  static size_t Count(const std::vector<std::string>& lines, const std::string& word) {
    return static_cast<size_t>(std::ranges::count_if(
        lines, [&](const std::string& line) { return line.find(word) != std::string::npos; }));
  }

  int ends_[2] = {-1, -1};
};

TEST_F(LogWriterTest, WritesLinesInTheirOrder) {
  const uint64_t dropped = LogLinesDropped();
  {
    const LogWriter writer(ends_[1], kQueueBytes);
    LogInfo("first", {{"n", 1}});
    LogWarning("second");
  }
  const std::vector<std::string> lines = ReadUntil("second");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find(" level=info msg=first n=1"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find(" level=warning msg=second"), std::string::npos) << lines[1];
  EXPECT_EQ(LogLinesDropped(), dropped);
}

TEST_F(LogWriterTest, NobodyWaitsForAReaderThatStandsStillAndItIsToldWhatIsMissing) {
  constexpr size_t kLines = 10000;
  const uint64_t dropped_before = LogLinesDropped();
  const LogWriter writer(ends_[1], kQueueBytes);
  for (size_t i = 0; i < kLines; ++i)
    LogInfo("early", {{"n", i}});  // does not come back if it waits
  const uint64_t dropped = LogLinesDropped() - dropped_before;
  EXPECT_GT(dropped, kLines / 2);

  std::vector<std::string> lines = ReadUntil("log lines were dropped");
  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines.back().find("lines=" + std::to_string(dropped)), std::string::npos)
      << lines.back();
  EXPECT_EQ(lines.size() - 1, kLines - dropped);
  EXPECT_EQ(Count(lines, "early"), kLines - dropped);
  // The first are kept, up to the gap.
  EXPECT_NE(lines[lines.size() - 2].find("n=" + std::to_string(kLines - dropped - 1)),
            std::string::npos);

  LogInfo("late");
  lines = ReadUntil("late");
  EXPECT_EQ(lines.size(), 1u);
  EXPECT_EQ(LogLinesDropped() - dropped_before, dropped);
}

TEST_F(LogWriterTest, ALineLongerThanTheQueueIsNotTheLast) {
  const uint64_t dropped = LogLinesDropped();
  const LogWriter writer(ends_[1], kQueueBytes);
  LogInfo(std::string(2 * kQueueBytes, 'x'));
  const std::vector<std::string> lines = ReadUntil("xxx");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_GT(lines[0].size(), 2 * kQueueBytes);
  LogInfo("after it");
  EXPECT_EQ(ReadUntil("after it").size(), 1u);
  EXPECT_EQ(LogLinesDropped(), dropped);
}

TEST_F(LogWriterTest, ItsEndDoesNotWaitForEverAndLaterLinesAreCounted) {
  const uint64_t dropped = LogLinesDropped();
  {
    const LogWriter writer(ends_[1], kQueueBytes, 20ms);
    for (int i = 0; i < 200; ++i) LogInfo("nobody reads this", {{"n", i}});
  }
  LogInfo("after the end");
  EXPECT_EQ(LogLinesDropped(), dropped + 1);
  // By the thread left behind, whose last line is about the one above.
  EXPECT_EQ(Count(ReadUntil("lines=1"), "n=199"), 1u);
}

TEST_F(LogWriterTest, LinesForAReaderThatHasGoneAreCounted) {
  const uint64_t dropped = LogLinesDropped();
  CloseReader();
  {
    const LogWriter writer(ends_[1], kQueueBytes);
    for (int i = 0; i < 5; ++i) LogInfo("into nothing");
  }
  EXPECT_EQ(LogLinesDropped(), dropped + 5);
}

TEST_F(LogWriterTest, ANonBlockingDescriptorLosesNothing) {
  fcntl(ends_[1], F_SETFL, O_NONBLOCK);
  const LogWriter writer(ends_[1], kQueueBytes);
  for (int i = 0; i < 300; ++i) LogInfo("line", {{"n", i}});
  EXPECT_EQ(ReadUntil("n=299").size(), 300u);
}

TEST_F(LogWriterTest, FlushWaitsForAReaderThatReads) {
  const LogWriter writer(ends_[1], kQueueBytes);
  LogInfo("last words");
  FlushLog(5000ms);
  EXPECT_EQ(ReadUntil("last words").size(), 1u);
}

TEST_F(LogWriterTest, AFaultIsSaidOnceASecondAndCountedEachTime) {
  const LogWriter writer(ends_[1], kQueueBytes);
  const uint64_t faults = FaultCount(Thread::kExceptionPath);
  for (int i = 0; i < 3; ++i) {
    try {
      throw std::runtime_error("the text of it");
    } catch (...) {
      NoteFault(Thread::kExceptionPath);
    }
  }
  LogInfo("end");
  const std::vector<std::string> lines = ReadUntil("msg=end");
  EXPECT_EQ(Count(lines, "thread=exception_path error=\"the text of it\" count=1"), 1u);
  EXPECT_EQ(lines.size(), 2u);
  EXPECT_EQ(FaultCount(Thread::kExceptionPath), faults + 3);
}

}  // namespace
}  // namespace fairlead::log_writer_test
