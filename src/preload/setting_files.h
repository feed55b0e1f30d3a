// /proc/sys/net/ipv4/vs/NAME opened for writing.
//
//   open → a memory file → write(2) goes to the director at once and gets its errno
//                        → what came by stdio, whose writing cannot be seen, goes at close
//
// A memory file is told by its inode, so it may be dup'ed and handed to a child. Threads: any.
// Invariant: at most kOpenSettings are known; the oldest is forgotten.
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace fairlead::preload {

// A descriptor, or -1 with errno.
int OpenSetting(const char* path, int flags);

// Whether fd is such a file; then *written is what write(2) returns.
bool WriteSetting(int fd, const void* data, size_t size, ssize_t* written);
bool WriteSettingParts(int fd, const iovec* parts, size_t count, ssize_t* written);

bool MayBeSetting(int fd);
// Before fd is closed or taken by dup2: sends what has been written and not sent. 0, or an errno.
int BeforeClose(int fd);
// The same for all from `first` to `last`, as far as they are what they were opened as.
void BeforeCloseRange(unsigned first, unsigned last);
// At the start: a shell may have opened the program's output for us, `cat value > /proc/sys/…`.
void AdoptSettings();
// In a child after fork: the thread that held the lock is not there.
void RenewSettingsLock();
// At the end of the program.
void SendUnsentSettings();

}  // namespace fairlead::preload
