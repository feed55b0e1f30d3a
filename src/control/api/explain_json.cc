#include "control/api/explain_json.h"

#include <algorithm>

#include "control/api/explain_words.h"
#include "control/api/json_views.h"
#include "control/api/record_json.h"
#include "dataplane/tables/neighbour_table.h"

namespace fairlead::api {

namespace json = boost::json;
using dataplane::Eligibility;
using dataplane::ExplainKind;
using dataplane::ExplainStep;
using dataplane::ExplainVerdict;
using dataplane::NeighbourState;
using dataplane::TemplateFault;

namespace {

constexpr std::string_view kUnreachable = "ICMP port unreachable";

// What Refuse (dataplane/path/transmit.h) answers with.
std::string_view RefusalOf(Transport transport) {
  switch (transport) {
    case Transport::kTcp:
      return "a TCP RST";
    case Transport::kUdp:
      return kUnreachable;
  }
  return kUnreachable;
}

constexpr std::string_view kServiceFoundBy[] = {"mark", "address_and_port", "ftp_data", "any_port"};

}  // namespace

void ExplainReport::Add(const dataplane::ExplainAnswer& answer) {
  // The second worker may tell the way to the service again.
  const auto is_told = [this, is_first = workers_.empty()](const ExplainStep& step) {
    if (is_first || step.kind == ExplainKind::kEligible) return false;
    return Has(step.kind);
  };
  std::vector<ExplainStep> fresh;
  for (uint32_t i = 0; i < answer.step_count; ++i) {
    if (!is_told(answer.steps[i])) fresh.push_back(answer.steps[i]);
  }
  steps_.insert(steps_.end(), fresh.begin(), fresh.end());
  left_out_ += answer.steps_left_out;
  const ServiceId service = answer.service.is_none() ? last_.service : answer.service;
  last_ = answer;
  last_.service = service;
  workers_.push_back(answer.answered_by);
}

bool ExplainReport::Has(ExplainKind kind) const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [kind](const ExplainStep& step) { return step.kind == kind; });
}

json::object ExplainReport::StepToJson(const Step& step) const {
  json::object object{{"step", WordOf(step.kind)}};
  const auto add_real = [&] { object["real"] = Real(step.real); };
  switch (step.kind) {
    case ExplainKind::kExistingConnection:
      add_real();
      object["remaining_ms"] = Milliseconds(step.remaining);
      break;
    case ExplainKind::kClassifierRule:
    case ExplainKind::kClassifierDrop:
      if (step.value < view_.rules.size()) {
        object["rule"] = view_.rules[step.value].name;
        object["rule_text"] = view_.rules[step.value].text;
      }
      if (step.kind == ExplainKind::kClassifierRule) object["mark"] = step.mark;
      break;
    case ExplainKind::kService:
      object["service"] = Service(step.service);
      object["found_by"] = kServiceFoundBy[std::min(step.value, 3u)];
      break;
    case ExplainKind::kWrongPort:
      object["service"] = Service(step.service);
      break;
    case ExplainKind::kTemplateHit:
      add_real();
      object["client_network"] = ClientNetwork();
      object["connections"] = step.value;
      object["remaining_ms"] = MillisecondsOrNever(step.remaining);
      object["timeout_ms"] = MillisecondsOrNever(step.timeout);
      break;
    case ExplainKind::kTemplateInvalid:
      if (!step.real.is_none()) add_real();
      object["fault"] = WordOf(static_cast<TemplateFault>(step.value));
      break;
    case ExplainKind::kEligible:
      add_real();
      object["eligibility"] = WordOf(static_cast<Eligibility>(step.value));
      object["weight"] = step.weight;
      object["active_connections"] = step.active;
      object["inactive_connections"] = step.inactive;
      break;
    case ExplainKind::kScheduled:
      add_real();
      object["scheduler"] = Scheduler();
      break;
    case ExplainKind::kNextHop:
      object["port"] = Port(step.port);
      object["neighbour"] = WordOf(static_cast<NeighbourState>(step.value));
      break;
    case ExplainKind::kClientGroup:
    case ExplainKind::kServiceGroup:
      object["group"] = names_.Group(step.group);
      break;
    case ExplainKind::kClientNetmask:
      object["client_network"] = ClientNetwork();
      object["rule"] = step.weight + 1;
      break;
    case ExplainKind::kHashedNetwork:
      object["client_network"] =
          ClientText(question_.client.address, static_cast<int>(step.value), step.mark);
      break;
    case ExplainKind::kSpread:
      object["number"] = step.value + 1;
      object["of"] = step.weight;
      break;
    case ExplainKind::kSibling:
    case ExplainKind::kNoSibling:
    case ExplainKind::kPinned:
    case ExplainKind::kRekeyed:
    case ExplainKind::kLinkLocalClient:
      add_real();
      break;
    case ExplainKind::kEngine:
    case ExplainKind::kNoClassifierRule:
    case ExplainKind::kNoService:
    case ExplainKind::kBadSource:
    case ExplainKind::kTemplateMiss:
    case ExplainKind::kNobodyEligible:
    case ExplainKind::kNoRoute:
      break;
  }
  object["sentence"] = Sentence(step);
  return object;
}

