// The program's exit codes and what it says.

#include "command.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace fairlead::golden::command_test {
namespace {

class CommandTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  // Plays a file with these steps in one case.
  int Play(const std::string& steps) {
    std::ofstream(path_) << R"({"format":2,"name":"n","kernel":"k","cases":[{"title":"c","steps":[)"
                         << steps << "]}]}";
    return Run({path_});
  }
  int Run(const std::vector<std::string>& words) {
    std::ostringstream out, err;
    const int code = RunGoldenReplay(words, out, err);
    said_ = out.str() + err.str();
    return code;
  }

  const std::string path_ = std::filesystem::temp_directory_path() /
                            ("command-test-" + std::to_string(::getpid()) + ".json");
  std::string said_;
};

constexpr const char* kService =
    R"({"t":0,"op":"ipvsadm","args":"-A -t 10.100.0.1:80 -s rr","output":"","rc":0})";

TEST_F(CommandTest, SaysHowMuchWasEqual) {
  EXPECT_EQ(Play(kService), 0);
  EXPECT_EQ(said_, path_ + ": 1 cases, 1 steps, 3 observations compared, 0 differ\n");
}

TEST_F(CommandTest, FailsOnAnUnknownOp) {
  EXPECT_EQ(Play(std::string(kService) + R"(,{"t":1,"op":"teleport","src":["10.9.0.1",1]})"), 1);
  EXPECT_EQ(said_, path_ + ": case 1 \"c\": step 2: does not know the op \"teleport\"\n");
}

TEST_F(CommandTest, FailsOnAnUnknownKey) {
  EXPECT_EQ(Play(R"({"t":0,"op":"sleep","seconds":1,"minutes":1})"), 1);
  EXPECT_EQ(said_, path_ + ": case 1 \"c\": step 1 (sleep): does not know the key \"minutes\"\n");
}

TEST_F(CommandTest, FailsOnAWrongExpectation) {
  EXPECT_EQ(Play(std::string(kService) + R"(,{"t":1,"op":"connect","src":["10.9.0.1",1],)"
                                         R"("dst":["10.100.0.1",80],"result":"rs1"})"),
            1);
  EXPECT_EQ(said_, path_ +
                       ": case 1 \"c\": step 2 (connect): the result is \"REFUSED\", expected "
                       "\"rs1\"\n" +
                       path_ + ": 1 cases, 2 steps, 4 observations compared, 1 differ\n");
}

TEST_F(CommandTest, FailsWhenThereIsNothingToCompare) {
  EXPECT_EQ(Run({path_}), 1) << "no such file";
  EXPECT_NE(said_.find("cannot be read"), std::string::npos);
  EXPECT_EQ(Play(kService), 0);
  std::ofstream(path_) << R"({"format":2,"name":"n","kernel":"k","cases":[]})";
  EXPECT_EQ(Run({path_}), 1);
}

TEST_F(CommandTest, KnowsItsCommandLine) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"--workers", "0", path_}), 2);
  EXPECT_EQ(Run({"--workers"}), 2);
  EXPECT_EQ(Run({"--fast", path_}), 2);
  EXPECT_EQ(Play(kService), 0);
  EXPECT_EQ(Run({"--workers", "4", path_}), 0);
  EXPECT_EQ(Run({"--case", "another", path_}), 1) << "no case has it in its title";
}

}  // namespace
}  // namespace fairlead::golden::command_test
