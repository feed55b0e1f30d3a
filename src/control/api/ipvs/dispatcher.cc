#include "control/api/ipvs/dispatcher.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <utility>

#include "base/forward_method.h"
#include "base/log.h"
#include "control/api/ipvs/answers.h"
#include "control/api/ipvs/edits.h"
#include "control/api/ipvs/entries.h"
#include "control/api/ipvs/return_path.h"
#include "control/control_api.h"
#include "control/view.h"

namespace fairlead::ipvs {

using control::RealInfo;
using control::ServiceInfo;

struct Dispatcher::Request {
  Message message;
  const Peer& peer;
};

namespace {

constexpr std::chrono::seconds kPause{10};
constexpr uint64_t kLinesInPause = 20;  // about refusals

constexpr const char* kCommandNames[] = {
    "nothing",    "NEW_SERVICE", "SET_SERVICE", "DEL_SERVICE", "GET_SERVICE", "NEW_DEST",
    "SET_DEST",   "DEL_DEST",    "GET_DEST",    "NEW_DAEMON",  "DEL_DAEMON",  "GET_DAEMON",
    "SET_CONFIG", "GET_CONFIG",  "SET_INFO",    "GET_INFO",    "ZERO",        "FLUSH"};

std::string NameOf(const Message& message) {
  if (message.type == kFilesType) return "a file";
  if (message.type != kFamilyId) return "message type " + std::to_string(message.type);
  if (message.command < std::size(kCommandNames)) return kCommandNames[message.command];
  return "command " + std::to_string(message.command);
}

Record RecordOf(const std::function<void(RecordWriter*)>& put) {
  RecordWriter record;
  put(&record);
  return record.Take();
}

// What is asked for, and behind it that it was done, where that is wanted.
std::unique_ptr<Answer> DataAnswer(const Message& message, Record data) {
  std::vector<Record> records{std::move(data)};
  if (message.WantsAck()) records.push_back(ErrorRecord(message, 0));
  return std::make_unique<Records>(std::move(records));
}

Fault NoSuchService(const ServiceKey& key) {
  return {ESRCH, "There is no service for " + key.ToString()};
}

// A configured real server: by its address and port, or where one has the service's port whatever
// programs say, by that.
const RealInfo* FindReal(const ServiceInfo& service, const DestRequest& dest) {
  const auto find = [&](auto&& is_it) -> const RealInfo* {
    const auto found = std::ranges::find_if(service.reals, [&](const RealInfo& real) {
      return !real.is_ghost && !real.is_fallback && real.endpoint.address == dest.address &&
             is_it(real);
    });
    return found == service.reals.end() ? nullptr : &*found;
  };
  if (const RealInfo* real =
          find([&](const RealInfo& each) { return each.endpoint.port.host() == dest.port; })) {
    return real;
  }
  if (service.mark != 0) return nullptr;
  return find([&](const RealInfo& each) {
    const auto method = ForwardMethodOf(each.forward);
    const bool has_its_own = method && TraitsOf(*method).may_change_port;
    return each.endpoint.port == service.port && (dest.port == 0 || !has_its_own);
  });
}

}  // namespace

std::string Peer::Author() const {
  return "ipvs: " + (program.empty() ? "a program" : program) + ", pid " + std::to_string(pid) +
         ", uid " + std::to_string(uid);
}

Dispatcher::Dispatcher(std::shared_ptr<boost::asio::io_context> io, control::ControlApi& control,
                       FileService* files)
    : io_(std::move(io)), control_(control), files_(files) {}

void Dispatcher::Handle(const Message& message, const Peer& peer, Done done) {
  const Request request{message, peer};
  ++requests_;
  // As the kernel does: what is no request, or a control message, is passed over.
  if ((message.flags & NLM_F_REQUEST) == 0 || message.type < NLMSG_MIN_TYPE) {
    return done(Acknowledge(request));
  }
  switch (message.type) {
    case GENL_ID_CTRL:
      return done(AnswerOfFamily(request));
    case kFamilyId:
      return HandleCommand(request, std::move(done));
    case kFilesType:
      return HandleFile(request, std::move(done));
    default:
      return done(Refuse(request, {ENOENT, "There is no family of this number"}));
  }
}

std::unique_ptr<Answer> Dispatcher::AnswerOfFamily(const Request& request) {
  std::string name;
  uint16_t id = 0;
  if (Fault fault = ReadFamilyQuestion(request.message, &name, &id)) return Refuse(request, fault);
  if (request.message.command != CTRL_CMD_GETFAMILY || request.message.IsDump()) {
    return Refuse(request, {EOPNOTSUPP, "Of the controller only GETFAMILY is answered"});
  }
  if (name != IPVS_GENL_NAME && !(name.empty() && id == kFamilyId)) {
    return Refuse(request, {ENOENT, "The only family here is IPVS"});
  }
  return DataAnswer(request.message,
                    RecordOf([&](RecordWriter* record) { PutFamily(record, request.message); }));
}

void Dispatcher::HandleCommand(const Request& request, Done done) {
  const uint8_t number = request.message.command;
  if (!request.peer.may_use) {
    return done(Refuse(request, {EPERM, "Only root and the group of the socket may use IPVS"}));
  }
  Attributes command;
  if (Fault fault = ReadCommand(request.message, &command)) return done(Refuse(request, fault));
  const bool is_dump = request.message.IsDump();
  const bool can_dump = number == IPVS_CMD_GET_SERVICE || number == IPVS_CMD_GET_DEST ||
                        number == IPVS_CMD_GET_DAEMON;
  const bool must_dump = can_dump && number != IPVS_CMD_GET_SERVICE;
  if (is_dump ? !can_dump : must_dump) {
    return done(Refuse(request, {EOPNOTSUPP, is_dump ? "This command makes no list"
                                                     : "This command only makes a list"}));
  }
  switch (number) {
    case IPVS_CMD_NEW_SERVICE:
    case IPVS_CMD_SET_SERVICE:
    case IPVS_CMD_DEL_SERVICE:
      return ChangeService(request, command, std::move(done));
    case IPVS_CMD_NEW_DEST:
    case IPVS_CMD_SET_DEST:
    case IPVS_CMD_DEL_DEST:
      return ChangeDest(request, command, std::move(done));
    case IPVS_CMD_GET_SERVICE:
      return done(GetService(request, command));
    case IPVS_CMD_GET_DEST:
      return done(GetDests(request, command));
    case IPVS_CMD_NEW_DAEMON:
    case IPVS_CMD_DEL_DAEMON:
      return ChangeDaemon(request, command, std::move(done));
    case IPVS_CMD_GET_DAEMON:
      return done(MakeDaemonDump(request.message, *control_.view()));
    case IPVS_CMD_SET_CONFIG:
      return ChangeTimeouts(request, command, std::move(done));
    case IPVS_CMD_GET_CONFIG:
      return done(GetTimeouts(request));
    case IPVS_CMD_GET_INFO:
      return done(DataAnswer(request.message, RecordOf([&](RecordWriter* record) {
                               PutInfo(record, request.message);
                             })));
    case IPVS_CMD_ZERO:
      return Zero(request, command, std::move(done));
    case IPVS_CMD_FLUSH:
      return Change(request, control::RemoveAllServices{}, ESRCH, std::move(done));
    default:
      return done(Refuse(request, {EOPNOTSUPP, "IPVS has no such command"}));
  }
}

// ---- what is asked

std::unique_ptr<Answer> Dispatcher::GetService(const Request& request, const Attributes& command) {
  const View view = control_.view();
  if (request.message.IsDump()) return MakeServiceDump(request.message, view, control_.fabric());
  ServiceRequest wanted;
  if (Fault fault = ReadService(command, Depth::kKey, &wanted)) return Refuse(request, fault);
  const ServiceInfo* const service = FindService(view, wanted.key);
  if (service == nullptr) return Refuse(request, NoSuchService(wanted.key));
  return DataAnswer(request.message, RecordOf([&](RecordWriter* record) {
                      PutService(record, request.message, 0, EntryOf(control_.fabric(), *service));
                    }));
}

// A service that is not there, or not said, has no real servers: that is no fault.
std::unique_ptr<Answer> Dispatcher::GetDests(const Request& request, const Attributes& command) {
  const View view = control_.view();
  ServiceRequest wanted;
  const ServiceInfo* service = nullptr;
  if (!ReadService(command, Depth::kKey, &wanted)) service = FindService(view, wanted.key);
  return MakeDestDump(request.message, view, service, control_.fabric());
}

std::unique_ptr<Answer> Dispatcher::GetTimeouts(const Request& request) {
  const control::TimeoutsConfig timeouts = control_.view()->model->defaults.timeouts;
  const auto seconds = [](control::Duration duration) {
    return static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(duration).count());
  };
  return DataAnswer(
      request.message, RecordOf([&](RecordWriter* record) {
        PutTimeouts(record, request.message,
                    {seconds(timeouts.tcp), seconds(timeouts.tcp_fin), seconds(timeouts.udp)});
      }));
}

