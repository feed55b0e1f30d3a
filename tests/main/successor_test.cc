// A successor as the director sees it: programs that cannot be started, fail at each point, or take
// over. The latter are the other end of the hand-over in this process, or a script of ten lines.
#include "main/successor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <thread>

#include "main/predecessor.h"

namespace fairlead::successor_test {
namespace {

using namespace std::chrono_literals;

// A successor in Python, as far as its first word: it knows the protocol from its description
// alone.
constexpr const char* kHead = R"(#!/usr/bin/env python3
import os, socket, struct, sys
assert sys.argv[-2:] == ["--hand-over", "3"], sys.argv
assert "WATCHDOG_PID" not in os.environ
s = socket.socket(fileno=3)
def say(word, text=b"", version=1):
    s.send(struct.pack("=IIII", 0x4f484c46, version, word, len(text)) + text)
def hear():
    data, fds, flags, _ = socket.recv_fds(s, 9000, 4)
    return struct.unpack("=IIII", data[:16])[2], data[16:], fds
assert hear() == (1, b"ordinary", []), "offer"
)";

class SuccessorTest : public testing::Test {
 protected:
  SuccessorTest() : path_(testing::TempDir() + "successor-" + std::to_string(getpid())) {}
  ~SuccessorTest() override { unlink(path_.c_str()); }

