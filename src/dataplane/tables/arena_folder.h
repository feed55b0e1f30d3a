// A directory of an arena: who may be there, and the files in it.
//
//   auto folder = ArenaFolder::Make("/dev/shm/fairlead-edge-1");
//   if (!folder) return folder.error();                              // a sentence with the remedy
//   if (Status locked = folder->Lock(); !locked) return locked.error();
//   auto records = folder->CreateMapped("sections-1", bytes, HugePages::kTransparent);
//
// The secrets of the tables are in these files, and whoever may write them rules every connection.
// So a directory that is a symbolic link, another user's, or open to others is refused, and files
// in it are opened without following links, for the director's user alone, closed on exec.
// Threads: one; start-up only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "dataplane/tables/memory.h"

namespace fairlead::dataplane {

// A file in memory, shared with whoever maps it next; unmapped by the destructor. The bytes stay
// where they are when it is moved.
class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] size_t size() const noexcept { return size_; }

 private:
  friend class ArenaFolder;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

enum class MapMode : uint8_t { kReadOnly, kReadWrite };

class ArenaFolder {
 public:
  ArenaFolder() = default;
  // `directory`: without a slash at its end. Make: with mode 0700, when nothing is there.
  static Result<ArenaFolder> Make(const std::string& directory);
  static Result<ArenaFolder> Open(const std::string& directory);

  // Held until the folder is destroyed. `passed`: locks that another process has passed on; the one
  // of this directory, if there is, is taken from it. Error: kExists, with the process that holds
  // it.
  Status Lock(std::vector<FileDescriptor>* passed = nullptr);
  // The lock goes to the caller, who holds it as long as it is open.
  [[nodiscard]] FileDescriptor ReleaseLock() { return std::move(lock_); }

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string file_system() const;  // "tmpfs", "hugetlbfs", "ext4", "type 0x…"

  // The first bytes of a file, at most `most`; nothing when there is none. Error: no plain file.
  [[nodiscard]] Result<std::optional<std::vector<std::byte>>> ReadStart(const std::string& name,
                                                                        size_t most) const;
  // A new file of zeroes that has memory for every byte: no store into it ends in SIGBUS. Errors:
  // kUnavailable without space, with the bytes; the file is removed then.
  [[nodiscard]] Result<MappedFile> CreateMapped(const std::string& name, uint64_t bytes,
                                                HugePages pages) const;
  // Errors: kNotFound when there is none; kInvalid when it is shorter than `bytes`; as above.
  [[nodiscard]] Result<MappedFile> OpenMapped(const std::string& name, uint64_t bytes, MapMode mode,
                                              HugePages pages) const;
  [[nodiscard]] std::vector<std::string> Names() const;
  // At one stroke; replaces.
  [[nodiscard]] Status Rename(const std::string& from, const std::string& to) const;
  // A second name. False when the file system refuses.
  [[nodiscard]] bool Link(const std::string& from, const std::string& to) const;
  // Nothing happens when there is none.
  [[nodiscard]] Status Remove(const std::string& name) const;

 private:
  [[nodiscard]] Result<FileDescriptor> OpenPlain(const std::string& name, int flags) const;
  [[nodiscard]] Status Reserve(const FileDescriptor& file, uint64_t bytes) const;
  [[nodiscard]] Result<MappedFile> Map(const FileDescriptor& file, uint64_t bytes, MapMode mode,
                                       HugePages pages) const;
  [[nodiscard]] Error NoSpace(uint64_t bytes) const;
  [[nodiscard]] Error FileError(const std::string& what, const std::string& name, int error) const;

  std::string directory_;
  FileDescriptor fd_;
  FileDescriptor lock_;
};

}  // namespace fairlead::dataplane
