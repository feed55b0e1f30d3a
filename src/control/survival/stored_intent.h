// What was changed by hand, and over which file: what a director needs, besides that file, to be at
// its start what it was before.
//
//   std::string contents = EncodeIntent(intent);
//   Result<StoredIntent> intent = DecodeIntent(contents, kIntentFile.version);
//   // replay.h makes an intent of it and of the file as it is now
//
// Of a service that was changed both versions are kept, the file's and the one in force: so a file
// that has been edited since can be told from the changes by hand, key by key. The size is that of
// the changes, not of the configuration. Services and policies are YAML, as Dump writes them.
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/drain.h"
#include "control/identity.h"
#include "control/survival/stored_file.h"

namespace fairlead::control {

// Enough to see that a file has changed.
struct FileMark {
  uint64_t bytes = 0;
  uint32_t checksum = 0;
  friend bool operator==(const FileMark&, const FileMark&) = default;
};
// All 0 when the file cannot be read.
FileMark MarkOf(const std::string& path);

struct StoredIntent {
  using RealKey = std::pair<ServiceIdentity, RealIdentity>;

  struct Pair {  // as the file has it, and as it is in force; empty: not there
    std::string file{}, running{};
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  struct Service {
    ServiceIdentity key{};
    uint32_t place = 0;  // in the model in force
    Pair text{};
  };

  std::string boot{};        // of the machine, for the clock of deadlines
  std::string start_path{};  // what -c named
  std::string path{};        // of the file in force
  FileMark start_mark{};     // of start_path, when another file is in force
  uint32_t file_services = 0;
  std::vector<Service> services{};
  Pair timeouts{}, policy{};  // both empty: not changed by hand
  Pair ipvs_sync{};           // likewise
  std::vector<std::pair<RealKey, int32_t>> last_weights{};
  std::vector<std::pair<RealKey, DrainPlan>> drains{};
  // Who has changed services of these names last, where that is known: "ipvs: ipvsadm, pid 814".
  std::map<std::string, std::string> authors{};
};

std::string EncodeIntent(const StoredIntent& intent);
// What WriteStored says of these contents. Without authors they are those of version 2, which an
// earlier director reads, too.
StoredKind KindOf(const StoredIntent& intent);
// Version 1 knows no change of sync.ipvs, version 2 no authors.
Result<StoredIntent> DecodeIntent(std::string_view contents, uint32_t version);

}  // namespace fairlead::control
