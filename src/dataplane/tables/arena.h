// Memory that outlives the process: the records of the tables in files that whoever starts next
// takes up. It knows sections of bytes and no record; the page is docs/arena.md.
//
//   ArenaSpec spec{.directory = …, .director = "edge-1", .workers = 2};
//   spec.sections = {{"connections4", sizeof(Connection4), 4'000'000, kConnection4Layout}, …};
//   auto arena = Arena::Open(spec);
//   if (!arena) return arena.error();                  // nobody forwards without memory
//   Log(arena->start_reason());
//   arena->BeginTakeUp();
//   if (const PreviousArena* previous = arena->previous()) {
//     …                                                // move records into arena->section(w, 0)
//     if (Status done = arena->DropPrevious(); !done) return done.error();
//   } else if (HasRecords(arena->start())) {
//     …                                                // judge the records where they are
//   }
//   arena->EndTakeUp();                                // when this has run for a minute
//   arena->Beat();                                     // each second
//   arena->MarkStopped();                              // when it stops in order
//
// Whenever the process ends, also by SIGKILL and between any two instructions, the next start finds
// a whole arena: the old one until a new one has replaced it at one stroke. Of a section nothing
// else is promised: it has the bytes that were stored.
// Threads: one at a time opens and changes it. A section belongs to the worker it was given to.
// Invariant: sections do not move, not even when the arena is moved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "dataplane/tables/arena_folder.h"
#include "dataplane/tables/arena_header.h"
#include "dataplane/tables/arena_spec.h"
#include "dataplane/tables/memory.h"

namespace fairlead::dataplane {

// Records for other workers or capacities, or of an earlier version, to be moved into the arena.
// They are the truth until Arena::DropPrevious: a process that ends before finds them again.
class PreviousArena {
 public:
  [[nodiscard]] uint32_t workers() const { return workers_; }
  // Records of this version, in the order that they had; `index` is that of ArenaSpec::sections.
  // Empty for a section that did not exist then. Precondition: worker < workers().
  [[nodiscard]] std::span<const std::byte> section(uint32_t worker, size_t index) const;

 private:
  friend class ArenaOpening;
  friend class Arena;

  uint32_t workers_ = 0;
  ArenaFolder folder_;  // of the records, locked; unused where the arena has it open too
  MappedFile header_;   // written to: this one still has its name
  MappedFile records_;  // read only
  std::vector<MappedMemory> converted_;
  std::vector<std::span<const std::byte>> sections_;  // worker by worker
};

class Arena {
 public:
  // Errors: kInvalid for a spec, or a directory, that is refused; kExists when another process
  // holds it; kUnavailable without space; kSystem. Whatever is found in the files is no error.
  // `locks`: of the process before, which has passed them on (ReleaseLocks).
  static Result<Arena> Open(ArenaSpec spec, std::vector<FileDescriptor> locks = {});

  [[nodiscard]] ArenaStart start() const { return start_; }
  // What was found and what came of it: a sentence, for the log and the status.
  [[nodiscard]] const std::string& start_reason() const { return reason_; }
  // Between the last sign of life of what was taken up and now; 0 when there is nothing.
  [[nodiscard]] uint64_t down_ms() const { return down_ms_; }

  [[nodiscard]] const ArenaSecrets& secrets() const { return header().secrets; }
  // CLOCK_BOOTTIME of tick 0.
  [[nodiscard]] uint64_t epoch_boottime_ns() const { return header().epoch_ns; }
  [[nodiscard]] uint32_t workers() const { return header().workers; }
  // Zeroes where nothing was found. Preconditions: worker < workers(), index < sections.size().
  [[nodiscard]] std::span<std::byte> section(uint32_t worker, size_t index) const;
  [[nodiscard]] uint64_t memory_bytes() const { return records_.size(); }

  // With kReshaped and kConverted until DropPrevious, else null.
  [[nodiscard]] const PreviousArena* previous() const { return previous_.get(); }
  // What was moved is in force from here on; the old file is removed. Without previous(): nothing.
  Status DropPrevious();

  // A take-up that begins and does not end counts; after three in a row the next start sets the
  // arena aside.
  void BeginTakeUp();
  void EndTakeUp();
  // A sign of life: what down_ms() of the next start counts from.
  void Beat();
  // The last store of a run that stops in order. Nothing may be written to a section afterwards.
  void MarkStopped();
  // The start is refused before it has forwarded anything, and no thread writes to a section any
  // more: the next start finds how the run before this one has ended, and when.
  void Withdraw();
  // After MarkStopped: for the process that goes on, which gets them without a moment in which
  // anybody else could.
  [[nodiscard]] std::vector<FileDescriptor> ReleaseLocks();

  // Private to the director, and locked by it: the place for what else is to survive. Names that
  // begin with "sections-", "set-aside-" and "new." and the names "header" and "lock" are taken.
  [[nodiscard]] const std::string& directory() const { return folder_.directory(); }
  [[nodiscard]] const std::string& sections_directory() const {
    return records_folder_ ? records_folder_->directory() : folder_.directory();
  }

 private:
  friend class ArenaOpening;
  Arena() = default;

  [[nodiscard]] ArenaHeader& header() const;
  // The one that the next start finds.
  [[nodiscard]] ArenaHeader& header_in_force() const;
  [[nodiscard]] const ArenaFolder& records_folder() const {
    return records_folder_ ? *records_folder_ : folder_;
  }
  ArenaStart start_ = ArenaStart::kNew;
  std::string reason_;
  uint64_t down_ms_ = 0;
  struct Found {  // in the header, before this process wrote to it
    bool was_running = false, was_stopped = false;
    uint64_t started_ns = 0;
  } found_;
  ArenaFolder folder_;
  std::unique_ptr<ArenaFolder> records_folder_;  // null: the same
  MappedFile header_;
  MappedFile records_;
  SectionMap map_;
  std::unique_ptr<PreviousArena> previous_;
};

}  // namespace fairlead::dataplane
