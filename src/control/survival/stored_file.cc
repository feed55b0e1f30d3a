#include "control/survival/stored_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"
#include "control/survival/bytes.h"

namespace fairlead::control {
namespace {

constexpr std::string_view kMagic = "FLKEPT\r\n";  // which a transfer as text would break

std::string PathOf(const std::string& directory, const StoredKind& kind) {
  return directory + "/" + kind.name;
}

Error Failure(const char* what, const std::string& path, int error) {
  return {ErrorCode::kSystem, std::string("cannot ") + what + ": " + std::strerror(error), path};
}

Error Damaged(const std::string& place, const std::string& what) {
  return {ErrorCode::kInvalid, what, place};
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool ForceDirectory(const std::string& directory) {
  const FileDescriptor file(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return file && fsync(file.get()) == 0;
}

}  // namespace

uint32_t ChecksumOf(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::string SealStored(const StoredKind& kind, std::string_view contents) {
  ByteWriter head;
  head.U32(kind.number);
  head.U32(kind.version);
  head.U64(contents.size());
  head.U32(ChecksumOf(contents));
  return std::string(kMagic).append(head.Take()).append(contents);
}

Result<StoredContents> OpenStored(const StoredKind& kind, std::string_view bytes,
                                  const std::string& place) {
  if (!bytes.starts_with(kMagic)) return Damaged(place, "is not a file of Fairlead's state");
  ByteReader head(bytes.substr(kMagic.size()));
  const uint32_t number = head.U32();
  const uint32_t version = head.U32();
  const uint64_t size = head.U64();
  const uint32_t checksum = head.U32();
  if (!head.is_good()) return Damaged(place, "ends within its head");
  if (number != kind.number)
    return Damaged(place, "holds another kind of state than its name says");
  if (version < kind.oldest || version > kind.version) {
    const std::string upto =
        kind.oldest == kind.version ? "" : " to " + std::to_string(kind.version);
    return Damaged(place, "has version " + std::to_string(version) + ", and this program reads " +
                              std::to_string(kind.oldest) + upto);
  }
  const std::string_view contents = bytes.substr(kMagic.size() + 20);
  if (contents.size() != size) {
    return Damaged(place, "should have " + std::to_string(size) + " bytes of contents and has " +
                              std::to_string(contents.size()));
  }
  if (ChecksumOf(contents) != checksum) return Damaged(place, "is damaged: its checksum is wrong");
  return StoredContents{std::string(contents), version};
}

Status WriteStored(const std::string& directory, const StoredKind& kind, std::string_view contents,
                   Durability durability) {
  const std::string path = PathOf(directory, kind), fresh = path + ".new";
  if (unlink(fresh.c_str()) != 0 && errno != ENOENT) return Failure("remove", fresh, errno);
  FileDescriptor file(
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return Failure("create", fresh, errno);
  if (!WriteAll(file.get(), SealStored(kind, contents))) {
    const int error = errno;
    unlink(fresh.c_str());
    return Failure("write", fresh, error);
  }
  const bool is_forced = durability == Durability::kToDisk;
  if (is_forced && fsync(file.get()) != 0) return Failure("write to the disk", fresh, errno);
  if (close(file.Release()) != 0) return Failure("close", fresh, errno);
  if (rename(fresh.c_str(), path.c_str()) != 0) return Failure("rename", fresh, errno);
  if (is_forced && !ForceDirectory(directory)) {
    return Failure("write to the disk", directory, errno);
  }
  return Done{};
}

Result<std::optional<StoredContents>> ReadStored(const std::string& directory,
                                                 const StoredKind& kind) {
  const std::string path = PathOf(directory, kind);
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT) return std::optional<StoredContents>();
  if (!file) return Failure("open", path, errno);
  struct stat about {};
  if (fstat(file.get(), &about) != 0) return Failure("look at", path, errno);
  if (!S_ISREG(about.st_mode)) return Damaged(path, "is not a regular file");
  const auto size = static_cast<size_t>(about.st_size);
  if (size > kMaxStoredBytes) return Damaged(path, "is too large to be a file of kept state");
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = read(file.get(), bytes.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failure("read", path, errno);
    if (n == 0) break;  // shorter than it was: OpenStored says so
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  Result<StoredContents> contents = OpenStored(kind, bytes, path);
  if (!contents) return contents.error();
  return std::optional<StoredContents>(*std::move(contents));
}

bool SetAsideStored(const std::string& directory, const StoredKind& kind) {
  const std::string path = PathOf(directory, kind);
  return rename(path.c_str(), (path + ".refused").c_str()) == 0;
}

bool RemoveStored(const std::string& directory, const StoredKind& kind) {
  return unlink(PathOf(directory, kind).c_str()) == 0 || errno == ENOENT;
}

}  // namespace fairlead::control