// ---- what is changed

void Dispatcher::ChangeService(const Request& request, const Attributes& command, Done done) {
  const uint8_t number = request.message.command;
  const Depth depth = number == IPVS_CMD_DEL_SERVICE ? Depth::kKey : Depth::kWhole;
  ServiceRequest wanted;
  if (Fault fault = ReadService(command, depth, &wanted)) return done(Refuse(request, fault));
  wanted.flags &= wanted.flags_mask;
  if (number == IPVS_CMD_NEW_SERVICE) {  // the control core sees whether it is there already
    if (Fault fault = CheckService(wanted)) return done(Refuse(request, fault));
    return Change(request, EditOfNewService(wanted), ESRCH, std::move(done));
  }
  const View view = control_.view();
  const ServiceInfo* const service = FindService(view, wanted.key);
  if (service == nullptr) return done(Refuse(request, NoSuchService(wanted.key)));
  if (number == IPVS_CMD_DEL_SERVICE) {
    return Change(request, control::RemoveService{service->name}, ESRCH, std::move(done));
  }
  wanted.flags |= FlagsOf(*service) & ~wanted.flags_mask;  // those outside it stay as they are
  if (Fault fault = CheckService(wanted)) return done(Refuse(request, fault));
  Change(request, EditOfService(service->name, wanted), ESRCH, std::move(done));
}

