// A new program started beside this one, as the one that runs sees it (docs/upgrade.md).
//
//   auto successor = Successor::Start({.binary = "/usr/local/sbin/fairleadd",
//                                      .arguments = {"-c", "/etc/fairlead/fairlead.yaml"}});
//   if (!successor) return successor.error();            // it cannot be executed
//   if (Status s = (*successor)->AwaitReady(60s, stop); !s) return s.error();   // and has ended
//   (*successor)->RelayWords(stop);                      // until its standard error is another
//   …
//   (*successor)->HandOver(std::move(estate));           // another thread may call this meanwhile
//
// Its standard error is a pipe until it takes over, so that what it said last can be told when it
// fails, also what the dynamic linker said. Each line goes to our log as it is. A successor that
// fails or is given up is killed, and waited for.
// Threads: one for Start, AwaitReady and RelayWords; HandOver and AwaitForwarding after AwaitReady,
// by one other.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "main/handover.h"

namespace fairlead {

struct SuccessorPlan {
  std::string binary{};                  // with a slash in it
  std::vector<std::string> arguments{};  // without the name of the program
  bool packets_on_hugepages = false;     // ours are; so its are to be
};

class Successor {
 public:
  // The end of an upgrade that nothing is heard of.
  static constexpr std::chrono::seconds kPatience{60};

  static Result<std::unique_ptr<Successor>> Start(const SuccessorPlan& plan);
  // Ends it unless it has been handed over to.
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  // Error: why it will not take over, as a sentence; it has ended. Comes back early, with an error,
  // when `stop` becomes true.
  Status AwaitReady(std::chrono::milliseconds patience, const std::atomic<bool>& stop);
  // What it says goes to our log, until it says nothing more here or `stop` becomes true.
  void RelayWords(const std::atomic<bool>& stop);

  Status HandOver(Estate estate);
  // It forwards. Error: it has ended, or is not there yet.
  Status AwaitForwarding(std::chrono::milliseconds patience);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& version() const { return version_; }  // after AwaitReady

 private:
  Successor(HandoverChannel channel, FileDescriptor words, pid_t pid)
      : channel_(std::move(channel)), words_(std::move(words)), pid_(pid) {}

  // False: it has closed its end.
  bool ReadWords();
  void TakeLine(std::string line);
  // Kills it, waits for it, and says how it ended and what it said.
  std::string End();
  std::string LastWords() const;

  HandoverChannel channel_;
  FileDescriptor words_;  // the read end of its standard error
  pid_t pid_;             // -1: waited for
  std::string version_;
  std::string begun_line_;
  std::deque<std::string> last_lines_;
  bool is_handed_over_ = false;
};

}  // namespace fairlead
