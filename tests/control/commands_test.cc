// Commands that the configuration names: who may be run, how they end, what they leave.
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/commands/command_runner.h"
#include "control/commands/notifier.h"
#include "control/config/command_path.h"

namespace fairlead::control::commands_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Command Shell(const std::string& text) { return {{"/bin/sh", "-c", text}, {}}; }

CommandEnd EndOf(const Command& command, std::chrono::milliseconds limit = 10s,
                 const std::string& user = "nobody") {
  boost::asio::io_context io;
  CommandRunner runner(io, user, 4);
  CommandEnd end;
  int calls = 0;
  runner.Run(command, limit, [&](const CommandEnd& what) {
    end = what;
    ++calls;
  });
  EXPECT_EQ(calls, 0) << "never inside Run";
  io.run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(runner.running(), 0u);
  return end;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The children of this thread, the oldest first.
std::string Children() {
  const std::string self = std::to_string(getpid());
  return ReadAll("/proc/" + self + "/task/" + self + "/children");
}

// Keeps a child of this process from being over once it is killed, as a file system does that does
// not answer: the news of its end go to whoever traces it, who does not listen.
class Hold {
 public:
  explicit Hold(pid_t process) {
    int ready[2], release[2];
    EXPECT_EQ(pipe(ready), 0);
    EXPECT_EQ(pipe(release), 0);
    holder_ = fork();
    if (holder_ == 0) {
      close(release[1]);
      char byte = ptrace(PTRACE_SEIZE, process, nullptr, nullptr) == 0 ? 'y' : 'n';
      _exit(write(ready[1], &byte, 1) == 1 && read(release[0], &byte, 1) == 0 ? 0 : 1);
    }
    char byte = 'n';
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    for (const int each : {ready[0], ready[1], release[0]}) close(each);
    release_ = release[1];
  }
  ~Hold() { Release(); }
  void Release() {
    if (release_ < 0) return;
    close(std::exchange(release_, -1));
    waitpid(holder_, nullptr, 0);
  }

 private:
  pid_t holder_;
  int release_;
};

// A directory in which commands may write, whoever they are.
class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    char name[] = "/tmp/fairlead-commands-XXXXXX";
    directory_ = mkdtemp(name);
    chmod(directory_.c_str(), 0777);
  }
  ~CommandsTest() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string In(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
};

// ---- who may be run ---------------------------------------------------------------------------

TEST(CommandPath, WhatRootAloneMayWriteIsRun) {
  EXPECT_EQ(FaultOfCommand("/bin/sh"), "");
  EXPECT_EQ(FaultOfCommand("/usr/bin/env"), "");
}

TEST_F(CommandsTest, WhatOthersMayWriteIsNot) {
  if (geteuid() != 0) GTEST_SKIP() << "needs files of root";
  std::ofstream(In("check")) << "#!/bin/sh\n";
  chmod(In("check").c_str(), 0755);
  EXPECT_EQ(FaultOfCommand(In("check")), "/tmp is writable by everybody");
  // A link of root into it leads there as well.
  const std::string link = "/root/fairlead-commands-test-" + std::to_string(getpid());
  ASSERT_EQ(symlink(In("check").c_str(), link.c_str()), 0);
  EXPECT_EQ(FaultOfCommand(link), "/tmp is writable by everybody");
  unlink(link.c_str());
}

TEST_F(CommandsTest, AFaultNamesThePlace) {
  if (geteuid() != 0) GTEST_SKIP() << "needs files of root";
  const std::string own = "/root/fairlead-commands-test-" + std::to_string(getpid());
  std::filesystem::create_directory(own);
  chmod(own.c_str(), 0755);
  const std::string file = own + "/check";
  EXPECT_THAT(FaultOfCommand(file), HasSubstr("No such file"));
  std::ofstream(file) << "#!/bin/sh\n";
  chmod(file.c_str(), 0644);
  EXPECT_EQ(FaultOfCommand(file), file + " is not executable");
  chmod(file.c_str(), 0755);
  EXPECT_EQ(FaultOfCommand(file), "");
  chmod(file.c_str(), 0775);
  EXPECT_EQ(FaultOfCommand(file), file + " is writable by its group");
  chmod(file.c_str(), 0755);
  ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  EXPECT_EQ(FaultOfCommand(file), file + " is not root's");
  EXPECT_EQ(FaultOfCommand(own), own + " is not a file");
  std::filesystem::remove_all(own);
}