void Dispatcher::ChangeDest(const Request& request, const Attributes& command, Done done) {
  const uint8_t number = request.message.command;
  ServiceRequest of;
  if (Fault fault = ReadService(command, Depth::kKey, &of)) return done(Refuse(request, fault));
  const View view = control_.view();
  const ServiceInfo* const service = FindService(view, of.key);
  if (service == nullptr) return done(Refuse(request, NoSuchService(of.key)));
  const Depth depth = number == IPVS_CMD_DEL_DEST ? Depth::kKey : Depth::kWhole;
  DestRequest dest;
  if (Fault fault = ReadDest(command, depth, of.key.family, &dest)) {
    return done(Refuse(request, fault));
  }
  if (depth == Depth::kWhole) {
    if (Fault fault = CheckDest(dest)) return done(Refuse(request, fault));
  }
  if (number == IPVS_CMD_NEW_DEST) dest.port = PortOf(*service, dest);
  const RealInfo* const real = FindReal(*service, dest);
  const std::string name = Endpoint{dest.address, Be16::FromHost(dest.port)}.ToString();
  if (number == IPVS_CMD_NEW_DEST) {
    if (real != nullptr) {
      return done(Refuse(request, {EEXIST, "Service \"" + service->name +
                                               "\" has the real server " + name + " already"}));
    }
    return Change(request, EditOfNewDest(*service, dest), ESRCH, std::move(done));
  }
  if (real == nullptr) {
    return done(
        Refuse(request, {ENOENT, "Service \"" + service->name + "\" has no real server " + name}));
  }
  Change(request,
         number == IPVS_CMD_DEL_DEST ? control::Edit(control::RemoveReal{service->name, real->name})
                                     : EditOfDest(service->name, *real, dest),
         ENOENT, std::move(done));
}

void Dispatcher::ChangeTimeouts(const Request& request, const Attributes& command, Done done) {
  Change(request, EditOfTimeouts(ReadTimeouts(command)), ESRCH, std::move(done));
}

void Dispatcher::ChangeDaemon(const Request& request, const Attributes& command, Done done) {
  const bool is_end = request.message.command == IPVS_CMD_DEL_DAEMON;
  DaemonRequest daemon;
  if (Fault fault = ReadDaemon(command, is_end ? Depth::kKey : Depth::kWhole, &daemon)) {
    return done(Refuse(request, fault));
  }
  if (is_end) return Change(request, EditOfNoDaemon(daemon), ESRCH, std::move(done));
  if (Fault fault = CheckDaemon(daemon)) return done(Refuse(request, fault));
  Change(request, EditOfNewDaemon(daemon), ESRCH, std::move(done));
}

