// fairlead ipvs-exec: what the program that is run finds, and what is said when it cannot be run.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>

#include "run_cli.h"

namespace fairlead::testing::ipvs_exec_test {
namespace {

namespace json = boost::json;

class IpvsExecTest : public CliTest {
 protected:
  // What the program that is run prints.
  std::string Out(const char* words) {
    std::string line("ipvs-exec ");
    line += words;
    return RunAt(line).out;
  }
  ~IpvsExecTest() override {
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("FAIRLEAD_IPVS_LIBRARY");
  }
};

TEST_F(IpvsExecTest, TheProgramHasTheLibraryAndTheSocket) {
  EXPECT_EQ(Out("--socket /tmp/s.sock printenv FAIRLEAD_IPVS_SOCKET LD_PRELOAD"),
            "/tmp/s.sock\n" FAIRLEAD_PRELOAD "\n");
  EXPECT_EQ(Out("printenv FAIRLEAD_IPVS_SOCKET"), "");
  EXPECT_NE(Out("cat /proc/self/maps").find("libfairlead-ipvs.so"), std::string::npos);
}

TEST_F(IpvsExecTest, AnotherLibraryStays) {
  ::setenv("LD_PRELOAD", "libc.so.6", 1);
  EXPECT_EQ(Out("printenv LD_PRELOAD"), FAIRLEAD_PRELOAD ":libc.so.6\n");
}

TEST_F(IpvsExecTest, WordsAfterTheProgramAreItsOwn) {
  EXPECT_EQ(Out("echo -o json --help ipvsadm --socket"), "-o json --help ipvsadm --socket\n");
  EXPECT_EQ(Out("-- echo -n x"), "x");
  EXPECT_EQ(RunAt("ipvs-exec sh -c 'exit 7'").exit_code, 7);
}

TEST_F(IpvsExecTest, WhatCannotBeRunIsSaid) {
  Outcome outcome = RunAt("ipvs-exec");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err,
            "fairlead: fairlead ipvs-exec: command is required; try fairlead ipvs-exec --help\n");
  outcome = RunAt("ipvs-exec --nonsense echo");
  EXPECT_EQ(outcome.exit_code, 2);
  outcome = RunAt("-o json ipvs-exec /nowhere/keepalived -n");
  EXPECT_EQ(outcome.exit_code, 127);
  EXPECT_EQ(json::parse(outcome.err).at("detail").as_string(),
            "cannot run /nowhere/keepalived: No such file or directory");
  EXPECT_EQ(RunAt("ipvs-exec /etc/passwd").exit_code, 126);
  ::setenv("FAIRLEAD_IPVS_LIBRARY", "/nowhere/l.so", 1);
  outcome = RunAt("ipvs-exec echo x");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "fairlead: /nowhere/l.so cannot be read; install it with the director, or name it in "
            "FAIRLEAD_IPVS_LIBRARY\n");
}

}  // namespace
}  // namespace fairlead::testing::ipvs_exec_test
