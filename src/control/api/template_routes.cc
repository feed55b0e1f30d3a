// /v1/templates: list, flush, pin a client to a real, and the current policy for known clients.
#include <boost/json/array.hpp>

#include "control/api/body_reader.h"
#include "control/api/change.h"
#include "control/api/record_pages.h"
#include "control/config/units.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using dataplane::FlushTemplates;
using dataplane::ListTemplates;
using dataplane::PinTemplate;
using dataplane::RetimeTemplates;

constexpr auto kTemplates = RecordKind::kTemplates;
constexpr control::Duration kLongestPin = std::chrono::hours(24 * 31);

struct Pinning {
  std::shared_ptr<const control::ControlView> view;
  std::string service, real;      // their names
  std::optional<Prefix> network;  // as asked, when a length was given
  PinTemplate order;              // what every worker gets
  bool is_dry_run = false;
  uint64_t pinned = 0;
  Responder respond;
};

// 198.51.100.7 or 198.51.100.0/24. A network must be what the service takes for one client.
void ReadClient(const control::ServiceInfo* service, BodyReader* body, Pinning* pinning) {
  const std::string text = body->String("client").value_or("");
  const auto prefix = Prefix::Parse(text);
  if (!prefix || prefix->network() != prefix->address) {
    return body->Fault("client", "Must be an address or a network, as 198.51.100.0/24");
  }
  pinning->order.client = prefix->address;
  if (text.find('/') != text.npos) pinning->network = *prefix;
  if (service != nullptr && service->family != prefix->address.family()) {
    body->Fault("client", "Must be of the service's family");
  }
}

void ReadTtl(BodyReader* body, Pinning* pinning) {
  const auto text = body->String("ttl");
  if (!text) return;
  const auto ttl = control::ParseDuration(*text);
  if (!ttl || *ttl < std::chrono::seconds(1) || *ttl > kLongestPin) {
    return body->Fault("ttl",
                       "Must be a time from 1s to 31d, as 8h; without it the pin has no end");
  }
  pinning->order.ttl = TicksFromMilliseconds(static_cast<uint64_t>(ttl->count()));
}

// Service and real by name.
void ReadNames(BodyReader* body, Pinning* pinning, const control::ServiceInfo** service) {
  const NameIndex names(*pinning->view);
  pinning->service = body->String("service").value_or("");
  const auto found = names.FindService(pinning->service);
  if (!found) return body->Fault("service", found.error().message);
  *service = *found;
  pinning->order.service = (*found)->id;
  if (!(*found)->is_persistent) {
    return body->Fault("service", "Is not persistent: it has no templates");
  }
  if (!(*found)->engine.empty()) {
    return body->Fault("service", "Has an engine: its templates are for calls, not for clients");
  }
  const auto reals = names.FindReals(pinning->service, body->String("real").value_or(""));
  if (!reals) return body->Fault("real", reals.error().message);
  const NamedReal& real = reals->front();
  if (real.info->is_ghost) return body->Fault("real", "Is removed");
  pinning->order.real = real.info->id;
  pinning->real = real.info->name;
}

// Whom the service takes for one client.
std::string ClientOf(const Pinning& pinning) {
  const dataplane::TemplateRow& row = pinning.order.row;
  if (!row.client_group.is_none()) {
    return "group " + NameIndex(*pinning.view).Group(row.client_group);
  }
  return ClientText(row.client, row.client_prefix_length, row.client_mask.host());
}

HttpResponse Pinned(const Pinning& pinning) {
  return JsonResponse(201, {{"service", pinning.service},
                            {"client", ClientOf(pinning)},
                            {"real", pinning.real},
                            {"ttl_ms", MillisecondsOrNever(pinning.order.ttl)},
                            {"pinned", pinning.pinned}});
}

HttpResponse WouldPin(const Pinning& pinning) {
  return WouldChange(pinning.view->generation,
                     {"service " + pinning.service + ": client " + ClientOf(pinning) +
                      " is pinned to " + pinning.real});
}

