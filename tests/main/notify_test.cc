#include "main/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace fairlead::notify_test {
namespace {

// A datagram socket bound to `name`; '@' in front for an abstract one.
int Bind(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), length), 0);
  return fd;
}

std::string HeardAt(const std::string& name, std::string_view state) {
  const int fd = Bind(name);
  setenv("NOTIFY_SOCKET", name.c_str(), 1);
  NotifyServiceManager(state);
  unsetenv("NOTIFY_SOCKET");
  char text[64];
  const ssize_t n = recv(fd, text, sizeof text, 0);
  close(fd);
  return n < 0 ? "" : std::string(text, static_cast<size_t>(n));
}

TEST(Notify, ReachesASocketInTheFileSystem) {
  const std::string path = testing::TempDir() + "notify-" + std::to_string(getpid());
  EXPECT_EQ(HeardAt(path, "READY=1"), "READY=1");
  unlink(path.c_str());
}

TEST(Notify, ReachesAnAbstractSocket) {
  EXPECT_EQ(HeardAt("@fairlead-notify-" + std::to_string(getpid()), "STOPPING=1"), "STOPPING=1");
}

TEST(Notify, WithoutAServiceManagerNothingHappens) {
  unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(NotifyServiceManager("READY=1"));
}

TEST(Notify, SaysWithinWhichTimeTheManagerWantsToHearOfUs) {
  using std::chrono::microseconds;
  unsetenv("WATCHDOG_PID");
  unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(WatchdogPeriod(), microseconds(0));
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(WatchdogPeriod(), microseconds(30'000'000));
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(WatchdogPeriod(), microseconds(30'000'000));
  setenv("WATCHDOG_PID", std::to_string(getppid()).c_str(), 1);  // another's
  EXPECT_EQ(WatchdogPeriod(), microseconds(0));
  unsetenv("WATCHDOG_PID");
  for (const char* bad :
       {"", "0", "-5", "30s", " 30", "9223372036854775807", "99999999999999999999"}) {
    setenv("WATCHDOG_USEC", bad, 1);
    EXPECT_EQ(WatchdogPeriod(), microseconds(0)) << bad;
  }
  unsetenv("WATCHDOG_USEC");
}

// The caller is the thread that checks the real servers.
TEST(Notify, AManagerThatDoesNotReadIsNotWaitedFor) {
  const std::string name = "@fairlead-notify-full-" + std::to_string(getpid());
  const int fd = Bind(name);
  setenv("NOTIFY_SOCKET", name.c_str(), 1);
  int taken = 0;
  while (taken < 100000 && NotifyServiceManager("READY=1")) ++taken;
  EXPECT_GT(taken, 0);
  EXPECT_FALSE(NotifyServiceManager("READY=1"));
  char text[64];
  EXPECT_EQ(recv(fd, text, sizeof text, 0), 7);
  EXPECT_TRUE(NotifyServiceManager("READY=1"));  // there is room again
  unsetenv("NOTIFY_SOCKET");
  close(fd);
}

}  // namespace
}  // namespace fairlead::notify_test
