// Each command of IPVS's family onto the director: lists from its view, changes through the same
// edits as the REST API, and the kernel's number for each refusal (docs/ipvs_socket.md).
//
//   Dispatcher dispatcher(io, control, files);
//   dispatcher.Handle(message, peer, [](std::unique_ptr<Answer> answer) {
//     answer->Next([](Record record, bool is_last) { …send it, then Next… });
//   });
//
// Threads: the API thread; `done` runs there too. Invariants: `done` is called once for each
// message, a null answer meaning that there is nothing to say; the bytes of the message stay where
// they are until its answer is let go of.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "control/api/ipvs/file_service.h"
#include "control/api/ipvs/message.h"
#include "control/api/ipvs/replies.h"
#include "control/api/ipvs/requests.h"
#include "control/edit.h"

namespace boost::asio {
class io_context;
}
namespace fairlead::control {
class ControlApi;
struct ControlView;
struct RealInfo;
struct ServiceInfo;
}  // namespace fairlead::control

namespace fairlead::ipvs {

// Who is at the other end of the socket.
struct Peer {
  uint32_t uid = 0;
  int32_t pid = 0;
  std::string program{};  // as /proc/PID/comm has it, without what is no plain letter
  bool may_use = false;   // root, the director's user, or the group of the socket

  // "ipvs: keepalived, pid 123, uid 0"
  [[nodiscard]] std::string Author() const;
};

// What is answered to one message, record by record: a dump is made as the peer takes it.
class Answer {
 public:
  using Take = std::function<void(Record record, bool is_last)>;

  virtual ~Answer() = default;
  // The next record; `take` may be called before this returns. An empty record is nothing to send.
  // Not after the last.
  virtual void Next(Take take) = 0;
};

class Dispatcher {
 public:
  using Done = std::function<void(std::unique_ptr<Answer>)>;

  // `control` and `files` outlive it; `files` may be null: no file is served.
  Dispatcher(std::shared_ptr<boost::asio::io_context> io, control::ControlApi& control,
             FileService* files);

  void Handle(const Message& message, const Peer& peer, Done done);

  // Since the start.
  [[nodiscard]] uint64_t requests() const { return requests_; }
  [[nodiscard]] uint64_t refused() const { return refused_; }
  // How often every service of a view was looked at to find one.
  [[nodiscard]] uint64_t placings() const { return placings_; }

 private:
  using View = std::shared_ptr<const control::ControlView>;
  struct Request;  // one message under way

  void HandleCommand(const Request& request, Done done);
  void HandleFile(const Request& request, Done done);
  std::unique_ptr<Answer> AnswerOfFamily(const Request& request);
  std::unique_ptr<Answer> GetService(const Request& request, const Attributes& command);
  std::unique_ptr<Answer> GetDests(const Request& request, const Attributes& command);
  std::unique_ptr<Answer> GetTimeouts(const Request& request);
  void ChangeService(const Request& request, const Attributes& command, Done done);
  void ChangeDest(const Request& request, const Attributes& command, Done done);
  void ChangeTimeouts(const Request& request, const Attributes& command, Done done);
  void ChangeDaemon(const Request& request, const Attributes& command, Done done);
  void Zero(const Request& request, const Attributes& command, Done done);

  // Sends the change on its way; `about` is what is meant when it is refused as not there.
  void Change(const Request& request, control::Edit edit, int not_found, Done done);
  std::unique_ptr<Answer> Refuse(const Request& request, const Fault& fault);
  std::unique_ptr<Answer> Acknowledge(const Request& request);
  void Say(const Request& request, const Fault& fault);

  // Null when there is none.
  const control::ServiceInfo* FindService(const View& view, const ServiceKey& key);

  const std::shared_ptr<boost::asio::io_context> io_;
  control::ControlApi& control_;
  FileService* const files_;
  // Where services stood in the view that was asked last; what stands there is looked at again.
  std::unordered_map<ServiceKey, size_t, ServiceKeyHash> places_;
  std::weak_ptr<const control::ControlView> placed_;  // the view they were taken from
  uint64_t placings_ = 0;
  uint64_t requests_ = 0, refused_ = 0;
  // Lines about refusals in the present pause.
  std::chrono::steady_clock::time_point pause_ends_{};
  uint64_t said_ = 0;
};

}  // namespace fairlead::ipvs
