// One look at one real server: leads a dialogue over a socket and gives its verdict, once.
//
//   StartLook(host, {.target = target, .done = done}, WayOf(target.question));
//
// A look keeps itself alive by its handlers until its socket is closed. It calls nothing of its
// host from its destructor: the host may have gone before it. Threads: the one that runs the host's
// io.
#pragma once

#include <boost/system/error_code.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "control/health/dialogue/make_dialogue.h"
#include "control/health/look/look_host.h"
#include "control/health/prober.h"

namespace fairlead::control {

// What goes along when a question is asked over another way.
struct LookTask {
  ProbeTarget target{};
  std::function<void(ProbeResult)> done{};
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  TimePoint::duration deadline{};  // of the host's clock
};

class Look : public std::enable_shared_from_this<Look> {
 public:
  Look(LookHost& host, LookTask task, Way way)
      : host_(host), task_(std::move(task)), dialogue_(MakeDialogue(task_.target, way)) {}
  virtual ~Look() = default;

  // Never calls `done` itself, only from the host's io.
  void Start();
  void OnDeadline();

 protected:
  // Opens the socket and sets out; an errno, or EINPROGRESS or 0 when AwaitOpen() shall follow.
  virtual int Open() = 0;
  virtual void AwaitOpen() = 0;
  virtual void CloseSocket() = 0;
  // What has not come in time: "no answer".
  [[nodiscard]] virtual std::string MissingPart() const;

  // To the address that the target wants to be asked from; an errno.
  int BindSource(int socket);

  // `is_immediate`: the call itself failed (local_error.h).
  void Fail(int error, bool is_immediate);
  void Reject(std::string detail) { GiveUp({.detail = std::move(detail)}); }
  void FailHere(LocalError error, std::string detail) {
    GiveUp({.detail = std::move(detail), .local_error = error});
  }
  // By what the dialogue says, which is over.
  void JudgeByDialogue();
  void ReplaceDeadline(std::chrono::milliseconds in);
  void Close();

  [[nodiscard]] bool is_closed() const { return is_closed_; }
  [[nodiscard]] bool is_judged() const { return is_judged_; }
  [[nodiscard]] const ProbeTarget& target() const { return task_.target; }
  LookHost& host() { return host_; }
  Dialogue& dialogue() { return *dialogue_; }
  [[nodiscard]] const Dialogue& dialogue() const { return *dialogue_; }
  void set_certificate_expires(std::chrono::system_clock::time_point when) {
    certificate_expires_ = when;
  }
  // Not without the host's deadline cleared, so last of all: closes and asks over TCP.
  void AskAgainOverTcp();

 private:
  void Judge(ProbeResult result);
  void GiveUp(ProbeResult result);

  LookHost& host_;
  LookTask task_;
  std::unique_ptr<Dialogue> dialogue_;
  LookHost::Deadlines::iterator deadline_;  // valid until closed
  std::optional<std::chrono::system_clock::time_point> certificate_expires_;
  bool is_source_foreign_ = false;
  bool is_judged_ = false;
  bool is_closed_ = false;
};

// `task.deadline` is of the host's clock.
void StartLook(LookHost& host, LookTask task, Way way);

// A system's sentence, to be gone on with.
std::string Lowered(std::string text);

}  // namespace fairlead::control
