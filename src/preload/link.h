// Connections to the director's socket.
//
//   Link link = TakeLink();                       // an idle one, or a new one
//   if (link.is_open() && link.Send(request, size, deadline) == Sent::kYes) {
//     const ssize_t got = link.Receive(record, kRecordBytes, deadline);
//   }
//   link.is_clean() ? GiveBack(&link) : link.Close();
//
// A link serves one request at a time. Idle links are kept, a few; a descriptor that the program
// has closed or taken for something else is noticed by its inode before each use, since daemons
// close all descriptors they find. Threads: TakeLink and GiveBack any; a Link belongs to one.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

namespace fairlead::preload {

// Milliseconds of the monotonic clock.
using Deadline = int64_t;
Deadline DeadlineAfter(int milliseconds);

// How long a request may take: a change waits for every worker.
inline constexpr int kAnswerMilliseconds = 10'000;

class Link {
 public:
  Link() = default;

  [[nodiscard]] bool is_open() const;
  // And made by the user that the program is now.
  [[nodiscard]] bool is_ours() const;
  [[nodiscard]] int fd() const { return fd_; }
  // It came out of the store, so that its director may have gone meanwhile.
  [[nodiscard]] bool is_used() const { return is_used_; }

  [[nodiscard]] bool Send(const void* request, size_t size, Deadline deadline);
  // Bytes of one record; 0: the director has hung up; -1: the time is over, or the record is too
  // long.
  [[nodiscard]] ssize_t Receive(void* record, size_t room, Deadline deadline);
  void Close();

 private:
  friend Link TakeLink(bool must_be_new);
  friend void GiveBack(Link* link);

  int fd_ = -1;
  ino_t inode_ = 0;
  uid_t user_ = 0;
  bool is_used_ = false;
};

// Not open when there is no director. A program that was served before, that finds the socket of a
// director that has just ended, or that was told how long, waits for the next one:
// PatienceMilliseconds(), once in an absence of the director.
Link TakeLink(bool must_be_new = false);
// For the next request. Only after the answer has been read to its end.
void GiveBack(Link* link);

// In a child after fork: what the parent keeps open is closed here, unused.
void ForgetLinks();

int PatienceMilliseconds();
const char* SocketPath();

// One line on standard error, once in the life of the process; nothing when descriptor 2 is no more
// what it was at the start: a program may have closed it and opened a file or a socket there.
void TellOnce(const char* what);
// At the start of the process: what descriptor 2 is.
void RememberStandardError();

}  // namespace fairlead::preload
