// Runs a program with the library loaded, against a FakeDirector.
//
//   class NetlinkTest : public PreloadTest {};
//   EXPECT_EQ(Run({PRELOAD_CLIENT, "resolve"}).output, "…");
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_descriptor.h"

namespace fairlead::preload {

struct Outcome {
  int exit_code = -1;
  std::string output, errors;
};

// A program that is running, with its standard input and output.
class Running {
 public:
  Running(const std::vector<std::string>& words, const std::string& socket) {
    int in[2], out[2], err[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 ||
        ::pipe2(err, O_CLOEXEC) != 0) {
      std::abort();
    }
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(err[1], 2);
      ::setenv("LD_PRELOAD", FAIRLEAD_PRELOAD, 1);
      ::setenv("FAIRLEAD_IPVS_SOCKET", socket.c_str(), 1);
      ::setenv("LC_ALL", "C", 1);
      std::vector<char*> arguments;
      for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    for (const int end : {in[0], out[1], err[1]}) ::close(end);
    input_ = FileDescriptor(in[1]);
    output_ = FileDescriptor(out[0]);
    errors_ = FileDescriptor(err[0]);
  }

  std::string ReadLine() {
    std::string line;
    char byte;
    while (::read(output_.get(), &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
  }
  void WriteLine() { Write("\n"); }
  void Signal(int number) { ::kill(pid_, number); }
  // As much as a pipe holds.
  void Write(const std::string& text) {
    EXPECT_EQ(::write(input_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  Outcome Finish() {
    input_ = FileDescriptor();
    Outcome outcome;
    pollfd waited[2] = {{output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}};
    std::string* texts[2] = {&outcome.output, &outcome.errors};
    for (int open = 2; open > 0;) {
      ::poll(waited, 2, -1);
      for (int i = 0; i < 2; ++i) {
        if (waited[i].revents == 0) continue;
        char piece[4096];
        const ssize_t got = ::read(waited[i].fd, piece, sizeof piece);
        if (got > 0) texts[i]->append(piece, static_cast<size_t>(got));
        if (got <= 0) {
          waited[i].fd = -1;
          --open;
        }
      }
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
    return outcome;
  }

 private:
  pid_t pid_ = -1;
  FileDescriptor input_, output_, errors_;
};

class PreloadTest : public testing::Test {
 protected:
  PreloadTest() {
    char name[] = "/tmp/preload_test.XXXXXX";
    folder_ = ::mkdtemp(name);
    socket_ = folder_ + "/ipvs.sock";
  }
  ~PreloadTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Outcome Run(const std::vector<std::string>& words) const {
    return Running(words, socket_).Finish();
  }

  std::string folder_, socket_;
};

}  // namespace fairlead::preload