TEST(CommandRunner, WhatMayNotBeRunSaysWhy) {
  const CommandEnd end = EndOf({{"/tmp/check"}, {}});
  EXPECT_EQ(end.how, CommandEnd::How::kNotRun);
  EXPECT_FALSE(end.text.empty());
  if (geteuid() == 0) {
    EXPECT_EQ(EndOf(Shell("true"), 10s, "no-such-user").text, "there is no user no-such-user");
  }
}

// ---- how they end -----------------------------------------------------------------------------

TEST(CommandRunner, TellsTheStatusAndTheFirstLine) {
  EXPECT_EQ(EndOf(Shell("exit 0")).ToString(), "exit status 0");
  EXPECT_EQ(EndOf(Shell("echo no answer >&2; echo more; exit 3")).ToString(),
            "exit status 3: no answer");
  EXPECT_EQ(EndOf(Shell("kill -9 $$")).ToString(), "ended by signal 9");
}

TEST(CommandRunner, WhoTakesTooLongIsKilled) {
  const CommandEnd end = EndOf(Shell("echo waiting; sleep 1000"), 200ms);
  EXPECT_EQ(end.ToString(), "not done in 200 ms: waiting");
}

// Else each look would leave one more.
TEST_F(CommandsTest, WhatItLeavesBehindIsKilledToo) {
  const std::string pid = In("pid");
  EXPECT_EQ(EndOf(Shell("sleep 1000 & echo $! > " + pid)).number, 0);
  const int child = std::stoi(ReadAll(pid));
  for (int i = 0; i < 1000 && kill(child, 0) == 0; ++i) {
    // A zombie until its new parent has looked.
    if (ReadAll("/proc/" + std::to_string(child) + "/stat").find(") Z ") != std::string::npos)
      break;
    usleep(1000);
  }
  const std::string stat = ReadAll("/proc/" + std::to_string(child) + "/stat");
  EXPECT_TRUE(stat.empty() || stat.find(") Z ") != std::string::npos) << stat;
}

TEST(CommandRunner, MegabytesAreNotListenedTo) {
  const CommandEnd end = EndOf({.arguments = {"/usr/bin/yes", "yes"}, .environment = {}});
  // It notices when it prints more.
  EXPECT_NE(end.how, CommandEnd::How::kTimedOut);
  EXPECT_FALSE(end.is_success());
  EXPECT_EQ(end.text, "yes");
}

TEST(CommandRunner, SoManyAtOnceTheOthersInTurn) {
  boost::asio::io_context io;
  CommandRunner runner(io, "nobody", 2);
  std::string order;
  for (const char* name : {"a", "b", "c"}) {
    runner.Run(Shell("exit 0"), 10s, [&order, name](const CommandEnd&) { order += name; });
  }
  EXPECT_EQ(runner.running(), 2u);
  EXPECT_EQ(runner.waiting(), 1u);
  io.run();
  EXPECT_EQ(order.size(), 3u);
  EXPECT_EQ(runner.running(), 0u);
}

TEST(CommandRunner, ItsEndIsTheirs) {
  boost::asio::io_context io;
  {
    CommandRunner runner(io, "nobody", 2);
    runner.Run(Shell("sleep 1000"), 1000s, [](const CommandEnd&) { ADD_FAILURE(); });
    EXPECT_EQ(runner.running(), 1u);
  }
}

