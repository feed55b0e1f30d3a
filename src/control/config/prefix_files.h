// The files of prefix sets that were read, so that one that is the same is not parsed and sorted
// again.
//
//   PrefixFiles files;                                  // lives as long as its owner reloads
//   files.Begin();
//   set.prefixes = *files.Read(file, path, problems);   // of each file that a configuration names
//   files.End();                                        // the configuration is right
//   files.AreUnchanged();                               // looks at all of them
//
// "The same" is said of the text, not of times and sizes. Only what is free of problems is kept.
// Threads: one.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "base/shared_list.h"
#include "control/config/problems.h"

namespace fairlead::control {

class PrefixFiles {
 public:
  // Reads and sorts as a PrefixSet wants it. `path`: of the set, for problems with lines; a file
  // that cannot be read is an error.
  Result<SharedVector<Prefix>> Read(const std::string& file, const std::string& path,
                                    Problems& problems);
  // Whether all files read from Begin to End still have the text they had then; false after a Begin
  // without its End. Reads them.
  [[nodiscard]] bool AreUnchanged() const;
  void Begin();
  // Forgets what was not read since Begin.
  void End();

 private:
  struct Known {
    std::string text;
    SharedVector<Prefix> prefixes;
    bool is_used = false;
  };
  std::map<std::string, Known> known_;
  bool is_complete_ = false;  // between End and Begin
};

}  // namespace fairlead::control