std::string ExplainReport::Summary() const {
  const std::string what = WordOfProtocol(question_.protocol) + " from " +
                           (question_.client.port.is_zero() ? question_.client.address.ToString()
                                                            : question_.client.ToString()) +
                           " to " + question_.destination.ToString();
  switch (last_.verdict) {
    case ExplainVerdict::kForward: {
      const char* why = Has(ExplainKind::kRekeyed)       ? "its template of before names it"
                        : Has(ExplainKind::kScheduled)   ? "the scheduler chooses it"
                        : Has(ExplainKind::kPinned)      ? "the client is pinned to it"
                        : Has(ExplainKind::kTemplateHit) ? "the client has a template"
                                                         : "it belongs to a connection";
      return what + " goes to " + Real(last_.real) +
             (last_.service.is_none() ? "" : " of service " + Service(last_.service)) + ": " + why +
             ".";
    }
    case ExplainVerdict::kRefused:
      if (Has(ExplainKind::kNoRoute)) return what + " is refused: no route leads to the real.";
      return what + " is refused: the client is answered with " +
             std::string(Has(ExplainKind::kNobodyEligible)
                             ? kUnreachable
                             : RefusalOf(static_cast<Transport>(question_.protocol))) +
             ".";
    case ExplainVerdict::kDropped:
      return what + " is dropped.";
    case ExplainVerdict::kNotOurs:
      break;
  }
  const bool is_own = std::any_of(steps_.begin(), steps_.end(), [](const ExplainStep& step) {
    return step.kind == ExplainKind::kNoService && step.value == 1;
  });
  return what + " is no traffic of a service: " +
         (is_own ? "it is for the director itself, and given to its kernel." : "it is routed.");
}

json::object ExplainReport::ToJson() const {
  json::array steps, workers;
  for (const Step& step : steps_) {
    // The plain netmask only names the client in the sentences that follow.
    if (step.kind == ExplainKind::kClientNetmask && step.weight < 0) continue;
    steps.push_back(StepToJson(step));
  }
  for (const WorkerId worker : workers_) workers.emplace_back(worker.value());
  const bool is_forwarded = last_.verdict == ExplainVerdict::kForward;
  return {{"client", question_.client.port.is_zero() ? question_.client.address.ToString()
                                                     : question_.client.ToString()},
          {"destination", question_.destination.ToString()},
          {"protocol", WordOfProtocol(question_.protocol)},
          {"verdict", WordOf(last_.verdict)},
          {"service",
           last_.service.is_none() ? json::value(nullptr) : json::value(Service(last_.service))},
          {"real", is_forwarded ? json::value(Real(last_.real)) : json::value(nullptr)},
          {"summary", Summary()},
          {"steps", std::move(steps)},
          {"steps_left_out", left_out_},
          {"workers", std::move(workers)}};
}

}  // namespace fairlead::api
