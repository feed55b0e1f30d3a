// What the tests of the arena share: a directory of their own, a made-up record, other processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/tables/arena.h"

namespace fairlead::dataplane {

// /dev/shm/fairlead-test-…, removed with all that is in it.
class ArenaDirectory {
 public:
  ArenaDirectory();
  ~ArenaDirectory();
  ArenaDirectory(const ArenaDirectory&) = delete;
  ArenaDirectory& operator=(const ArenaDirectory&) = delete;

  // Not made yet.
  [[nodiscard]] std::string arena() const { return path_ + "/arena"; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // The names of the arena's files, sorted, a blank between; "" when there is no directory.
  [[nodiscard]] std::string Names() const;
  // The number behind "sections-" in the only such name.
  [[nodiscard]] std::string SectionsFile() const;

 private:
  std::string path_;
};

struct MadeUpRecord {
  uint64_t key;    // 0: free
  uint64_t value;  // 7 × key
};

inline constexpr uint64_t kFlowsLayout = 0x11, kNotesLayout = 0x22;
inline constexpr size_t kFlows = 0, kNotes = 1;  // indexes of the sections

// Two workers, 1,000 flows of 16 bytes and 10 notes of 8 each, in small pages.
ArenaSpec MadeUpSpec(const std::string& directory);

std::span<MadeUpRecord> Flows(const Arena& arena, uint32_t worker);
std::span<const MadeUpRecord> PreviousFlows(const Arena& arena, uint32_t worker);
// The keys of whole records, over all workers. A record that is neither whole nor free: a failure.
std::vector<uint64_t> Keys(const Arena& arena);
std::vector<uint64_t> PreviousKeys(const Arena& arena);
std::vector<uint64_t> OneTo(uint64_t count);
// Keys 1…count, spread over the workers.
void Fill(const Arena& arena, uint64_t count);
// Copies what previous() has, spread over the workers there are now.
void Move(Arena& arena);

// Opens, fills with 1…count, stops in order.
void LeaveArena(const ArenaSpec& spec, uint64_t count);
// Opens it or fails the test.
Arena OpenArena(const ArenaSpec& spec);
// "" when it opens.
std::string RefusalOf(const ArenaSpec& spec);

// What `work` returns, in a process of its own that may mount: as root, or as the root of a user
// namespace.
std::string InMountNamespace(const std::function<std::string()>& work);

}  // namespace fairlead::dataplane
