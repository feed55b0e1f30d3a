#include "dataplane/tables/arena_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

namespace fairlead::dataplane {
namespace {

constexpr char kLockName[] = "lock";

Error System(std::string message) { return {ErrorCode::kSystem, std::move(message), ""}; }
Error Invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message), ""}; }

std::string Named(const std::string& directory) {
  return "the directory of the arena, " + directory + ", ";
}

Error MakeError(const std::string& directory, int error) {
  std::string remedy = "; name in director.arena one where the director may write, or say none";
  if (error == ENOENT) remedy = "; make the directory above it, or change director.arena";
  return System(Named(directory) + "cannot be made: " + std::strerror(error) + remedy);
}

Error OpenError(const std::string& directory, int error) {
  struct stat status {};
  if (::lstat(directory.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
    return Invalid(Named(directory) +
                   "is a symbolic link; remove it, or name in director.arena what it points to");
  }
  if (error == ENOTDIR) {
    return Invalid(Named(directory) + "is no directory; move it away, or change director.arena");
  }
  return System(Named(directory) + "cannot be opened: " + std::strerror(error) +
                "; give it to the director's user, or change director.arena");
}

Status CheckOwner(const std::string& directory, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return OpenError(directory, errno);
  if (status.st_uid != ::geteuid()) {
    return Invalid(Named(directory) + "belongs to user " + std::to_string(status.st_uid) +
                   ", and the director is user " + std::to_string(::geteuid()) +
                   "; the secrets of the tables are in it: remove it, or change its owner");
  }
  if ((status.st_mode & 077) != 0) {
    return Invalid(Named(directory) +
                   "is open to other users; the secrets of the tables are in it: look who was "
                   "there, then chmod 0700 it");
  }
  return Done{};
}

// What the holder wrote; empty when it has not come that far, and on hugetlbfs.
std::string ReadHolder(int fd) {
  std::array<char, 24> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  const std::string_view read(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
  return std::string(read.substr(0, read.find('\n')));
}

// Whoever has a descriptor of the same open file has the same lock (flock(2)).
FileDescriptor TakePassedLock(const FileDescriptor& file, std::vector<FileDescriptor>* passed) {
  struct stat wanted {};
  if (passed == nullptr || ::fstat(file.get(), &wanted) != 0) return {};
  for (FileDescriptor& lock : *passed) {
    struct stat found {};
    if (!lock || ::fstat(lock.get(), &found) != 0) continue;
    if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino) continue;
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return std::move(lock);
  }
  return {};
}

}  // namespace

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Result<ArenaFolder> ArenaFolder::Make(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return MakeError(directory, errno);
  return Open(directory);
}

Result<ArenaFolder> ArenaFolder::Open(const std::string& directory) {
  ArenaFolder folder;
  folder.directory_ = directory;
  folder.fd_ = FileDescriptor(
      ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!folder.fd_) return OpenError(directory, errno);
  if (Status owned = CheckOwner(directory, folder.fd_.get()); !owned) return owned.error();
  return folder;
}

Status ArenaFolder::Lock(std::vector<FileDescriptor>* passed) {
  auto file = OpenPlain(kLockName, O_RDWR | O_CREAT);
  if (!file) return file.error();
  if (FileDescriptor lock = TakePassedLock(*file, passed)) {
    file = std::move(lock);
  } else if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError("lock", kLockName, errno);
    const std::string holder = ReadHolder(file->get());
    return Error{ErrorCode::kExists,
                 "the arena in " + directory_ + " is held by " +
                     (holder.empty() ? "another process" : "process " + holder) +
                     "; stop that one, or give this director another name or director.arena",
                 ""};
  }
  // Only so that a second start can say who holds it; hugetlbfs takes no write(2), and the folder
  // of the header has said it then.
  const std::string pid = std::to_string(::getpid()) + "\n";
  const bool is_told =
      ::ftruncate(file->get(), 0) == 0 && ::pwrite(file->get(), pid.data(), pid.size(), 0) >= 0;
  const int error = errno;
  if (!is_told && file_system() != "hugetlbfs") return FileError("write", kLockName, error);
  lock_ = *std::move(file);
  return Done{};
}

