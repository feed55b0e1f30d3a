// A file of kept state: what it is, of which version, how long, and a checksum before the contents.
//
//   Status s = WriteStored("/dev/shm/fairlead-edge-1", kNamesFile, contents);
//   Result<std::optional<StoredContents>> contents = ReadStored(directory, kNamesFile);
//   // none: there is no such file; an error: there is one that cannot be used, and why
//
// A director is followed by one of a later version, so contents whose version rises are read in all
// versions from `oldest` on; the reader is told which it has before it.
//
// A file is written under another name and renamed, so that who dies on the way leaves the previous
// one. It is not forced to a disk: the directory is memory, and what outlives the process is what
// is wanted. The checksum finds damage, not malice: the directory is 0700 and ours. Threads: any;
// one writer a directory, which whoever gave the directory has locked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::control {

struct StoredKind {
  const char* name;  // of the file
  uint32_t number;   // in its head; from 0
  uint32_t version;  // of its contents, as they are written
  uint32_t oldest;   // version that is read
};
inline constexpr StoredKind kNamesFile{"names", 0, 2, 1};
inline constexpr StoredKind kIntentFile{"intent", 1, 3, 1};
inline constexpr StoredKind kHealthFile{"health", 2, 1, 1};
inline constexpr size_t kStoredKinds = 3;

struct StoredContents {
  std::string bytes{};
  uint32_t version = 0;
};

inline constexpr size_t kMaxStoredBytes = size_t{1} << 28;

// kToDisk: it is on the disk before it takes the place of the one before, so a power cut leaves one
// of the two.
enum class Durability : uint8_t { kToMemory, kToDisk };
Status WriteStored(const std::string& directory, const StoredKind& kind, std::string_view contents,
                   Durability durability = Durability::kToMemory);
Result<std::optional<StoredContents>> ReadStored(const std::string& directory,
                                                 const StoredKind& kind);
// Renames it to NAME.refused, in place of one that was there: it cannot be read here, and must not
// be overwritten. True when it is there now.
bool SetAsideStored(const std::string& directory, const StoredKind& kind);
// It is no longer to be believed. True when it is not there any more.
bool RemoveStored(const std::string& directory, const StoredKind& kind);

// The file's bytes, for WriteStored and for who has them already. `place` stands in the error.
std::string SealStored(const StoredKind& kind, std::string_view contents);
Result<StoredContents> OpenStored(const StoredKind& kind, std::string_view bytes,
                                  const std::string& place);

uint32_t ChecksumOf(std::string_view bytes);

}  // namespace fairlead::control
