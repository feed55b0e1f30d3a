// Dumps that are on their way to the program: the director has more than was read so far.
//
//   StartDump(…) → first datagram → the program reads → AfterReceive(…) → … → NLMSG_DONE
//
// One datagram of a dump waits in the socket's queue at a time; the next is put there when the
// program has taken it, as the kernel does. So a dump of any length takes one record of memory.
// Threads: any; one thread at a time works for a dump, and what others have read meanwhile is for
// it to make up for.
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "preload/delivery.h"
#include "preload/link.h"

namespace fairlead::preload {

// A record from the director and how much of it has been delivered. From malloc.
struct Record {
  char* bytes = nullptr;
  size_t at = 0, end = 0;
  bool is_last = false;  // NLMSG_DONE or an error is in it
};

// Whether the record ends a dump.
bool EndsDump(const Record& record);

// Takes over the link and the record, and delivers the first datagram. ENOBUFS: there are too many
// dumps.
Put StartDump(const Delivery& delivery, uint32_t sequence, Link* link, Record* record);
bool IsDumping(ino_t socket);

// After the program has taken a datagram, with `room` bytes to read into.
void AfterReceive(int fd, size_t room);
// Whether any dump is on its way: else AfterReceive need not be called.
bool AnyDump();

// After the program has closed a descriptor of the socket: its dump ends when that was the last.
void EndDumpUnlessHeld(ino_t socket);
// After it has closed many: the same for every dump.
void EndDumpsNotHeld();
// In a child after fork: the parent goes on with its dumps.
void ForgetDumps();

}  // namespace fairlead::preload
