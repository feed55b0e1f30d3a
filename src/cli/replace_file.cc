#include "cli/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/file_descriptor.h"
#include "control/config/read_file.h"
#include "control/config/yaml_tree.h"

namespace fairlead::cli {

namespace {

Error FailureTo(const std::string& what) {
  const bool is_denied = errno == EACCES || errno == EPERM;
  return {ErrorCode::kSystem,
          "cannot " + what + ": " + std::strerror(errno) +
              (is_denied ? "; who runs this must be allowed to write the file and its directory: "
                           "sudo fairlead config save"
                         : ""),
          ""};
}

bool WriteAll(int file, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(file, text.data() + at, text.size() - at);
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

// The new name has to be on the disk, too. Where that cannot be had, the file is replaced
// nevertheless, so there is nothing to report.
void SyncDirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const FileDescriptor directory(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) (void)::fsync(directory.get());
}

}  // namespace

// Beside the file first, then in its place.
Status ReplaceFile(const std::string& path, const std::string& was, const std::string& text) {
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return FailureTo("look at " + path);
  std::string beside = path + ".XXXXXX";  // a new name each time: a crash may have left a file
  FileDescriptor file(::mkostemp(beside.data(), O_CLOEXEC));
  if (!file) return FailureTo("write " + path);
  const bool is_written = ::fchown(file.get(), is.st_uid, is.st_gid) == 0 &&
                          ::fchmod(file.get(), is.st_mode & 07777) == 0 &&
                          WriteAll(file.get(), text) && ::fsync(file.get()) == 0;
  const auto give_up = [&beside](Error error) {
    ::unlink(beside.c_str());
    return error;
  };
  if (!is_written) return give_up(FailureTo("write " + path));
  // As late as can be: an edit that comes between this look and the rename is lost.
  const Result<std::string> now = control::ReadFile(path, control::kMaxYamlBytes);
  if (!now || *now != was) {
    return give_up({ErrorCode::kInvalid,
                    path + " has been edited just now; run fairlead config save again", ""});
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return give_up(FailureTo("write " + path));
  SyncDirectoryOf(path);
  return Done{};
}

}  // namespace fairlead::cli