// It keeps what it has, and nobody else waits for that.
TEST(CommandRunner, OneThatDoesNotEndGivesItsPlaceAway) {
  boost::asio::io_context io;
  CommandRunner runner(io, "nobody", 1);
  std::vector<std::string> ends;
  const auto note = [&](const CommandEnd& end) { ends.push_back(end.ToString()); };
  const Command command = Shell("sleep 1000");
  runner.Run(command, 50ms, note);
  const pid_t child = std::stoi(Children());
  Hold hold(child);
  EXPECT_FALSE(runner.has_room());
  runner.Run(Shell("exit 3"), 10s, note);
  while (ends.size() < 2) io.run_one();
  EXPECT_EQ(ends[0], "not done in 50 ms");
  EXPECT_EQ(ends[1], "exit status 3");
  EXPECT_EQ(runner.stuck(), 1u);
  EXPECT_EQ(runner.running(), 1u);
  EXPECT_TRUE(runner.has_room());
  // The same once more would be stuck as well.
  const std::string children = Children();
  runner.Run(command, 50ms, note);
  EXPECT_EQ(Children(), children) << "no other has begun";
  while (ends.size() < 3) io.run_one();
  EXPECT_EQ(ends[2], "not run: its previous process " + std::to_string(child) +
                         " was killed and has not ended");
  hold.Release();
  io.run();
  EXPECT_EQ(runner.stuck(), 0u);
  EXPECT_EQ(runner.running(), 0u);
  EXPECT_EQ(Children(), "") << "it is reaped";
}

// Who traces it may keep it for ever; whoever waits for its answer does not.
TEST(CommandRunner, OneThatHasEndedAndIsHeldTimesOut) {
  boost::asio::io_context io;
  CommandRunner runner(io, "nobody", 1);
  std::vector<std::string> ends;
  const auto note = [&](const CommandEnd& end) { ends.push_back(end.ToString()); };
  runner.Run(Shell("sleep 1000"), 100ms, note);
  const pid_t child = std::stoi(Children());
  Hold hold(child);
  kill(child, SIGKILL);
  runner.Run(Shell("exit 3"), 10s, note);
  for (int i = 0; i < 200 && ends.size() < 2; ++i) io.run_one_for(1s);
  hold.Release();
  io.run();
  EXPECT_EQ(ends, (std::vector<std::string>{"not done in 100 ms", "exit status 3"}));
  EXPECT_EQ(runner.running(), 0u);
  EXPECT_EQ(Children(), "") << "it is reaped";
}

// Where this process ignores the end of its children, they reap themselves.
TEST(CommandRunner, OneThatSomebodyElseReapsIsOver) {
  boost::asio::io_context io;
  CommandRunner runner(io, "nobody", 1);
  std::vector<CommandEnd::How> ends;
  signal(SIGCHLD, SIG_IGN);
  runner.Run(Shell("sleep 0.1"), 1000s, [&](const CommandEnd& end) { ends.push_back(end.how); });
  io.run_for(10s);
  signal(SIGCHLD, SIG_DFL);
  EXPECT_EQ(ends, std::vector{CommandEnd::How::kNotRun});
  EXPECT_EQ(runner.running(), 0u);
}

TEST(CommandRunner, ItsEndWaitsForNobody) {
  boost::asio::io_context io;
  auto runner = std::make_unique<CommandRunner>(io, "nobody", 1);
  runner->Run(Shell("sleep 1000"), 1000s, [](const CommandEnd&) { ADD_FAILURE(); });
  const pid_t child = std::stoi(Children());
  Hold hold(child);
  runner.reset();  // comes back, while the child is held
  hold.Release();
  waitpid(child, nullptr, 0);
}

// ---- what they get ----------------------------------------------------------------------------