// A network that is not what the service takes for one client would bind more or fewer than meant:
// also a single address, said with its length.
std::optional<HttpResponse> NetworkFault(const Pinning& pinning) {
  if (!pinning.network) return std::nullopt;
  const dataplane::TemplateRow& row = pinning.order.row;
  const std::string one =
      row.client_group.is_none()
          ? ClientText(row.client, row.client_prefix_length, row.client_mask.host())
          : "client group " + NameIndex(*pinning.view).Group(row.client_group);
  const Prefix& asked = *pinning.network;
  const bool is_address = asked.length == asked.address.bit_length();
  const std::string text = is_address ? asked.address.ToString() : asked.ToString();
  if (row.client_group.is_none() && one == text) return std::nullopt;
  return Problem(422, "wrong-network",
                 "client: service " + pinning.service + " takes " + one + " for one client, not " +
                     pinning.network->ToString() +
                     "; give an address to pin the client that it belongs to");
}

// One worker after another; `is_trial`: a worker is asked who the client is, and pins nothing.
void PinAt(const Context& context, WorkerId worker, bool is_trial,
           const std::shared_ptr<Pinning>& pinning) {
  auto command = std::make_shared<PinTemplate>();
  command->service = pinning->order.service;
  command->client = pinning->order.client;
  command->real = pinning->order.real;
  command->ttl = pinning->order.ttl;
  command->is_trial = is_trial;
  context.workers.Send<PinTemplate>(
      worker, std::move(command),
      [&context, worker, is_trial, pinning](const std::shared_ptr<PinTemplate>& done) {
        if (!done) return pinning->respond(WorkerIsSilent(worker));
        if (done->is_stale) {
          return pinning->respond(
              Problem(409, "changed-meanwhile", "The configuration is being changed; ask again"));
        }
        if (done->refused > 0) {
          return pinning->respond(
              Problem(503, "table-full", "The template table is full; see director.templates"));
        }
        pinning->order.row = done->row;
        pinning->pinned += done->pinned;
        if (is_trial) {
          if (auto fault = NetworkFault(*pinning)) return pinning->respond(*std::move(fault));
          if (pinning->is_dry_run) return pinning->respond(WouldPin(*pinning));
          return PinAt(context, worker, false, pinning);
        }
        const WorkerId next{static_cast<uint8_t>(worker.value() + 1)};
        if (next.index() < context.workers.worker_count()) {
          return PinAt(context, next, false, pinning);
        }
        pinning->respond(Pinned(*pinning));
      });
}

void Pin(const Context& context, const Call& call, const Responder& respond) {
  auto pinning = std::make_shared<Pinning>();
  pinning->view = context.control.view();
  pinning->is_dry_run = call.request.is_dry_run;
  pinning->respond = respond;
  BodyReader body(call.request.body, {"service", "client", "real", "ttl"});
  const control::ServiceInfo* service = nullptr;
  ReadNames(&body, pinning.get(), &service);
  ReadClient(service, &body, pinning.get());
  ReadTtl(&body, pinning.get());
  if (!body.ok()) return respond(body.problem());
  PinAt(context, WorkerId{0}, true, pinning);
}

}  // namespace

void AddTemplateRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/templates", [&](const Call& call, const Responder& respond) {
    ListRecords<ListTemplates>(context, kTemplates, "templates", call, respond);
  });
  // A pin is an order: it goes when it is asked for by name.
  router->AddChange(Method::kDelete, "/v1/templates",
                    [&](const Call& call, const Responder& respond) {
                      FlushRecords<FlushTemplates>(context, kTemplates, "flushed", call, respond,
                                                   [](dataplane::RecordFilter* filter) {
                                                     if (!filter->pinned) filter->pinned = false;
                                                   });
                    });
  router->AddChange(
      Method::kPost, "/v1/templates",
      [&](const Call& call, const Responder& respond) { Pin(context, call, respond); });
  router->AddChange(Method::kPost, "/v1/templates/retime",
                    [&](const Call& call, const Responder& respond) {
                      FlushRecords<RetimeTemplates>(context, kTemplates, "retimed", call, respond,
                                                    [](dataplane::RecordFilter*) {});
                    });
}

}  // namespace fairlead::api
