#include "control/api/explain_json.h"

#include <algorithm>

#include "control/api/json_views.h"
#include "control/api/record_json.h"
#include "dataplane/neighbour_table.h"
#include "dataplane/tcp_state.h"

namespace fairlead::api {

namespace json = boost::json;
using dataplane::Eligibility;
using dataplane::ExplainKind;
using dataplane::ExplainStep;
using dataplane::ExplainVerdict;
using dataplane::NeighbourState;
using dataplane::TemplateFault;

namespace {

std::string_view WordOf(ExplainKind kind) {
  switch (kind) {
    case ExplainKind::kExistingConnection:
      return "existing_connection";
    case ExplainKind::kClassifierRule:
      return "classifier_rule";
    case ExplainKind::kClassifierDrop:
      return "classifier_drop";
    case ExplainKind::kNoClassifierRule:
      return "no_classifier_rule";
    case ExplainKind::kService:
      return "service";
    case ExplainKind::kNoService:
      return "no_service";
    case ExplainKind::kWrongPort:
      return "wrong_port";
    case ExplainKind::kTemplateHit:
      return "template";
    case ExplainKind::kTemplateMiss:
      return "no_template";
    case ExplainKind::kTemplateInvalid:
      return "template_invalid";
    case ExplainKind::kEligible:
      return "real";
    case ExplainKind::kScheduled:
      return "scheduled";
    case ExplainKind::kNobodyEligible:
      return "nobody_eligible";
    case ExplainKind::kNextHop:
      return "next_hop";
    case ExplainKind::kNoRoute:
      return "no_route";
  }
  return "unknown";
}

std::string_view WordOf(ExplainVerdict verdict) {
  switch (verdict) {
    case ExplainVerdict::kForward:
      return "forward";
    case ExplainVerdict::kRefused:
      return "refused";
    case ExplainVerdict::kDropped:
      return "dropped";
    case ExplainVerdict::kNotOurs:
      return "not_ours";
  }
  return "unknown";
}

std::string_view WordOf(Eligibility e) {
  switch (e) {
    case Eligibility::kEligible:
      return "eligible";
    case Eligibility::kWeightZero:
      return "weight_zero";
    case Eligibility::kOverloaded:
      return "overloaded";
    case Eligibility::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

std::string_view WordOf(TemplateFault fault) {
  switch (fault) {
    case TemplateFault::kNoReal:
      return "no_real";
    case TemplateFault::kRealRemoved:
      return "real_removed";
    case TemplateFault::kRealQuiescent:
      return "real_quiescent";
    case TemplateFault::kExpired:
      return "expired";
  }
  return "unknown";
}

std::string_view SentenceOf(TemplateFault fault) {
  switch (fault) {
    case TemplateFault::kNoReal:
      return "it names no real any more";
    case TemplateFault::kRealRemoved:
      return "its real is removed or down";
    case TemplateFault::kRealQuiescent:
      return "that real takes no new connections";
    case TemplateFault::kExpired:
      return "it has run out";
  }
  return "it does not hold";
}

std::string_view WordOf(NeighbourState state) {
  switch (state) {
    case NeighbourState::kUnknown:
      return "unknown";
    case NeighbourState::kIncomplete:
      return "incomplete";
    case NeighbourState::kReachable:
      return "reachable";
    case NeighbourState::kFailed:
      return "failed";
  }
  return "unknown";
}

constexpr std::string_view kServiceFoundBy[] = {"mark", "address_and_port", "ftp_data", "any_port"};

std::string Count(uint64_t n, const std::string& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

}  // namespace

std::string Span(TickCount ticks) {
  const uint64_t seconds = ticks / kTicksPerSecond;
  const auto two = [](uint64_t big, const char* b, uint64_t small, const char* s) {
    return std::to_string(big) + b + (small == 0 ? "" : " " + std::to_string(small) + s);
  };
  if (seconds == 0) return "0." + std::to_string(ticks * 10 / kTicksPerSecond) + " s";
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return two(seconds / 60, " min", seconds % 60, " s");
  if (seconds < 86400) return two(seconds / 3600, " h", seconds / 60 % 60, " min");
  return two(seconds / 86400, " d", seconds / 3600 % 24, " h");
}

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

std::string ExplainReport::Service(ServiceId id) const {
  const auto* service = names_.service(id);
  return service == nullptr ? "(removed service)" : service->name;
}

std::string ExplainReport::Real(RealId id) const {
  const NamedReal* real = names_.real(id);
  return real == nullptr ? "(removed real)" : real->info->name;
}

std::string ExplainReport::Port(PortId id) const {
  for (const auto& port : view_.ports) {
    if (port.id == id) return port.name;
  }
  return "(unknown port)";
}

std::string ExplainReport::Scheduler() const {
  const auto* service = names_.service(last_.service);
  return service == nullptr ? "?" : service->scheduler;
}

// What the template's key holds of the client: "198.51.100.0/24".
std::string ExplainReport::ClientNetwork(ServiceId id) const {
  const auto* service = names_.service(id);
  const IpAddress& client = question_.client.address;
  if (service == nullptr || service->netmask >= client.bit_length()) return client.ToString();
  return Prefix{client.Masked(service->netmask), service->netmask}.ToString();
}

std::string ExplainReport::ServiceSentence(const Step& step) const {
  const std::string name = "Service " + Service(step.service);
  switch (step.value) {
    case 0: {
      const auto* service = names_.service(step.service);
      return name + " takes it, by mark " +
             std::to_string(service == nullptr ? step.mark : service->mark) + ".";
    }
    case 1:
      return name + " takes it: address, port and protocol are exactly its own.";
    case 2:
      return name + " takes it as FTP data: it is the FTP service of this address.";
    default:
      return name + " takes it: it serves all ports of this address.";
  }
}

std::string ExplainReport::EligibilitySentence(const Step& step) const {
  const std::string load = Real(step.real) + ": weight " + std::to_string(step.weight) + ", " +
                           Count(step.active, "active connection") + ", " +
                           std::to_string(step.inactive) + " inactive: ";
  switch (static_cast<Eligibility>(step.value)) {
    case Eligibility::kEligible:
      return load + "may be chosen.";
    case Eligibility::kWeightZero:
      return load + "takes no new clients, as " + WhyZero(step.real) + ".";
    case Eligibility::kOverloaded:
      return load + "takes no new clients, as it is overloaded.";
    case Eligibility::kUnavailable:
      break;
  }
  return load + "is not available.";
}

// Why the scheduler sees weight 0.
std::string ExplainReport::WhyZero(RealId id) const {
  const NamedReal* real = names_.real(id);
  if (real == nullptr || real->info->is_ghost) return "it is removed";
  const control::RealInfo& info = *real->info;
  switch (info.admin) {
    case control::AdminState::kDrain:
      return "it is drained";
    case control::AdminState::kQuiesce:
      return "it is quiesced";
    case control::AdminState::kDown:
      return "it is disabled";
    case control::AdminState::kUp:
      break;
  }
  if (info.health == control::HealthState::kDown) {
    return "it is down" + (info.health_detail.empty() ? "" : " (" + info.health_detail + ")");
  }
  if (info.is_fallback) return "it is the fallback, for when no other is up";
  return "its weight is 0";
}

std::string ExplainReport::NextHopSentence(const Step& step) const {
  const std::string way = "It leaves by port " + Port(step.port) + "; the next hop ";
  switch (static_cast<NeighbourState>(step.value)) {
    case NeighbourState::kReachable:
      return way + "is reachable.";
    case NeighbourState::kFailed:
      return way + "does not answer ARP or ND: packets to it are dropped (neighbour_unresolved).";
    case NeighbourState::kIncomplete:
      return way + "is being resolved: packets wait for it.";
    case NeighbourState::kUnknown:
      break;
  }
  return way + "has not been asked for yet.";
}

std::string ExplainReport::Sentence(const Step& step) const {
  const auto rule = [&] {
    return step.value < view_.rules.size() ? "Classifier rule " + view_.rules[step.value].name +
                                                 " matches (" + view_.rules[step.value].text + ")"
                                           : "A classifier rule matches";
  };
  switch (step.kind) {
    case ExplainKind::kExistingConnection:
      // Steps to a service follow when a new connection would not be this one.
      return "The client has this connection already, to " + Real(step.real) +
             (question_.protocol == 6 && step.value < dataplane::kTcpStateCount
                  ? ", in state " +
                        std::string(dataplane::NameOf(static_cast<dataplane::TcpState>(step.value)))
                  : "") +
             "; it is kept for another " + Span(step.remaining) +
             (Has(ExplainKind::kService) ? ", but a new connection takes its place." : ".");
    case ExplainKind::kClassifierRule:
      return rule() + " and gives mark " + std::to_string(step.mark) + ".";
    case ExplainKind::kClassifierDrop:
      return rule() + ": the packet is dropped (classifier).";
    case ExplainKind::kNoClassifierRule:
      return "No classifier rule matches: no mark.";
    case ExplainKind::kService:
      return ServiceSentence(step);
    case ExplainKind::kNoService:
      return "No service takes " + WordOfProtocol(question_.protocol) + " to " +
             question_.destination.ToString() +
             (step.value == 1 ? ", though the address is the director's own." : ".");
    case ExplainKind::kWrongPort:
      return "Service " + Service(step.service) +
             " was found by its address alone and is not persistent, so it refuses other ports.";
    case ExplainKind::kTemplateHit:
      return "Client " + ClientNetwork(step.service.is_none() ? last_.service : step.service) +
             " has a template: it is bound to " + Real(step.real) + " with " +
             Count(step.value, "connection") + ", for another " + Span(step.remaining) + " of " +
             Span(step.timeout) + "; the scheduler is not asked.";
    case ExplainKind::kTemplateMiss:
      return "Client " + ClientNetwork(step.service.is_none() ? last_.service : step.service) +
             " has no template yet: the scheduler decides, and a template will remember it.";
    case ExplainKind::kTemplateInvalid:
      return "The client's template" +
             (step.real.is_none() ? std::string() : " names " + Real(step.real) + " but") +
             " does not hold: " + std::string(SentenceOf(static_cast<TemplateFault>(step.value))) +
             (static_cast<TemplateFault>(step.value) == TemplateFault::kRealQuiescent
                  ? ", as " + WhyZero(step.real)
                  : "") +
             ".";
    case ExplainKind::kEligible:
      return EligibilitySentence(step);
    case ExplainKind::kScheduled:
      return "Scheduler " + Scheduler() + " chooses " + Real(step.real) + ".";
    case ExplainKind::kNobodyEligible:
      return "No real may take a new connection: the client is told port unreachable (no_real).";
    case ExplainKind::kNextHop:
      return NextHopSentence(step);
    case ExplainKind::kNoRoute:
      return "There is no route to the real server: packets are dropped (no_route).";
  }
  return "A step this program does not know.";
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
      object["client_network"] =
          ClientNetwork(step.service.is_none() ? last_.service : step.service);
      object["connections"] = step.value;
      object["remaining_ms"] = Milliseconds(step.remaining);
      object["timeout_ms"] = Milliseconds(step.timeout);
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
    case ExplainKind::kNoClassifierRule:
    case ExplainKind::kNoService:
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
      const char* why = Has(ExplainKind::kScheduled)     ? "the scheduler chooses it"
                        : Has(ExplainKind::kTemplateHit) ? "the client has a template"
                                                         : "it belongs to a connection";
      return what + " goes to " + Real(last_.real) +
             (last_.service.is_none() ? "" : " of service " + Service(last_.service)) + ": " + why +
             ".";
    }
    case ExplainVerdict::kRefused:
      if (Has(ExplainKind::kNoRoute)) return what + " is refused: no route leads to the real.";
      return what + " is refused: the client is answered with " +
             (question_.protocol == 6 && !Has(ExplainKind::kNobodyEligible)
                  ? "a TCP RST."
                  : "ICMP port unreachable.");
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
  for (const Step& step : steps_) steps.push_back(StepToJson(step));
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
