// One start of an arena: finds what is there, judges it, and makes what has to be made. Used by
// Arena::Open alone.
//
// Order of what is done, so that the next start finds the old arena or the new one whatever
// happens:
//   lock → read and judge the header → remove what is not in force
//   in use again:  map both files
//   moved:         make sections-N and new.header; both arenas are mapped until DropPrevious
//   empty:         keep the old files as set-aside-TIME.* if they are a loss; make sections-N and
//                  new.header; rename new.header to header; remove the old sections
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/tables/arena.h"

namespace fairlead::dataplane {

inline constexpr char kHeaderName[] = "header";
inline constexpr char kNewHeaderName[] = "new.header";

// Of the file of records with this number.
std::string SectionsName(uint64_t number);

uint64_t BoottimeNs();
// This boot of the machine, and now. Error: it cannot be read.
Result<ArenaWitness> ReadWitness();

// Precondition: `file` has kArenaHeaderBytes.
inline ArenaHeader& HeaderIn(const MappedFile& file) {
  return *reinterpret_cast<ArenaHeader*>(file.data());
}

// Removes the files of records that `in_force` does not name, and a header that was not put in
// force.
Status RemoveUnused(const ArenaFolder& folder, const ArenaFolder& records_folder,
                    const ArenaHeader& in_force);

class ArenaOpening {
 public:
  // Precondition: CheckArenaSpec(spec).
  ArenaOpening(ArenaSpec spec, std::vector<FileDescriptor> locks)
      : spec_(std::move(spec)), locks_(std::move(locks)) {}
  Result<Arena> Run();

 private:
  Status OpenFolders();
  Status ReadHeader();
  Status UseAgain();
  Status BesidePrevious();
  // Opens what found_ names.
  Status OpenPrevious(PreviousArena& previous);
  Status ConvertPrevious(PreviousArena& previous) const;
  Status StartEmpty();
  // sections-N and new.header, mapped, and not yet in force.
  Status MakeNew(const ArenaOrigin& origin);
  // Second names for the old files: the first are removed later.
  Status KeepForALook();
  Status RemoveKept();
  Status RemoveOld();
  void BeginRun();

  ArenaSpec spec_;
  std::vector<FileDescriptor> locks_;  // passed on by the process before
  Arena arena_;
  ArenaWitness witness_;
  ArenaVerdict verdict_;
  std::optional<ArenaHeader> found_;  // when it is whole
  bool has_header_ = false;
};

}  // namespace fairlead::dataplane
