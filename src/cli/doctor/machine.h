// What the kernel and the files of a machine say of it: /proc, /sys, /etc and /dev, below a root
// that need not be "/".
//
//   const Machine machine("");                       // this one
//   machine.Text("/proc/sys/net/ipv4/ping_group_range");
//   machine.LinkEnd("/sys/bus/pci/devices/0000:3b:00.0/driver");   // "vfio-pci"
//
// What is not there is an empty text, no number, no name: no check has to tell a missing file from
// an empty one. Threads: a value; every call looks again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::cli {

class Machine {
 public:
  struct Rights {
    mode_t mode = 0;
    uid_t user = 0;
    gid_t group = 0;
  };

  // `root`: "" is this machine; else a directory that has a copy of another one's files.
  explicit Machine(std::string root) : root_(std::move(root)) {}

  // Without line ends at its end; at most 1 MiB.
  [[nodiscard]] std::string Text(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> Lines(const std::string& path) const;
  // A decimal number that begins the file.
  [[nodiscard]] std::optional<int64_t> Number(const std::string& path) const;
  [[nodiscard]] bool Has(const std::string& path) const;
  // The last part of where a symbolic link leads.
  [[nodiscard]] std::string LinkEnd(const std::string& path) const;
  // Of the entries of a directory, by name.
  [[nodiscard]] std::vector<std::string> Names(const std::string& path) const;
  [[nodiscard]] std::optional<Rights> RightsOf(const std::string& path) const;
  // The path as it has to be opened from outside.
  [[nodiscard]] std::string Place(const std::string& path) const { return root_ + path; }

  // Process ids of running directors.
  [[nodiscard]] std::vector<std::string> Directors() const;

 private:
  std::string root_;
};

// "0-3,8" as the kernel writes lists of cores.
std::vector<uint32_t> CoresIn(const std::string& list);
// "2, 3"
std::string JoinedCores(const std::vector<uint32_t>& cores, const std::string& between = ", ");

}  // namespace fairlead::cli