  void Write(const std::string& text, mode_t mode = 0755) {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  void WriteAfterHead(const char* rest) {
    std::string text = kHead;
    text += rest;
    Write(text);
  }
  // Why it does not take over.
  std::string Failure(std::chrono::milliseconds patience = 30s) {
    auto successor = Successor::Start({.binary = path_});
    if (!successor) return successor.error().message;
    const pid_t pid = (*successor)->pid();
    const Status ready = (*successor)->AwaitReady(patience, stop_);
    EXPECT_EQ(kill(pid, 0), -1) << "it is still there";
    return ready ? "" : ready.error().message;
  }

  const std::string path_;
  std::atomic<bool> stop_{false};
};

TEST_F(SuccessorTest, AFileThatIsNotThere) {
  EXPECT_EQ(Failure(), path_ + " cannot be started: No such file or directory");
}

TEST_F(SuccessorTest, AFileThatMayNotBeExecuted) {
  Write("#!/bin/sh\n", 0644);
  EXPECT_EQ(Failure(), path_ + " cannot be started: Permission denied");
}

TEST_F(SuccessorTest, AFileThatIsNoProgram) {
  Write("nothing that a kernel runs\n");
  EXPECT_EQ(Failure(), path_ + " cannot be started: Exec format error");
}

TEST_F(SuccessorTest, OneThatEndsIsQuoted) {
  Write("#!/bin/sh\necho one >&2\nprintf 'lib.so: cannot open' >&2\nexit 127\n");
  EXPECT_EQ(Failure(),
            "it ended with status 127 before it was ready; it said: one | lib.so: cannot open");
}

TEST_F(SuccessorTest, OnlyTheLastLinesAreQuoted) {
  Write("#!/bin/sh\nfor i in 1 2 3 4 5 6 7; do echo $i >&2; done\nexit 1\n");
  EXPECT_EQ(Failure(), "it ended with status 1 before it was ready; it said: 3 | 4 | 5 | 6 | 7");
}

TEST_F(SuccessorTest, OneThatCrashes) {
  Write("#!/bin/sh\nkill -SEGV $$\n");
  EXPECT_EQ(Failure(),
            "it was ended by signal 11 (Segmentation fault) before it was ready; it said nothing");
}

TEST_F(SuccessorTest, OneThatHangsIsKilled) {
  Write("#!/bin/sh\nexec sleep 1000\n");
  EXPECT_EQ(Failure(0ms), "it was not ready within 0 s and was ended; it said nothing");
}

TEST_F(SuccessorTest, OneThatHangsIsKilledWhenTheDirectorStops) {
  Write("#!/bin/sh\nexec sleep 1000\n");
  stop_ = true;
  EXPECT_EQ(Failure(), "this director is stopping; it said nothing");
}

TEST_F(SuccessorTest, OneThatIsNotAskedAnyMoreIsKilled) {
  Write("#!/bin/sh\nexec sleep 1000\n");
  auto successor = Successor::Start({.binary = path_});
  ASSERT_TRUE(successor);
  const pid_t pid = (*successor)->pid();
  successor->reset();
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST_F(SuccessorTest, OneThatRefusesSaysWhy) {
  WriteAfterHead("say(3, b'web.yaml:3:1: unknown key')\n");
  EXPECT_EQ(Failure(), "web.yaml:3:1: unknown key");
}

TEST_F(SuccessorTest, OneOfAnotherVersion) {
  WriteAfterHead("say(2, b'9.9', version=7)\n");
  EXPECT_EQ(Failure().substr(0, 60),
            "the other program speaks version 7 of the hand-over and this");
}

TEST_F(SuccessorTest, OneThatSendsGarbage) {
  WriteAfterHead("s.send(b'hello')\n");
  EXPECT_EQ(Failure(), "what came over the hand-over socket is no message; it said nothing");
}

TEST_F(SuccessorTest, OneThatTakesOverGetsEverything) {
  WriteAfterHead(R"(
say(2, b"9.9")
while True:
    word, text, fds = hear()
    for fd in fds: os.write(fd, text + b"\n")
    if word == 8: break
say(9)
)");
  setenv("WATCHDOG_PID", "1", 1);
  auto successor = Successor::Start({.binary = path_, .arguments = {"-c", "a b.yaml"}});
  unsetenv("WATCHDOG_PID");
  ASSERT_TRUE(successor) << successor.error().message;
  const Status ready = (*successor)->AwaitReady(30s, stop_);
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ((*successor)->version(), "9.9");
  const std::string taken = path_ + ".taken";
  Estate estate;
  const auto file = [&] {
    return FileDescriptor(open(taken.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600));
  };
  estate.twins.push_back({"fl-outside", file()});
  estate.listeners.push_back({"unix:/run/api.sock", file()});
  ASSERT_TRUE((*successor)->HandOver(std::move(estate)));
  EXPECT_TRUE((*successor)->AwaitForwarding(30s));
  const pid_t pid = (*successor)->pid();
  successor->reset();  // it is not ours to end any more
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  std::ifstream read(taken);
  std::string first, second;
  EXPECT_TRUE(std::getline(read, first) && std::getline(read, second));
  EXPECT_EQ(first + " " + second, "fl-outside unix:/run/api.sock");
  unlink(taken.c_str());
}

// Both ends in one process.
class PredecessorTest : public testing::Test {
 protected:
  PredecessorTest() {
    auto pair = HandoverChannel::MakePair();
    old_.emplace(std::move(pair->first));
    // As in a new process: the number is all that it has.
    descriptor_ = fcntl(pair->second.fd(), F_DUPFD_CLOEXEC, 100);
  }
  std::optional<HandoverChannel> old_;
  int descriptor_ = -1;
};

TEST_F(PredecessorTest, TakesOver) {
  ASSERT_TRUE(old_->Send(HandoverWord::kOffer, "hugepages"));
  const auto predecessor = Predecessor::Meet(descriptor_);
  ASSERT_TRUE(predecessor) << predecessor.error().message;
  EXPECT_TRUE(predecessor->has_packets_on_hugepages());
  Estate estate;
  estate.twins.push_back({"fl-a", FileDescriptor(open("/dev/null", O_RDWR | O_CLOEXEC))});
  ASSERT_TRUE(SendEstate(*old_, std::move(estate)));
  const Result<Estate> got = predecessor->TakeOver();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->twins.at(0).name, "fl-a");
  predecessor->SayForwarding();
  const auto ready = old_->Receive(1s);
  EXPECT_EQ(ready->word, HandoverWord::kReady);
  EXPECT_EQ(ready->text, FAIRLEAD_VERSION);
  EXPECT_EQ(old_->Receive(1s)->word, HandoverWord::kForwarding);
}

TEST_F(PredecessorTest, RefusesWithAReason) {
  ASSERT_TRUE(old_->Send(HandoverWord::kOffer, "ordinary"));
  const auto predecessor = Predecessor::Meet(descriptor_);
  ASSERT_TRUE(predecessor);
  EXPECT_FALSE(predecessor->has_packets_on_hugepages());
  predecessor->Refuse("no memory");
  const auto refusal = old_->Receive(1s);
  EXPECT_EQ(refusal->word, HandoverWord::kRefused);
  EXPECT_EQ(refusal->text, "no memory");
}

TEST_F(PredecessorTest, OneThatHasEndedBeforeItGaveAnythingIsAnError) {
  ASSERT_TRUE(old_->Send(HandoverWord::kOffer, "ordinary"));
  const auto predecessor = Predecessor::Meet(descriptor_);
  ASSERT_TRUE(predecessor);
  old_.reset();
  EXPECT_FALSE(predecessor->TakeOver());
}

TEST_F(PredecessorTest, SomethingElseThanAnOfferIsRefused) {
  ASSERT_TRUE(old_->Send(HandoverWord::kGo));
  EXPECT_FALSE(Predecessor::Meet(descriptor_));
}

TEST_F(PredecessorTest, AnOfferOfUnknownMemoryIsRefused) {
  ASSERT_TRUE(old_->Send(HandoverWord::kOffer, "tape"));
  EXPECT_FALSE(Predecessor::Meet(descriptor_));
}

TEST_F(PredecessorTest, AnotherVersionIsRefusedAndTold) {
  const uint32_t head[] = {0x4f484c46, 2, 1, 0};
  ASSERT_EQ(send(old_->fd(), head, sizeof head, 0), static_cast<ssize_t>(sizeof head));
  const auto predecessor = Predecessor::Meet(descriptor_);
  ASSERT_FALSE(predecessor);
  EXPECT_NE(predecessor.error().message.find("speaks version 2"), std::string::npos);
  EXPECT_EQ(old_->Receive(1s)->text, predecessor.error().message);
}

}  // namespace
}  // namespace fairlead::successor_test
