// Log lines on a thread of their own, so that whoever reads them may stand still and nobody waits.
//
//   const LogWriter writer;          // in main, first of all; Log() only queues from here on
//   …
//   }                                // its end writes what is queued, for two seconds at the most
//
// Theory of operation. Standard error may be a pipe, a terminal or the journal's socket, and each
// of them makes a writer wait when its reader does. O_NONBLOCK is no way out: it belongs to the
// open file, which the parent and its other children share, and it would cut lines in two. So one
// thread writes and may wait, and the others push into a queue of kMostLogBytes. When it is full,
// lines are dropped until half of it is written; then one line, at the place of the gap, says how
// many are missing. A line is one write(2).
//
// Without a writer (in tests, and in programs that end at once) Log() writes itself.
//
// Threads: Log() from any. Invariants: one writer at a time, made and destroyed by one thread; a
// thread that still waits for a reader when the writer ends is left behind, and ends with the
// process.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace fairlead {

// About 30,000 lines: more than a reload of the largest configurations has to say.
inline constexpr size_t kMostLogBytes = size_t{4} << 20;
inline constexpr std::chrono::milliseconds kLastWords{2000};

class LogWriter {
 public:
  explicit LogWriter(int descriptor = STDERR_FILENO, size_t most_bytes = kMostLogBytes,
                     std::chrono::milliseconds last_words = kLastWords);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  class Queue;

 private:
  const std::chrono::milliseconds last_words_;
  std::shared_ptr<Queue> queue_;
};

// Lines that no reader has got: the queue was full, the descriptor gave an error, or there was no
// memory. Only rises.
uint64_t LogLinesDropped() noexcept;

// Waits until what has been queued is written, `patience` at the most. Before an abort.
void FlushLog(std::chrono::milliseconds patience) noexcept;

// A finished line, newline and all, on its way. What Log() calls.
void WriteLogLine(std::string line) noexcept;
void CountDroppedLogLine() noexcept;

}  // namespace fairlead