TEST(CommandRunner, NothingOfOursIsInherited) {
  setenv("LD_PRELOAD", "/tmp/evil.so", 1);
  const CommandEnd end = EndOf({.arguments = {"/usr/bin/env"}, .environment = {"A=1"}});
  unsetenv("LD_PRELOAD");
  EXPECT_EQ(end.text, "A=1");
  const int open = dup(STDERR_FILENO);  // one that is not closed on exec
  // Without a pipe: the shell has its end of one for a moment.
  const std::string list = "for n in $(seq 0 " + std::to_string(open) +
                           "); do [ -e /proc/$$/fd/$n ] && printf \"$n \"; done";
  EXPECT_EQ(EndOf(Shell(list)).text, "0 1 2 ") << open;
  close(open);
}

TEST(CommandRunner, RunsAsTheUserOfTheFile) {
  if (geteuid() != 0) GTEST_SKIP() << "has no other user's rights to give";
  EXPECT_EQ(EndOf(Shell("id -un; id -G")).text, "nobody");
  EXPECT_EQ(EndOf(Shell("id -u"), 10s, "root").text, "0");
  EXPECT_EQ(EndOf(Shell("grep CapEff /proc/self/status")).text, "CapEff:0000000000000000");
}

// The child has this process's memory when it changes its user.
TEST(CommandRunner, ThisProcessMayStillBeDumped) {
  ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
  EXPECT_EQ(EndOf(Shell("true")).number, 0);
  EXPECT_EQ(prctl(PR_GET_DUMPABLE), 1);
  // Who has forbidden it keeps that.
  ASSERT_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
  EXPECT_EQ(EndOf(Shell("true")).number, 0);
  EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
  prctl(PR_SET_DUMPABLE, 1);
}

// ---- what is run for events -------------------------------------------------------------------

// Each begins as the one before ends, with descriptors of the same numbers, of which the loop may
// still have news that were the other's.
TEST(CommandRunner, NoCommandIsTakenForEndedBeforeItIs) {
  boost::asio::io_context io;
  CommandRunner runner(io, "nobody", 1);
  std::vector<std::string> ends;
  for (int i = 0; i < 100; ++i) {
    runner.Run(Shell("echo " + std::to_string(i)), 10s,
               [&ends](const CommandEnd& end) { ends.push_back(end.ToString()); });
  }
  io.run();
  ASSERT_EQ(ends.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ends[i], "exit status 0: " + std::to_string(i));
}

TEST_F(CommandsTest, EventsOfAServiceRunInOrder) {
  boost::asio::io_context io;
  Notifier notifier(io, "nobody");
  const std::string log = In("log");
  for (const char* pause : {"0.2", "0", "0.1"}) {
    notifier.Notify(
        {.subject = "web",
         .command = {"/bin/sh", "-c",
                     "sleep " + std::string(pause) + "; echo $1 $2 $FAIRLEAD_EVENT >> " + log,
                     "notify"},
         .words = {"VS", pause},
         .environment = {"FAIRLEAD_EVENT=quorum_up"}});
  }
  EXPECT_EQ(notifier.waiting(), 3u);
  io.run();
  EXPECT_EQ(notifier.waiting(), 0u);
  EXPECT_EQ(ReadAll(log), "VS 0.2 quorum_up\nVS 0 quorum_up\nVS 0.1 quorum_up\n");
}

TEST(Notifier, ThoseThatAreTooManyAreNotRun) {
  boost::asio::io_context io;
  Notifier notifier(io, "nobody");
  for (size_t i = 0; i < kMostNoticesOfOne + 10; ++i) {
    notifier.Notify({.subject = "web", .command = {"/bin/true"}});
  }
  EXPECT_EQ(notifier.waiting(), kMostNoticesOfOne) << "the room of others is not taken";
  for (size_t i = 0; i < kMostNotices + 10; ++i) {
    notifier.Notify({.subject = "web" + std::to_string(i), .command = {"/bin/true"}});
  }
  EXPECT_EQ(notifier.waiting(), kMostNotices);
}

}  // namespace
}  // namespace fairlead::control::commands_test
