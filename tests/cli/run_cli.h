// The `fairlead` program run by a shell, and what it says, beside a fake director.
//
//   Start();                                // the director; before it, fill director.connections …
//   EXPECT_EQ(Good("service list"), "…");   // ends well, says nothing on standard error
//   const Outcome wrong = Run("real set web");
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "api_test.h"

namespace fairlead::testing {

struct Outcome {
  int exit_code = -1;
  std::string out, err;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CliTest : public ApiTest {
 protected:
  Outcome Run(const std::string& words) {
    return RunAt("--api " + director.socket() + " " + words);
  }

  Outcome RunAt(const std::string& words) {
    const std::string at = director.directory();
    const std::string command =
        std::string(FAIRLEAD_CLI) + " " + words + " >" + at + "/out 2>" + at + "/err";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), ReadFile(at + "/out"), ReadFile(at + "/err")};
  }

  // The output of a command that ends well.
  std::string Good(const std::string& words) {
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit_code, 0) << words << ": " << outcome.err;
    EXPECT_EQ(outcome.err, "") << words;
    return outcome.out;
  }
};

}  // namespace fairlead::testing