void Dispatcher::Zero(const Request& request, const Attributes& command, Done done) {
  std::string name;  // of everything
  if (command.Has(IPVS_CMD_ATTR_SERVICE)) {
    ServiceRequest wanted;
    if (Fault fault = ReadService(command, Depth::kKey, &wanted)) {
      return done(Refuse(request, fault));
    }
    const View view = control_.view();
    const ServiceInfo* const service = FindService(view, wanted.key);
    if (service == nullptr) return done(Refuse(request, NoSuchService(wanted.key)));
    name = service->name;
  }
  auto path =
      std::make_shared<ReturnPath>(io_, [this, request, done = std::move(done)](Fault fault) {
        done(fault ? Refuse(request, fault) : Acknowledge(request));
      });
  control_.Zero(std::move(name), [path](const Status& status) {
    if (status) return path->Give({});
    path->Give({NumberOf(status.error().code, ESRCH), status.error().message});
  });
}

void Dispatcher::Change(const Request& request, control::Edit edit, int not_found, Done done) {
  edit.author = request.peer.Author();
  auto path =
      std::make_shared<ReturnPath>(io_, [this, request, done = std::move(done)](Fault fault) {
        done(fault ? Refuse(request, fault) : Acknowledge(request));
      });
  control_.Change(std::move(edit), [path, not_found](const control::EditOutcome& outcome) {
    path->Give(FaultOf(outcome, not_found));
  });
}

const ServiceInfo* Dispatcher::FindService(const View& view, const ServiceKey& key) {
  const auto& services = view->services;
  const auto look = [&]() -> const ServiceInfo* {
    const auto place = places_.find(key);
    if (place == places_.end() || place->second >= services.size()) return nullptr;
    const ServiceInfo& service = services[place->second];
    return KeyOf(service) == key ? &service : nullptr;
  };
  if (const ServiceInfo* service = look()) return service;
  if (placed_.lock() == view) return nullptr;  // all that it has was looked at
  placed_ = view;
  ++placings_;
  places_.clear();
  for (size_t i = 0; i < services.size(); ++i) places_.emplace(KeyOf(services[i]), i);
  return look();
}

// ---- files

void Dispatcher::HandleFile(const Request& request, Done done) {
  if (!request.peer.may_use) {
    return done(Refuse(request, {EPERM, "Only root and the group of the socket may use IPVS"}));
  }
  FileRequest file;
  if (Fault fault = ReadFile(request.message, &file)) return done(Refuse(request, fault));
  const Fault none{ENOENT, "There is no file " + file.path};
  if (files_ == nullptr) return done(Refuse(request, none));
  if (request.message.command == kReadFile) {
    auto text = files_->Open(file.path);
    if (text == nullptr) return done(Refuse(request, none));
    return done(MakeFileAnswer(request.message, std::move(text)));
  }
  if (request.message.command != kWriteFile) {
    return done(Refuse(request, {EOPNOTSUPP, "Files are read (1) and written (2)"}));
  }
  files_->Write(file.path, file.bytes, request.peer.Author(),
                [this, request, path = file.path, done = std::move(done)](const Fault& fault) {
                  if (!fault) {
                    return done(std::make_unique<Records>(
                        std::vector<Record>{ErrorRecord(request.message, 0)}));
                  }
                  done(Refuse(request, {fault.number, path + ": " + fault.why}));
                });
}

// ---- refusals

// Programs ask for what is not there to find out whether it is: only other refusals are for the
// operator, and not without end.
void Dispatcher::Say(const Request& request, const Fault& fault) {
  const bool is_common = fault.number == ESRCH || fault.number == ENOENT || fault.number == EEXIST;
  if (!is_common) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= pause_ends_) {
      pause_ends_ = now + kPause;
      said_ = 0;
    }
    if (++said_ > kLinesInPause) return;
  }
  Log(is_common ? LogLevel::kDebug : LogLevel::kWarning, "ipvs request refused",
      {{"by", request.peer.Author()},
       {"command", NameOf(request.message)},
       {"errno", fault.number},
       {"reason", fault.why}});
}

std::unique_ptr<Answer> Dispatcher::Acknowledge(const Request& request) {
  if (!request.message.WantsAck()) return nullptr;
  return std::make_unique<Records>(std::vector<Record>{ErrorRecord(request.message, 0)});
}

std::unique_ptr<Answer> Dispatcher::Refuse(const Request& request, const Fault& fault) {
  ++refused_;
  Say(request, fault);
  return std::make_unique<Records>(std::vector<Record>{ErrorRecord(request.message, fault.number)});
}

}  // namespace fairlead::ipvs
