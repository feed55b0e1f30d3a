// The program from outside, as far as it goes without root and EAL.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

namespace fairlead::fairleadd_test {
namespace {

struct Ended {
  int code = -1;
  std::string said;  // on both outputs
};

Ended RunDaemon(const std::string& arguments) {
  Ended ended;
  FILE* pipe = popen((std::string(FAIRLEADD) + " " + arguments + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ended;
  std::array<char, 4096> buffer{};
  size_t n = 0;
  while ((n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0)
    ended.said.append(buffer.data(), n);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  return ended;
}

class FairleaddTest : public testing::Test {
 protected:
  FairleaddTest() : path_(testing::TempDir() + "fairleadd-" + std::to_string(getpid()) + ".yaml") {}
  ~FairleaddTest() override { unlink(path_.c_str()); }
  void Write(const std::string& yaml) { std::ofstream(path_) << yaml; }
  const std::string path_;
};

constexpr const char* kGood = R"(version: 1
ports:
  - { name: outside, device: net_null0, addresses: [192.0.2.1/24] }
)";

TEST_F(FairleaddTest, CheckOfAGoodFileSaysOk) {
  Write(kGood);
  const Ended ended = RunDaemon("--check " + path_);
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.said, path_ + ": ok\n");
}

TEST_F(FairleaddTest, CheckNamesEveryProblemWithItsPlace) {
  Write(std::string(kGood) + "services:\n  - { name: web, mark: none }\nrouts: []\n");
  const Ended ended = RunDaemon("--check " + path_);
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.said.find(path_ + ":5:24: services[0].mark: "), std::string::npos) << ended.said;
  EXPECT_NE(ended.said.find(path_ + ":6:1: routs: "), std::string::npos) << ended.said;
}

TEST_F(FairleaddTest, CheckWarnsOfWhatAStartStumblesOver) {
  const std::string tokens = path_ + ".tokens";
  std::ofstream(tokens) << "nonsense\n";
  chmod(tokens.c_str(), 0640);
  Write(std::string(kGood) + "api: { listen: [{ address: 'http://127.0.0.1:1', tokens: " + tokens +
        " }] }\n" +
        "services: [{ name: web, address: 192.0.2.80, port: 80, protocol: tcp, "
        "reals: [{ address: 192.0.2.11 }] }]\n");
  const Ended ended = RunDaemon("--check " + path_);
  unlink(tokens.c_str());
  EXPECT_EQ(ended.code, 0) << ended.said;
  EXPECT_NE(ended.said.find("api.listen[0].tokens: cannot be used on this machine: " + tokens +
                            ":1: a line must be ROLE:TOKEN NAME"),
            std::string::npos)
      << ended.said;
  EXPECT_NE(ended.said.find("warning: " + path_ + ": routes: no route of IPv4 leads to clients"),
            std::string::npos)
      << ended.said;
}

TEST_F(FairleaddTest, ABadFileIsRefusedBeforeAnythingStarts) {
  Write("version: 2\n");
  const Ended ended = RunDaemon("-c " + path_);
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.said.find("level=error msg=\"not started"), std::string::npos) << ended.said;
  EXPECT_EQ(ended.said.find("EAL"), std::string::npos);
}

// Whoever starts it may not read what it says.
TEST_F(FairleaddTest, AFullPipeOnStandardErrorDoesNotHoldItUp) {
  Write("version: 2\n");
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  const std::string page(4096, '#');
  while (write(ends[1], page.data(), page.size()) > 0) {
  }
  fcntl(ends[1], F_SETFL, 0);  // the daemon is to meet one that makes it wait
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    alarm(30);  // of a daemon that waits for ever
    execl(FAIRLEADD, FAIRLEADD, "-c", path_.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(FairleaddTest, AMissingFileIsAProblemLikeAnother) {
  const Ended ended = RunDaemon("--check " + path_);
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.said.find(path_), std::string::npos);
}

// Nobody listens there. The rest is in tests/e2e/test_fleet.py, with an etcd.
TEST_F(FairleaddTest, CheckOfAFleetSaysWhatKeepsItFromTheStore) {
  const Ended away = RunDaemon("--check etcd://127.0.0.1:1/fairlead --name edge-1");
  EXPECT_EQ(away.code, 1);
  EXPECT_EQ(away.said.find("etcd://127.0.0.1:1/fairlead: cannot be read: "), 0u) << away.said;
  EXPECT_EQ(away.said.find("level="), std::string::npos) << away.said;
  const Ended nameless = RunDaemon("--check etcd://127.0.0.1:1/fairlead");
  EXPECT_EQ(nameless.code, 1);
  EXPECT_NE(nameless.said.find("needs --name NAME"), std::string::npos) << nameless.said;
  const Ended in_clear = RunDaemon("--check etcd://192.0.2.1:1/fairlead --name edge-1");
  EXPECT_EQ(in_clear.code, 1);
  EXPECT_NE(in_clear.said.find("write \"ca: FILE\""), std::string::npos) << in_clear.said;
  const Ended no_file =
      RunDaemon("--check etcd://127.0.0.1:1/f --name edge-1 --fleet " + path_ + ".none");
  EXPECT_EQ(no_file.code, 1);
  EXPECT_NE(no_file.said.find(path_ + ".none"), std::string::npos) << no_file.said;
  Write(kGood);
  const Ended of_file = RunDaemon("--check " + path_ + " --name edge-1");
  EXPECT_EQ(of_file.code, 1);
  EXPECT_NE(of_file.said.find("--name and --fleet are for --check etcd://"), std::string::npos);
}

TEST_F(FairleaddTest, SaysItsVersion) {
  const Ended ended = RunDaemon("--version");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.said, "fairleadd " FAIRLEAD_VERSION "\n");
}

TEST_F(FairleaddTest, MistakesOnTheCommandLineAreErrors) {
  EXPECT_NE(RunDaemon("--chekc x").code, 0);
  EXPECT_NE(RunDaemon("-c a --check b").code, 0);
}

}  // namespace
}  // namespace fairlead::fairleadd_test
