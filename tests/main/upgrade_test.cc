// An upgrade from the side of the director that runs: what is asked for, what becomes of it, and
// what the service manager is told.
#include "main/upgrade.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

namespace fairlead::upgrade_test {
namespace {

using namespace std::chrono_literals;
using Phase = api::UpgradeState::Phase;

class UpgradeTest : public testing::Test {
 protected:
  UpgradeTest() : path_(testing::TempDir() + "upgrade-" + std::to_string(getpid())) {}
  ~UpgradeTest() override {
    unlink(path_.c_str());
    unlink((path_ + ".notify").c_str());
  }
  void Write(const std::string& text) {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  }
  static void WaitFor(const std::function<bool()>& is_so) {
    for (int i = 0; i < 6000 && !is_so(); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(is_so());
  }
  SuccessorPlan Plan() const { return {.binary = path_, .arguments = {"-c", "x.yaml"}}; }

  const std::string path_;
  std::atomic<int> ready_{0};
};

TEST_F(UpgradeTest, AFailureIsKeptAndAnotherCanBeBegun) {
  Write("#!/bin/sh\necho no such library >&2\nexit 127\n");
  Upgrade upgrade(Plan(), [this] { ++ready_; });
  EXPECT_EQ(upgrade.state().phase, Phase::kNone);
  for (const char* binary : {"", "/nowhere/fairleadd", ""}) {
    ASSERT_TRUE(upgrade.Begin(binary));
    WaitFor([&] { return upgrade.state().phase == Phase::kFailed; });
    const bool is_own = *binary == '\0';
    EXPECT_EQ(upgrade.state().binary, is_own ? path_ : binary);
    EXPECT_EQ(upgrade.state().reason,
              is_own ? "it ended with status 127 before it was ready; it said: no such library"
                     : "/nowhere/fairleadd cannot be started: No such file or directory");
  }
  EXPECT_EQ(ready_, 0);
  EXPECT_FALSE(upgrade.is_ready());
}

TEST_F(UpgradeTest, OneAtATimeAndNoneIsLeftBehind) {
  Write("#!/bin/sh\nexec sleep 1000\n");
  Upgrade upgrade(Plan(), [this] { ++ready_; });
  ASSERT_TRUE(upgrade.Begin(""));
  const Status second = upgrade.Begin("/other");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_EQ(second.error().message, "an upgrade to " + path_ + " is on its way; wait for its end");
  EXPECT_EQ(upgrade.state().binary, path_);
  upgrade.BeginBySignal();  // says so in the log
  EXPECT_EQ(upgrade.state().phase, Phase::kStarting);
}

TEST_F(UpgradeTest, OneThatHangsIsGivenUp) {
  Write("#!/bin/sh\nexec sleep 1000\n");
  Upgrade upgrade(
      Plan(), [this] { ++ready_; }, 10ms);
  ASSERT_TRUE(upgrade.Begin(""));
  WaitFor([&] { return upgrade.state().phase == Phase::kFailed; });
  EXPECT_NE(upgrade.state().reason.find("and was ended"), std::string::npos);
}

constexpr const char* kTakesOver = R"(#!/usr/bin/env python3
import socket, struct
s = socket.socket(fileno=3)
s.recv(9000)
s.send(struct.pack("=IIII", 0x4f484c46, 1, 2, 3) + b"9.9")
while struct.unpack("=IIII", socket.recv_fds(s, 9000, 4)[0][:16])[2] != 8: pass
)";

// The service manager.
class Manager {
 public:
  explicit Manager(const std::string& path) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~Manager() { unsetenv("NOTIFY_SOCKET"); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  std::string Heard() const {
    char text[256];
    const ssize_t got = recv(fd_.get(), text, sizeof text, MSG_DONTWAIT);
    return std::string(text, got > 0 ? static_cast<size_t>(got) : 0);
  }

 private:
  FileDescriptor fd_;
};

TEST_F(UpgradeTest, HandsOverAndTellsTheServiceManagerFirst) {
  const Manager manager(path_ + ".notify");
  Write(std::string(kTakesOver) + "s.send(struct.pack('=IIII', 0x4f484c46, 1, 9, 0))\n");
  Upgrade upgrade(Plan(), [this] { ++ready_; });
  ASSERT_TRUE(upgrade.Begin(""));
  WaitFor([&] { return ready_ == 1; });
  EXPECT_TRUE(upgrade.is_ready());
  EXPECT_EQ(upgrade.state().phase, Phase::kHandingOver);
  EXPECT_FALSE(upgrade.Begin(""));
  EXPECT_EQ(manager.Heard(), "");
  EXPECT_EQ(upgrade.HandOver({}), 0);
  EXPECT_EQ(manager.Heard().substr(0, 8), "MAINPID=");
  EXPECT_EQ(manager.Heard(), "");
}

TEST_F(UpgradeTest, OneThatEndsAfterTheHandOverIsAFailureOfTheService) {
  Write(kTakesOver);
  Upgrade upgrade(Plan(), [this] { ++ready_; });
  ASSERT_TRUE(upgrade.Begin(""));
  WaitFor([&] { return ready_ == 1; });
  EXPECT_EQ(upgrade.HandOver({}), 1);
}

TEST(OwnPathTest, IsAsItWasStartedAndAbsolute) {
  EXPECT_EQ(OwnPath("/usr/sbin/../sbin/fairleadd"), "/usr/sbin/fairleadd");
  EXPECT_EQ(OwnPath("./fairleadd"), (std::filesystem::current_path() / "fairleadd").string());
  // Found by the PATH of whoever started it, which may be another by now.
  EXPECT_EQ(OwnPath("fairleadd"), std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_EQ(OwnPath(nullptr), std::filesystem::read_symlink("/proc/self/exe").string());
}

}  // namespace
}  // namespace fairlead::upgrade_test