std::string ArenaFolder::file_system() const {
  struct statfs status {};
  if (::fstatfs(fd_.get(), &status) != 0) return "unknown";
  switch (static_cast<uint64_t>(status.f_type)) {
    case TMPFS_MAGIC:
      return "tmpfs";
    case HUGETLBFS_MAGIC:
      return "hugetlbfs";
    case EXT4_SUPER_MAGIC:
      return "ext4";
    default:
      break;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "type 0x%lx", static_cast<unsigned long>(status.f_type));
  return text.data();
}

// Never waits: a FIFO would.
Result<FileDescriptor> ArenaFolder::OpenPlain(const std::string& name, int flags) const {
  FileDescriptor file(::openat(fd_.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                               S_IRUSR | S_IWUSR));
  if (!file && errno == ENOENT && (flags & O_CREAT) == 0) {
    return Error{ErrorCode::kNotFound, directory_ + "/" + name + " is missing", ""};
  }
  if (!file) return FileError("open", name, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return FileError("look at", name, errno);
  if (!S_ISREG(status.st_mode)) {
    return Invalid(directory_ + "/" + name + " is no plain file; remove it");
  }
  return file;
}

Error ArenaFolder::FileError(const std::string& what, const std::string& name, int error) const {
  std::string remedy = "; look at the directory, or change director.arena";
  if (error == EROFS) remedy = "; change director.arena to a file system that can be written";
  if (error == EACCES) remedy = "; give the directory to the director's user, with mode 0700";
  if (error == ELOOP) remedy = "; it is a symbolic link: remove it";
  if (error == ENOSPC) remedy = "; its file system is full: " + file_system();
  const auto code = error == ENOSPC ? ErrorCode::kUnavailable : ErrorCode::kSystem;
  return {code,
          "cannot " + what + " " + directory_ + "/" + name +
              " of the arena: " + std::strerror(error) + remedy,
          ""};
}

Status ArenaFolder::Reserve(const FileDescriptor& file, uint64_t bytes) const {
  int error = 0;
  do {
    error = ::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  } while (error == EINTR);
  if (error == 0) return Done{};
  if (error != ENOSPC && error != EDQUOT && error != ENOMEM && error != EFBIG) {
    return System("the " + file_system() + " of " + directory_ +
                  " cannot reserve space for the arena: " + std::strerror(error) +
                  "; change director.arena to a directory on tmpfs, such as /dev/shm");
  }
  return NoSpace(bytes);
}

Error ArenaFolder::NoSpace(uint64_t bytes) const {
  struct statfs status {};
  const bool is_known = ::fstatfs(fd_.get(), &status) == 0;
  const uint64_t free = is_known ? static_cast<uint64_t>(status.f_bsize) * status.f_bavail : 0;
  const bool is_huge = file_system() == "hugetlbfs";
  return {ErrorCode::kUnavailable,
          "the arena needs " + std::to_string(bytes) + " bytes on the " + file_system() + " of " +
              directory_ + ", which has " + std::to_string(free) + " free; " +
              (is_huge ? "raise vm.nr_hugepages" : "give it more space") +
              ", lower director.connections, director.templates or director.side_records, or "
              "change director.arena",
          ""};
}

Result<std::optional<std::vector<std::byte>>> ArenaFolder::ReadStart(const std::string& name,
                                                                     size_t most) const {
  using Start = std::optional<std::vector<std::byte>>;
  const auto file = OpenPlain(name, O_RDONLY);
  if (!file && file.error().code == ErrorCode::kNotFound) return Start{};
  if (!file) return file.error();
  std::vector<std::byte> bytes(most);
  size_t size = 0;
  while (size < most) {
    const ssize_t got =
        ::pread(file->get(), bytes.data() + size, most - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("read", name, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  bytes.resize(size);
  return Start{std::move(bytes)};
}

// Begins on a huge page when it is as large as one: maps one more, and the file over the middle.
Result<MappedFile> ArenaFolder::Map(const FileDescriptor& file, uint64_t bytes, MapMode mode,
                                    HugePages pages) const {
  const int access = mode == MapMode::kReadWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  const uint64_t align = bytes >= kHugePage ? kHugePage : 0;
  auto* start = static_cast<std::byte*>(::mmap(nullptr, bytes + align, PROT_NONE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (start == MAP_FAILED) return FileError("map", "the records", errno);
  const auto address = reinterpret_cast<uintptr_t>(start);
  const uint64_t before = align == 0 ? 0 : (align - address % align) % align;
  if (before > 0) ::munmap(start, before);
  if (align > before) ::munmap(start + before + bytes, align - before);
  MappedFile mapped;
  void* at = ::mmap(start + before, bytes, access, MAP_SHARED | MAP_FIXED, file.get(), 0);
  if (at == MAP_FAILED) {
    const int error = errno;
    ::munmap(start + before, bytes);
    // hugetlbfs sets pages aside for a mapping, before fallocate(2) is asked.
    if (error == ENOMEM) return NoSpace(bytes);
    return FileError("map", "the records", error);
  }
  mapped.data_ = static_cast<std::byte*>(at);
  mapped.size_ = bytes;
  // Advice only: without transparent huge pages it is slower, not wrong.
  if (align > 0 && pages != HugePages::kOff) ::madvise(at, bytes, MADV_HUGEPAGE);
  return mapped;
}

Result<MappedFile> ArenaFolder::CreateMapped(const std::string& name, uint64_t bytes,
                                             HugePages pages) const {
  const auto file = OpenPlain(name, O_RDWR | O_CREAT | O_EXCL);
  if (!file) return file.error();
  auto fill = [&]() -> Result<MappedFile> {
    if (::ftruncate(file->get(), static_cast<off_t>(bytes)) != 0) {
      return FileError("set the size of", name, errno);
    }
    auto mapped = Map(*file, bytes, MapMode::kReadWrite, pages);
    if (!mapped) return mapped.error();
    // fallocate(2) knows nothing of the mapping's wish for huge pages, a first touch does; what
    // this one cannot touch, the next call refuses with a sentence.
    if (bytes >= kHugePage && pages != HugePages::kOff && file_system() == "tmpfs") {
      ::madvise(mapped->data(), bytes, MADV_POPULATE_WRITE);
    }
    if (Status reserved = Reserve(*file, bytes); !reserved) return reserved.error();
    return *std::move(mapped);
  };
  auto filled = fill();
  if (!filled) {
    if (Status removed = Remove(name); !removed) return removed.error();
  }
  return filled;
}

Result<MappedFile> ArenaFolder::OpenMapped(const std::string& name, uint64_t bytes, MapMode mode,
                                           HugePages pages) const {
  const auto file = OpenPlain(name, mode == MapMode::kReadWrite ? O_RDWR : O_RDONLY);
  if (!file) return file.error();
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return FileError("look at", name, errno);
  if (static_cast<uint64_t>(status.st_size) < bytes) {
    return Invalid(directory_ + "/" + name + " has " + std::to_string(status.st_size) +
                   " bytes instead of " + std::to_string(bytes));
  }
  // A file with holes would need memory later, in the middle of a burst.
  if (mode == MapMode::kReadWrite) {
    if (Status reserved = Reserve(*file, bytes); !reserved) return reserved.error();
  }
  return Map(*file, bytes, mode, pages);
}

std::vector<std::string> ArenaFolder::Names() const {
  std::vector<std::string> names;
  const int fd = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd), &::closedir);
  if (!directory) {
    ::close(fd);
    return names;
  }
  while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
  std::ranges::sort(names);
  return names;
}

Status ArenaFolder::Rename(const std::string& from, const std::string& to) const {
  if (::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) == 0) return Done{};
  return FileError("rename to " + to + " the file", from, errno);
}

bool ArenaFolder::Link(const std::string& from, const std::string& to) const {
  return ::linkat(fd_.get(), from.c_str(), fd_.get(), to.c_str(), 0) == 0;
}

Status ArenaFolder::Remove(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return Done{};
  return FileError("remove", name, errno);
}

}  // namespace fairlead::dataplane
