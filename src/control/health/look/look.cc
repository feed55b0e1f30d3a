#include "control/health/look/look.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cctype>
#include <cerrno>
#include <utility>

#include "control/health/look/datagram_look.h"
#include "control/health/look/stream_look.h"

namespace fairlead::control {

namespace asio = boost::asio;
using boost::system::error_code;

void Look::Start() {
  deadline_ = host_.SetDeadline(task_.deadline, weak_from_this());
  host_.NoteOpened();
  if (const int error = Open(); error != 0 && error != EINPROGRESS) {
    asio::post(host_.io(), [self = shared_from_this(), error] { self->Fail(error, true); });
    return;
  }
  AwaitOpen();
}

void Look::OnDeadline() {
  if (is_judged_) return Close();
  dialogue_->Silence();
  if (dialogue_->is_over()) {
    JudgeByDialogue();
  } else {
    const std::string time = std::to_string(task_.target.timeout.count()) + " ms";
    Judge({.detail = MissingPart() + " in " + time, .is_silent = true});
  }
  Close();
}

std::string Look::MissingPart() const {
  return dialogue_->has_heard() ? "no whole answer" : "no answer";
}

void Look::Fail(int error, bool is_immediate) {
  if (is_closed_) return;
  std::string detail = Lowered(error_code(error, boost::system::system_category()).message());
  if (is_source_foreign_) {
    return FailHere(LocalError::kSystem, detail + ": is the source " +
                                             task_.target.source->ToString() +
                                             " an address of this machine?");
  }
  GiveUp({.detail = std::move(detail), .local_error = LocalErrorOf(error, is_immediate)});
}

void Look::GiveUp(ProbeResult result) {
  if (is_closed_) return;
  if (!is_judged_) Judge(std::move(result));
  Close();
}

void Look::JudgeByDialogue() {
  Judge({.is_ok = dialogue_->state() == Dialogue::State::kGood,
         .detail = dialogue_->detail(),
         .agent = dialogue_->agent()});
}

void Look::Judge(ProbeResult result) {
  is_judged_ = true;
  result.took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - task_.start);
  result.certificate_expires = certificate_expires_;
  if (result.is_ok) result.detail += " in " + std::to_string(result.took.count() / 1000) + " ms";
  std::exchange(task_.done, nullptr)(std::move(result));
}

void Look::ReplaceDeadline(std::chrono::milliseconds in) {
  host_.ClearDeadline(deadline_);
  deadline_ = host_.SetDeadline(host_.In(in), weak_from_this());
}

void Look::Close() {
  if (std::exchange(is_closed_, true)) return;
  host_.ClearDeadline(deadline_);
  CloseSocket();
  host_.NoteClosed();
}

void Look::AskAgainOverTcp() {
  is_judged_ = true;  // not here
  Close();
  StartLook(host_, std::move(task_), Way::kTcp);
}

void StartLook(LookHost& host, LookTask task, Way way) {
  if (way == Way::kTcp) {
    std::make_shared<StreamLook>(host, std::move(task))->Start();
  } else {
    std::make_shared<DatagramLook>(host, std::move(task), way)->Start();
  }
}

int Look::BindSource(int socket) {
  if (!target().source) return 0;
  // The port is chosen by connect, which knows the other end: then there are more of them.
  const int on = 1;
  ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const IpAddress& source = *target().source;
  asio::ip::tcp::endpoint from;
  if (source.is_v4()) {
    from.address(asio::ip::address_v4(source.v4().Fold()));
  } else {
    from.address(asio::ip::address_v6(source.v6().bytes));
  }
  if (::bind(socket, from.data(), static_cast<socklen_t>(from.size())) == 0) return 0;
  // No port that is left is another matter, and connect's.
  is_source_foreign_ = errno == EADDRNOTAVAIL;
  return errno;
}

std::string Lowered(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace fairlead::control
