// GET /v1/drops: the last packets that the workers dropped.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/transport.h"
#include "control/api/context.h"
#include "control/api/json_views.h"
#include "control/api/record_pages.h"
#include "control/api/router.h"
#include "control/api/worker_client.h"
#include "control/control_api.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using dataplane::DropSample;
using dataplane::ListDrops;

struct Found {
  WorkerId worker;
  TickCount age = 0;
  DropSample sample;
};

// Waits for every worker.
struct Gathering {
  std::shared_ptr<const control::ControlView> view;
  Responder respond;
  size_t waits_for = 0;
  std::optional<WorkerId> silent;
  std::vector<Found> found;
};

json::value ProtocolOf(const DropSample& sample) {
  if (sample.protocol == 0) return sample.ether_type == 0x0806 ? json::value("arp") : nullptr;
  if (IsTransport(sample.protocol)) {
    return json::string(TraitsOf(static_cast<Transport>(sample.protocol)).word);
  }
  if (sample.protocol == 1 || sample.protocol == 58) return "icmp";
  return json::value(std::to_string(sample.protocol));
}

json::value EndOf(const DropSample& sample, const Endpoint& end) {
  if (sample.protocol == 0) return nullptr;
  return json::string(end.port.is_zero() ? end.address.ToString() : end.ToString());
}

json::object ToJson(const Found& found, const control::ControlView& view,
                    const std::unordered_map<uint32_t, const std::string*>& services) {
  using System = std::chrono::system_clock;
  const DropSample& sample = found.sample;
  const auto age = std::chrono::milliseconds(uint64_t{found.age} * 1000 / kTicksPerSecond);
  json::value port, service;
  for (const auto& known : view.ports) {
    if (known.id == sample.input_port) port = json::string(known.name);
  }
  const auto name = services.find(sample.service.value());
  if (!sample.service.is_none() && name != services.end()) service = json::string(*name->second);
  const auto& text = dataplane::TextOf(sample.reason);
  return {{"worker", found.worker.value()},
          {"number", sample.number},
          {"time", Timestamp(System::now() - age)},
          {"reason", text.label},
          {"meaning", text.sentence},
          {"port", std::move(port)},
          {"protocol", ProtocolOf(sample)},
          {"client", EndOf(sample, sample.from)},
          {"destination", EndOf(sample, sample.to)},
          {"service", std::move(service)}};
}

void Answer(Gathering* all) {
  if (all->silent) return all->respond(WorkerIsSilent(*all->silent));
  std::ranges::sort(all->found, [](const Found& a, const Found& b) {
    return std::tuple(b.age, a.worker.value(), a.sample.number) <
           std::tuple(a.age, b.worker.value(), b.sample.number);
  });
  std::unordered_map<uint32_t, const std::string*> services;
  for (const auto& service : all->view->services) services[service.id.value()] = &service.name;
  json::array samples;
  for (const Found& found : all->found) samples.push_back(ToJson(found, *all->view, services));
  all->respond(JsonResponse(200, {{"drops", std::move(samples)}}));
}

void ShowDrops(const Context& context, const Responder& respond) {
  auto all = std::make_shared<Gathering>(
      Gathering{context.control.view(), respond, context.workers.worker_count(), {}, {}});
  for (size_t w = 0; w < context.workers.worker_count(); ++w) {
    const WorkerId worker{static_cast<uint8_t>(w)};
    auto command = std::make_shared<ListDrops>();
    command->rows.reserve(dataplane::kDropSamples);
    context.workers.Send<ListDrops>(
        worker, std::move(command), [all, worker](const std::shared_ptr<ListDrops>& done) {
          if (!done) all->silent = worker;
          if (done) {
            for (const DropSample& sample : done->rows) {
              all->found.push_back({worker, done->now.value - sample.at.value, sample});
            }
          }
          if (--all->waits_for == 0) Answer(all.get());
        });
  }
}

}  // namespace

void AddDropRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/drops", Needs::kRead,
              [&context](const Call&, const Responder& respond) { ShowDrops(context, respond); });
}

}  // namespace fairlead::api
