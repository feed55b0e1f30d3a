// Reading and writing files of /proc.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "client.h"

namespace {

void Print(const std::string& text) {
  size_t sum = 0;
  for (const char byte : text) sum = sum * 31 + static_cast<unsigned char>(byte);
  Say(std::to_string(text.size()) + " bytes, " + std::to_string(sum));
}

}  // namespace

void ReadFile(const char* path, const std::string& how) {
  std::string text;
  char piece[5000];
  if (how == "stdio") {
    FILE* file = fopen(path, "re");
    if (file == nullptr) return Say(strerror(errno));
    while (fgets(piece, sizeof piece, file) != nullptr) text += piece;
    fclose(file);
    return Print(text);
  }
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Say(strerror(errno));
  if (how == "exec") {
    if (fork() == 0) {
      dup2(fd, 0);
      execlp("wc", "wc", "-c", nullptr);
    }
    wait(nullptr);
    return;
  }
  if (how == "some") {
    Say(std::to_string(read(fd, piece, 100)) + " bytes");
    close(fd);
    return Say(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD ? "no child" : "a child");
  }
  for (int round = 0; round < (how == "twice" ? 2 : 1); ++round) {
    if (round > 0) Say("seek " + std::to_string(lseek(fd, 0, SEEK_SET)));
    text.clear();
    ssize_t got;
    while ((got = read(fd, piece, sizeof piece)) > 0) text.append(piece, static_cast<size_t>(got));
    if (got < 0) {
      return Say(std::string(strerror(errno)) + ", after " + std::to_string(text.size()) +
                 " bytes");
    }
    Print(text);
  }
  if (how == "twice") Say(write(fd, "x", 1) < 0 ? strerror(errno) : "written");
}

void WriteFile(const char* path, const std::string& how, const char* value) {
  if (how == "stdio" || how == "close_range") {
    FILE* file = fopen(path, "w");
    if (file == nullptr) return Say(strerror(errno));
    fputs(value, file);
    if (how == "close_range") {
      fflush(file);
      return Say(close_range(3, ~0U, 0) == 0 ? "closed" : strerror(errno));
    }
    return Say(fclose(file) == 0 ? "closed" : strerror(errno));
  }
  const int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0644);
  if (fd < 0) return Say(strerror(errno));
  const ssize_t written = write(fd, value, strlen(value));
  Say(written < 0 ? strerror(errno) : "wrote " + std::to_string(written));
  close(fd);
}

void Look(const char* path) {
  struct stat status;
  Say(stat(path, &status) != 0  ? strerror(errno)
      : S_ISDIR(status.st_mode) ? "a folder"
                                : "a file of " + std::to_string(status.st_size));
  Say(access(path, R_OK) == 0 ? "readable" : strerror(errno));
  char* real = realpath(path, nullptr);
  Say(real == nullptr ? strerror(errno) : real);
}

void Modules(const std::string& modprobe) {
  Say("system: " + std::to_string(WEXITSTATUS(system((modprobe + " ip_vs").c_str()))));
  const auto run = [&](const char* name, const std::function<void()>& start) {
    const pid_t child = fork();
    if (child == 0) {
      start();
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    Say(std::string(name) + ": " + std::to_string(WEXITSTATUS(status)));
  };
  const char* path = modprobe.c_str();
  run("execl", [path] { execl(path, "modprobe", "-s", "--", "ip_vs_rr", nullptr); });
  run("execv of another", [path] {
    char* const words[] = {strdup("modprobe"), strdup("dummy"), nullptr};
    execv(path, words);
  });
  char room[64];
  socklen_t size = sizeof room;
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  Say(getsockopt(fd, IPPROTO_IP, 64 + 1024 + 64 + 1, room, &size) == 0 ? "" : strerror(errno));
}
