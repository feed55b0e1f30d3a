// fairlead ipvs-exec COMMAND…: a program of the kernel's IPVS, with the library that leads it to
// the director (docs/ipvs_library.md).
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/problem.h"

namespace fairlead::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libfairlead-ipvs.so";

// As env(1) and nohup(1) do.
constexpr int kNotRun = 126, kNotFound = 127;

// Where the library may be: where the environment says, where it was installed, or beside this
// program in a build.
std::vector<fs::path> Places() {
  if (const char* given = std::getenv("FAIRLEAD_IPVS_LIBRARY")) return {given};
  std::vector<fs::path> places = {fs::path(FAIRLEAD_LIBDIR) / kLibrary};
  std::error_code ec;
  const fs::path here = fs::read_symlink("/proc/self/exe", ec).parent_path();
  if (!ec) places.push_back(here.parent_path() / "preload" / kLibrary);
  return places;
}

// The library, or nothing.
fs::path FindLibrary(const std::vector<fs::path>& places) {
  std::error_code ec;
  for (const fs::path& place : places) {
    if (::access(place.c_str(), R_OK) == 0) return fs::absolute(place, ec);
  }
  return {};
}

}  // namespace

int RunIpvsExec(const Arguments& arguments) {
  const auto refuse = [&](const char* word, const char* title, const std::string& detail,
                          int exit_code) {
    return PrintProblem({arguments.is_json, word, title, detail}, exit_code);
  };
  if (arguments.foreign.empty()) {
    return refuse("usage", "The command line is wrong",
                  "fairlead ipvs-exec: command is required; try fairlead ipvs-exec --help", kUsage);
  }
  const std::vector<fs::path> places = Places();
  const std::string library = FindLibrary(places);
  if (library.empty()) {
    return refuse("not-started", "The program could not be started",
                  places.front().string() +
                      " cannot be read; install it with the director, or name it in "
                      "FAIRLEAD_IPVS_LIBRARY",
                  kFailed);
  }
  // The dynamic linker ends a name at both.
  if (library.find_first_of(": ") != std::string::npos) {
    return refuse("not-started", "The program could not be started",
                  library + ": a library is not loaded from a path with a colon or a space",
                  kFailed);
  }
  const char* others = std::getenv("LD_PRELOAD");
  const bool has_others = others != nullptr && *others != '\0';
  ::setenv("LD_PRELOAD", (library + (has_others ? ":" + std::string(others) : "")).c_str(), 1);
  if (!arguments.socket.empty()) {
    std::error_code ec;  // programs change their directory
    ::setenv("FAIRLEAD_IPVS_SOCKET", fs::absolute(arguments.socket, ec).c_str(), 1);
  }
  std::vector<std::string> words = arguments.foreign;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  const int error = errno;
  return refuse("not-started", "The program could not be started",
                "cannot run " + ToUtf8(words[0]) + ": " + std::strerror(error),
                error == ENOENT ? kNotFound : kNotRun);
}

}  // namespace fairlead::cli
