// POST /v1/explain: asks the connection's owner, then whom its answer names: the template's owner,
// and after a netmask change the owner of the key under the previous one.
#include "control/api/body_reader.h"
#include "control/api/context.h"
#include "control/api/explain_json.h"
#include "control/api/problem.h"
#include "control/api/router.h"
#include "control/api/worker_client.h"
#include "control/config/names.h"
#include "control/control_api.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

namespace {

using dataplane::ExplainCommand;
using dataplane::ExplainQuestion;

struct Inquiry {
  std::shared_ptr<const control::ControlView> view;
  ExplainQuestion question;
  ExplainReport report;
  Responder respond;
};

// "198.51.100.7", "198.51.100.7:4242", "2001:db8::7", "[2001:db8::7]:4242"
std::optional<Endpoint> ParseClient(std::string_view text) {
  if (const auto address = IpAddress::Parse(text)) return Endpoint{*address, Be16{}};
  return Endpoint::Parse(text);
}

std::optional<ExplainQuestion> ParseQuestion(const control::ControlView& view, BodyReader* body) {
  ExplainQuestion question;
  const auto client = body->String("client");
  const auto parsed_client = ParseClient(client.value_or(""));
  if (!parsed_client) {
    body->Fault("client", "Must be an address with or without a port, as 198.51.100.7:4242");
  } else {
    question.client = *parsed_client;
  }
  const auto destination = Endpoint::Parse(body->String("destination").value_or(""));
  if (!destination || destination->port.is_zero()) {
    body->Fault("destination", "Must be an address and port, as 192.0.2.10:80");
  } else {
    question.destination = *destination;
    if (parsed_client && parsed_client->address.family() != destination->address.family()) {
      body->Fault("client", "Must be of the destination's family");
    }
  }
  const auto transport = TransportOf(body->String("protocol").value_or("tcp"));
  if (transport) {
    question.protocol = static_cast<uint8_t>(*transport);
  } else {
    body->Fault("protocol", "Must be " + control::TransportList());
  }
  if (const auto port = body->String("port")) {
    for (const auto& known : view.ports) {
      if (known.name == *port) question.input_port = known.id;
    }
    if (question.input_port.is_none()) body->Fault("port", "There is no port " + *port);
  }
  if (const auto packet = body->String("packet")) {
    question.is_later = *packet == "later";
    if (!question.is_later && *packet != "first") body->Fault("packet", "Must be first or later");
  }
  if (!body->ok()) return std::nullopt;
  return question;
}

WorkerId OwnerOf(const dataplane::Steering& steering, const Endpoint& client) {
  return client.address.is_v4() ? steering.ConnectionOwner(client.address.v4(), client.port)
                                : steering.ConnectionOwner(client.address.v6(), client.port);
}

void Ask(const Context& context, WorkerId worker, const std::shared_ptr<Inquiry>& inquiry) {
  auto command = std::make_shared<ExplainCommand>();
  command->question = inquiry->question;
  context.workers.Send<ExplainCommand>(
      worker, std::move(command),
      [&context, worker, inquiry](const std::shared_ptr<ExplainCommand>& done) {
        if (!done) {
          return inquiry->respond(
              Problem(503, "worker-silent",
                      "Worker " + std::to_string(worker.value()) + " did not answer in time"));
        }
        inquiry->report.Add(done->answer);
        const WorkerId next = done->answer.continue_at;
        // The stages only go forward, so this ends.
        const bool is_further = done->answer.continue_as > inquiry->question.stage;
        if (!next.is_none() && is_further && next.index() < context.workers.worker_count()) {
          inquiry->question = Continued(inquiry->question, done->answer);
          return Ask(context, next, inquiry);
        }
        inquiry->respond(JsonResponse(200, inquiry->report.ToJson()));
      });
}

}  // namespace

void AddExplainRoute(Router* router, const Context& context) {
  router->Add(
      Method::kPost, "/v1/explain", Needs::kRead,
      [&context](const Call& call, const Responder& respond) {
        const auto view = context.control.view();
        BodyReader body(call.request.body, {"client", "destination", "protocol", "port", "packet"});
        const auto question = ParseQuestion(*view, &body);
        if (!question) return respond(body.problem());
        auto inquiry = std::make_shared<Inquiry>(
            Inquiry{view, *question, ExplainReport(*view, *question), respond});
        Ask(context, OwnerOf(context.control.fabric().steering, question->client), inquiry);
      });
}

}  // namespace fairlead::api
