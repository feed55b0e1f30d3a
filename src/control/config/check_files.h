// Whether this machine can make a check, a mail or a listener as the configuration wants it: files
// of TLS, and groups.
//
//   FaultOfTlsFiles({.ca = "/etc/ca.pem"});   // {"ca", "/etc/ca.pem: No such file or directory"}
//
// Only a word of warning comes of it: the file may be for another machine, or will be there in
// time. Regular files of a mebibyte at most are read, nothing else is opened. Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::control {

struct NamedTlsFiles {
  std::string ca{}, certificate{}, key{};  // empty: not named
  friend auto operator<=>(const NamedTlsFiles&, const NamedTlsFiles&) = default;
};

struct FileFault {
  std::string_view key;  // of the configuration: "ca"
  std::string sentence;
};

// None: they are there, PEM, and fit together.
std::optional<FileFault> FaultOfTlsFiles(const NamedTlsFiles& files);

// Empty: no group is named, or there is one of that name.
std::string FaultOfGroup(const std::string& name);

// Empty: a regular file that is not too large, and may be read by us or by others.
std::string FaultOfPlainFile(const std::string& path);
// What the owner of a file does about one that we may not read, or that is not there, to be put
// behind the fault; empty: it is there.
std::string RemedyFor(const std::string& path);

}  // namespace fairlead::control
