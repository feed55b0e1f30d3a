// What systemd's journal wants of a line: its priority in front, "<4>" for a warning.
//
//   if (IsJournal(STDERR_FILENO)) text = std::string(PriorityOf(line)) + line;
//
// JOURNAL_STREAM in the environment has device and inode of the journal's socket (systemd.exec(5)).
// It is inherited by whatever is started from us, with standard error redirected or not, so the
// descriptor is looked at, too; and anew for each line, since an upgrade changes what stands there.
//
// Threads: any, as long as nobody changes the environment.
#pragma once

#include <string_view>

namespace fairlead {

bool IsJournal(int descriptor) noexcept;

// By the line's own `level=`; empty when it has none, which is a line of a library.
std::string_view PriorityOf(std::string_view line) noexcept;

}  // namespace fairlead
