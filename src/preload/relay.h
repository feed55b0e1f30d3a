// The process that fetches a long file for the program: records in, text out, as the program reads.
//
//   const int fd = StartRelay(begun, link_fd, O_CLOEXEC);  // what was fetched, and the rest
//
// The text comes by a pair of stream sockets. In the relay's end lies a byte that it takes only
// when the text is complete: a socket that is closed over an unread byte resets its peer. So a text
// that breaks off, and a relay that is killed, end with a read error and not like a whole file.
//
// Threads: any. Invariant: between fork and end the relay makes system calls alone; it takes no
// lock, and it has no descriptor of the program but its three.
#pragma once

#include <stddef.h>

namespace fairlead::preload {

enum class TextState { kMore, kComplete, kRefused };

// Writes the text of one record to `to` (-1: nowhere) and adds its length. kRefused sets *error;
// an acknowledgement is complete.
TextState TextOf(char* record, size_t size, int to, size_t* length, int* error);

// A descriptor to read from, or -1 with errno. `begun` is read from its beginning; both
// descriptors stay the caller's.
int StartRelay(int begun, int link_fd, int flags);

}  // namespace fairlead::preload
