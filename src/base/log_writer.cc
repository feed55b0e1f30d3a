#include "base/log_writer.h"

#include <poll.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "base/journal.h"
#include "base/log.h"

namespace fairlead {
namespace {

std::atomic<uint64_t> g_dropped{0};

// False: the descriptor does not take it, now and for ever.
bool WriteWhole(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {  // somebody else has made it non-blocking
      pollfd space{.fd = descriptor, .events = POLLOUT, .revents = 0};
      poll(&space, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

// One write(2) for priority and line: they must not come apart.
bool WriteLine(int descriptor, std::string_view line) {
  const std::string_view priority = IsJournal(descriptor) ? PriorityOf(line) : "";
  if (priority.empty()) return WriteWhole(descriptor, line);
  std::string text(priority);
  text += line;
  return WriteWhole(descriptor, text);
}

}  // namespace

class LogWriter::Queue {
 public:
  Queue(int descriptor, size_t most_bytes) : descriptor_(descriptor), most_bytes_(most_bytes) {}

  void Push(std::string line) {
    {
      const std::lock_guard lock(mutex_);
      // An empty queue takes any line: a gap is told of when a line before it is written.
      const bool is_full = !lines_.empty() && bytes_ + line.size() > most_bytes_;
      if (is_closed_ || gap_ > 0 || is_full) {
        ++gap_;
        CountDroppedLogLine();
        return;
      }
      Append(std::move(line));
    }
    news_.notify_one();
  }

  // The thread's. Ends when the queue is closed and empty.
  void Run() noexcept {
    for (;;) {
      try {
        if (!WriteNext()) break;
      } catch (...) {  // no memory to say how many are missing: they are counted
        CountDroppedLogLine();
      }
    }
  }

  // No more lines are taken; true when all that were are written in time.
  bool Close(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    is_closed_ = true;
    news_.notify_one();
    return WaitUntilWritten(lock, patience);
  }
  bool Flush(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return WaitUntilWritten(lock, patience);
  }

 private:
  // Counted when it is there: pushing may find no memory.
  void Append(std::string line) {
    const size_t size = line.size();
    lines_.push_back(std::move(line));
    bytes_ += size;
  }

  bool WaitUntilWritten(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience) {
    return written_.wait_for(lock, patience, [this] { return lines_.empty() && !is_writing_; });
  }

  bool WriteNext() {
    std::unique_lock lock(mutex_);
    is_writing_ = false;
    if (lines_.empty()) written_.notify_all();
    news_.wait(lock, [this] { return !lines_.empty() || is_closed_; });
    if (lines_.empty()) return false;
    const std::string line = std::move(lines_.front());
    lines_.pop_front();
    bytes_ -= line.size();
    is_writing_ = true;
    // All that is queued was said before the gap.
    if (gap_ > 0 && bytes_ <= most_bytes_ / 2) {
      const uint64_t missing = gap_;
      gap_ = 0;
      Append(FormatLogLine(LogLevel::kWarning,
                           "log lines were dropped: who reads the log did not keep up",
                           {{"lines", missing}}));
    }
    lock.unlock();
    if (!WriteLine(descriptor_, line)) CountDroppedLogLine();
    return true;
  }

  const int descriptor_;
  const size_t most_bytes_;
  std::mutex mutex_;
  std::condition_variable news_, written_;
  // Under the mutex:
  std::deque<std::string> lines_;
  size_t bytes_ = 0;  // of the lines
  uint64_t gap_ = 0;  // dropped since the queue was full; while there are some, no line is taken
  bool is_writing_ = false;
  bool is_closed_ = false;
};

namespace {

struct Current {
  std::mutex mutex;
  std::shared_ptr<LogWriter::Queue> queue;  // null: Log() writes itself
};

Current& TheCurrent() {
  static auto* current = new Current;  // never destroyed: drivers log while the process ends
  return *current;
}

std::shared_ptr<LogWriter::Queue> CurrentQueue() {
  Current& current = TheCurrent();
  const std::lock_guard lock(current.mutex);
  return current.queue;
}

void SetCurrentQueue(std::shared_ptr<LogWriter::Queue> queue) {
  Current& current = TheCurrent();
  const std::lock_guard lock(current.mutex);
  current.queue = std::move(queue);
}

// Signals are for others: the thread begins with all of them blocked.
void StartThread(const std::shared_ptr<LogWriter::Queue>& queue) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread([queue] { queue->Run(); });
    pthread_setname_np(thread.native_handle(), "fl-log");
    thread.detach();  // it may never come back from a write
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

LogWriter::LogWriter(int descriptor, size_t most_bytes, std::chrono::milliseconds last_words)
    : last_words_(last_words), queue_(std::make_shared<Queue>(descriptor, most_bytes)) {
  StartThread(queue_);
  SetCurrentQueue(queue_);
}

LogWriter::~LogWriter() {
  // With a reader that stands still the closed queue stays in place: what is said now is lost, and
  // nobody waits for it.
  if (queue_->Close(last_words_)) SetCurrentQueue(nullptr);
}

uint64_t LogLinesDropped() noexcept { return g_dropped.load(std::memory_order_relaxed); }
void CountDroppedLogLine() noexcept { g_dropped.fetch_add(1, std::memory_order_relaxed); }

void FlushLog(std::chrono::milliseconds patience) noexcept {
  try {
    if (const auto queue = CurrentQueue()) queue->Flush(patience);
  } catch (...) {  // a lock that fails: what is left to say is lost
    CountDroppedLogLine();
  }
}

void WriteLogLine(std::string line) noexcept {
  try {
    if (const auto queue = CurrentQueue()) return queue->Push(std::move(line));
    if (!WriteLine(STDERR_FILENO, line)) CountDroppedLogLine();
  } catch (...) {
    CountDroppedLogLine();
  }
}

}  // namespace fairlead
