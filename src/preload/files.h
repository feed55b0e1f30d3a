// IPVS's files under /proc, as the director has them.
//
//   char path[kPathBytes];
//   if (ServedPath(name, path) != FileKind::kNone) return OpenForReading(path, flags);
//
// A short file becomes a memory file, which seeks like one of /proc. A long one is a stream: a
// process of its own fetches record by record as the program reads, so connections are never
// copied whole. That process is nobody's child and the program gets no signal from it; it ends when
// either side does. What it writes to goes on working over dup, fork and exec. A text that breaks
// off ends with a read error, ECONNRESET (relay.h).
//
// Threads: any.
#pragma once

#include <stddef.h>
#include <sys/types.h>

namespace fairlead::preload {

inline constexpr size_t kPathBytes = 128;

enum class FileKind { kNone, kProcNet, kSetting, kSettingsFolder };

// `path` becomes the name as the director knows it: /proc/net/ip_vs for /proc/self/net//ip_vs.
FileKind ServedPath(const char* name, char path[kPathBytes]);

// A descriptor, or -1 with errno: ENOENT also when there is no director.
int OpenForReading(const char* path, int flags);
// 0, or an errno.
int CheckExists(const char* path);
// 0, or an errno: what a write(2) of the text to the file would end with.
int WriteText(const char* path, const void* text, size_t size);

}  // namespace fairlead::preload
