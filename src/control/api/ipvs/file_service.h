// The files below /proc that a kernel with IPVS has, as the socket of ipvs serves them: who has
// their texts implements this.
//
//   std::unique_ptr<FileText> text = files.Open("/proc/net/ip_vs");     // null: no such file
//   text->Next(kMostFileBytes, [](FileText::Piece piece) { …piece.text… });
//   files.Write("/proc/sys/net/ipv4/vs/drop_entry", "1\n", author, [](const Fault& fault) { … });
//
// Threads: the API thread alone, `done` included; it may be called before the function returns.
// Invariants: one Next at a time; a text that is let go of does not call `done` any more, so who
// has asked workers keeps what they answer to alive by itself.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "control/api/ipvs/wire.h"

namespace fairlead::ipvs {

// One reading of a file, from its beginning to its end. A table of a million connections is never
// in memory as a whole.
class FileText {
 public:
  struct Piece {
    std::string text{};
    bool is_last = false;
    int error = 0;  // of errno.h: the reading ends with it
  };

  virtual ~FileText() = default;
  // Up to `most_bytes` more; less, even nothing, does not mean the end.
  virtual void Next(size_t most_bytes, std::function<void(Piece)> done) = 0;
};

class FileService {
 public:
  virtual ~FileService() = default;
  // `path` as the program named it, made absolute and plain. Null: no such file.
  virtual std::unique_ptr<FileText> Open(const std::string& path) = 0;
  // `author` is who writes, in the words of edits ("ipvs: sysctl, pid 12, uid 0"). `done`: no
  // fault, or ENOENT no such file, EINVAL a bad value, EACCES not to be written, EPERM a value that
  // the director does not have, EAGAIN it cannot be changed now.
  virtual void Write(const std::string& path, const std::string& bytes, const std::string& author,
                     std::function<void(const Fault&)> done) = 0;
};

}  // namespace fairlead::ipvs
