#include "cli/doctor/machine.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace fairlead::cli {

namespace fs = std::filesystem;

std::string Machine::Text(const std::string& path) const {
  constexpr std::streamsize kMost = 1 << 20;
  std::ifstream file(Place(path));
  std::string text(kMost, '\0');
  file.read(text.data(), kMost);
  text.resize(static_cast<size_t>(file.gcount()));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::vector<std::string> Machine::Lines(const std::string& path) const {
  std::istringstream text(Text(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::optional<int64_t> Machine::Number(const std::string& path) const {
  const std::string text = Text(path);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return number;
}

bool Machine::Has(const std::string& path) const {
  std::error_code ec;
  return fs::exists(fs::symlink_status(Place(path), ec));
}

std::string Machine::LinkEnd(const std::string& path) const {
  std::error_code ec;
  return fs::read_symlink(Place(path), ec).filename().string();
}

std::vector<std::string> Machine::Names(const std::string& path) const {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator at(Place(path), ec), end; !ec && at != end; at.increment(ec)) {
    names.push_back(at->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::optional<Machine::Rights> Machine::RightsOf(const std::string& path) const {
  struct stat status {};
  if (::stat(Place(path).c_str(), &status) != 0) return std::nullopt;
  return Rights{status.st_mode & 07777, status.st_uid, status.st_gid};
}

std::vector<std::string> Machine::Directors() const {
  std::vector<std::string> found;
  for (const std::string& name : Names("/proc")) {
    const bool is_process = name.find_first_not_of("0123456789") == std::string::npos;
    if (is_process && Text("/proc/" + name + "/comm") == "fairleadd") found.push_back(name);
  }
  return found;
}

std::vector<uint32_t> CoresIn(const std::string& list) {
  constexpr uint32_t kMost = 8192;  // of a kernel
  std::vector<uint32_t> cores;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    uint32_t first = 0, last = 0;
    const char* const end = part.data() + part.size();
    auto [rest, error] = std::from_chars(part.data(), end, first);
    if (error != std::errc{}) continue;
    last = first;
    if (rest != end && *rest == '-') std::from_chars(rest + 1, end, last);
    for (uint32_t core = first; core <= last && core < kMost; ++core) cores.push_back(core);
  }
  return cores;
}

std::string JoinedCores(const std::vector<uint32_t>& cores, const std::string& between) {
  std::string text;
  for (const uint32_t core : cores) text += (text.empty() ? "" : between) + std::to_string(core);
  return text;
}

}  // namespace fairlead::cli
