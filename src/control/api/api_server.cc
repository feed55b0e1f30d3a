#include "control/api/api_server.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <iterator>
#include <thread>

#include "base/faults.h"
#include "base/log.h"
#include "control/api/busy_meter.h"
#include "control/api/context.h"
#include "control/api/door.h"
#include "control/api/events.h"
#include "control/api/http_server.h"
#include "control/api/ipvs/dispatcher.h"
#include "control/api/ipvs/proc_files.h"
#include "control/api/ipvs/server.h"
#include "control/api/listen.h"
#include "control/api/router.h"
#include "control/api/worker_client.h"
#include "control/config/listener_files.h"
#include "control/control_api.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

const std::string kIpvs = "ipvs:";  // and the path: a listening socket that is passed on

}  // namespace

std::vector<Error> FaultsOf(const ListenSpec& listener) {
  std::vector<Error> faults;
  const std::string place = "api.listen " + listener.where;
  for (control::FileFault& fault :
       control::FaultsOfListener({listener.certificate, listener.key, listener.client_ca,
                                  listener.crl, listener.tokens, listener.group})) {
    faults.push_back(
        {ErrorCode::kInvalid, std::move(fault.sentence), place + " " + std::string(fault.key)});
  }
  if (!faults.empty()) return faults;
  // What only opening it shows.
  if (const auto door = Door::Open(listener); !door) faults.push_back(door.error());
  return faults;
}

std::vector<Error> CloseFaulty(std::vector<ListenSpec>* listeners, ListenSpec* ipvs_socket) {
  const auto close = [](ListenSpec* socket) {
    socket->group.clear();
    socket->mode = 0600;
  };
  std::vector<Error> all;
  std::erase_if(*listeners, [&](ListenSpec& listener) {
    std::vector<Error> faults = FaultsOf(listener);
    if (faults.empty()) return false;
    std::ranges::move(faults, std::back_inserter(all));
    if (listener.is_unix()) close(&listener);
    return !listener.is_unix();
  });
  if (ipvs_socket->where.empty()) return all;
  if (const Status group = CheckRecordsGroup(*ipvs_socket); !group) {
    all.push_back(group.error());
    close(ipvs_socket);
  }
  return all;
}

struct ApiServer::Impl {
  Impl(control::ControlApi& control, ApiConfig the_config, PortReaders ports)
      : config(std::move(the_config)),
        io(std::make_shared<asio::io_context>(1)),
        busy(control.fabric().stats),
        pulse(control, config.patience, Pulse::Clock::now()),
        workers(*io, control.fabric()),
        files(io, control, workers),
        dispatcher(io, control, &files),
        events(*io, control),
        context{io,      control,          workers,        busy,
                pulse,   std::move(ports), config.upgrade, &dispatcher,
                &events, config.fleet,     &config.faults},
        server(*io,
               [this](HttpRequest request, Responder respond) {
                 router.Route(std::move(request), std::move(respond));
               }),
        ipvs_server(*io, dispatcher),
        sample_timer(*io),
        pulse_timer(*io) {
    AddStatusRoutes(&router, context);
    AddPortRoutes(&router, context);
    AddSnatRoutes(&router, context);
    AddServiceRoutes(&router, context);
    AddEditRoutes(&router, context);
    AddRecordRoutes(&router, context);
    AddTemplateRoutes(&router, context);
    AddExplainRoute(&router, context);
    AddReloadRoute(&router, context);
    AddRuntimeRoutes(&router, context);
    AddSyncRoutes(&router, context);
    AddFleetRoutes(&router, context);
    AddConfigRoutes(&router, context);
    AddUpgradeRoutes(&router, context);
    AddTopRoutes(&router, context);
    AddDropRoutes(&router, context);
  }

  Status Listen(std::vector<NamedDescriptor> passed) {
    const auto take = [&](const std::string& name) {
      const auto its = std::ranges::find(passed, name, &NamedDescriptor::name);
      return its == passed.end() ? FileDescriptor() : std::move(its->descriptor);
    };
    for (const ListenSpec& spec : config.listen) {
      if (Status listening = server.Listen(spec, take(spec.where)); !listening) return listening;
    }
    if (config.ipvs_socket.where.empty()) return Done{};
    return ipvs_server.Listen(config.ipvs_socket, take(kIpvs + config.ipvs_socket.where));
  }

  // The thread ends; what workers still hold comes back.
  void End() {
    io->stop();
    thread.join();
    const auto patience = std::chrono::steady_clock::now() + 1s;
    while (!workers.is_idle() && std::chrono::steady_clock::now() < patience) {
      workers.Drain();
      std::this_thread::sleep_for(1ms);
    }
  }

  void SampleEverySecond() {
    busy.Sample();
    sample_timer.expires_after(1s);
    sample_timer.async_wait([this](const boost::system::error_code& ec) {
      if (!ec) SampleEverySecond();
    });
  }

  void WatchPulses() {
    pulse.Sample(Pulse::Clock::now());
    pulse_timer.expires_after(pulse.interval());
    pulse_timer.async_wait([this](const boost::system::error_code& ec) {
      if (!ec) WatchPulses();
    });
  }

  void Run() {
    ::pthread_setname_np(::pthread_self(), "fairlead-api");
    for (;;) {
      try {
        io->run();
        return;
      } catch (...) {  // the API goes on
        NoteFault(Thread::kApi);
      }
    }
  }

  const ApiConfig config;
  const std::shared_ptr<asio::io_context> io;
  BusyMeter busy;
  Pulse pulse;
  WorkerClient workers;
  ipvs::ProcFiles files;
  ipvs::Dispatcher dispatcher;
  EventHub events;
  const Context context;
  Router router;
  HttpServer server;
  ipvs::Server ipvs_server;
  asio::steady_timer sample_timer, pulse_timer;
  std::vector<std::string> bound;
  std::thread thread;
};

ApiServer::ApiServer(control::ControlApi& control, ApiConfig config, PortReaders ports)
    : impl_(std::make_unique<Impl>(control, std::move(config), std::move(ports))) {}

ApiServer::~ApiServer() { Stop(); }

Status ApiServer::Start(std::vector<NamedDescriptor> passed) {
  if (Status listening = impl_->Listen(std::move(passed)); !listening) {
    impl_->server.Close();
    impl_->ipvs_server.Close();
    return listening;
  }
  impl_->bound = impl_->server.addresses();
  impl_->SampleEverySecond();
  impl_->WatchPulses();
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
  for (const std::string& address : impl_->bound) LogInfo("API listening", {{"address", address}});
  if (!impl_->config.ipvs_socket.where.empty()) {
    LogInfo("ipvs socket listening", {{"path", impl_->config.ipvs_socket.where}});
  }
  return Done{};
}

void ApiServer::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->End();
  impl_->server.Close();
  impl_->ipvs_server.Close();
}

std::vector<NamedDescriptor> ApiServer::StopAndRelease() {
  if (!impl_->thread.joinable()) return {};
  impl_->End();
  std::vector<NamedDescriptor> released = impl_->server.Release();
  if (FileDescriptor socket = impl_->ipvs_server.Release()) {
    released.push_back({kIpvs + impl_->config.ipvs_socket.where, std::move(socket)});
  }
  return released;
}

std::vector<std::string> ApiServer::addresses() const { return impl_->bound; }

std::vector<std::string> ApiServer::routes() const { return impl_->router.list(); }

std::vector<std::string> ApiServer::roles() const { return impl_->router.roles(); }
std::vector<std::string> ApiServer::dry_runs() const { return impl_->router.dry_runs(); }

}  // namespace fairlead::api
