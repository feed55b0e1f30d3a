// What each step of an explanation says to people.
#include "control/api/explain_json.h"
#include "control/api/explain_words.h"
#include "control/api/json_views.h"
#include "control/api/record_json.h"
#include "dataplane/tables/transport_state.h"

namespace fairlead::api {

using dataplane::Eligibility;
using dataplane::ExplainKind;
using dataplane::ExplainStep;
using dataplane::NeighbourState;
using dataplane::TemplateFault;

namespace {

// ", for another 4 min of 5 min"
std::string For(const ExplainStep& step) {
  if (step.remaining == dataplane::kForever) return ", for ever";
  return ", for another " + Span(step.remaining) + " of " + Span(step.timeout);
}

std::string Count(uint64_t n, const std::string& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

// Whose the destination is that no service is found for; `value` as of ExplainKind::kNoService.
const char* Claim(uint32_t value) {
  switch (value) {
    case 1:
      return ", though the address is the director's own.";
    case 2:
      return ", though it is of a network that a rule gives a mark: it is answered as a virtual "
             "address is, since its route leads back where it came from.";
    case 3:
      return ", which was virtual until its last service went: it is dropped (vip_gone), since its "
             "route leads back where it came from.";
    default:
      return ".";
  }
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

// What the template's key holds of the client: "198.51.100.0/24", or the name of its group.
std::string ExplainReport::ClientNetwork() const {
  const IpAddress& client = question_.client.address;
  for (const Step& step : steps_) {
    if (step.kind == ExplainKind::kClientGroup) return "group " + names_.Group(step.group);
    if (step.kind == ExplainKind::kClientNetmask) {
      return ClientText(client, static_cast<int>(step.value), step.mark);
    }
  }
  return client.ToString();
}

// Who counts as one client here, and with whom: the steps before the template.
std::string ExplainReport::IdentitySentence(const Step& step) const {
  switch (step.kind) {
    case ExplainKind::kClientGroup:
      return "The client belongs to client group " + names_.Group(step.group) +
             ", which counts as one client.";
    case ExplainKind::kClientNetmask:
      return "For persistence the client is " +
             ClientText(question_.client.address, static_cast<int>(step.value), step.mark) +
             (step.weight < 0
                  ? ", by the service's netmask."
                  : ", by rule " + std::to_string(step.weight + 1) + " of the service's netmasks.");
    case ExplainKind::kSpread:
      return "Its connections are spread over " + std::to_string(step.weight) +
             " templates by address and port; this one takes number " +
             std::to_string(step.value + 1) + ".";
    case ExplainKind::kEngine:
      return "Templates here are for SIP calls, found by their Call-ID: this is the answer for a "
             "call "
             "that is new.";
    case ExplainKind::kServiceGroup:
      return "The service shares its clients with persistence group " + names_.Group(step.group) +
             ".";
    case ExplainKind::kSibling:
      return "The template names " + Real(step.real) +
             " of another service of the group; here the real of the same address stands for it.";
    case ExplainKind::kNoSibling:
      return "The group's template names " + Real(step.real) +
             ", and this service has no real of that address: it keeps a template of its own.";
    case ExplainKind::kPinned:
      return "The template was pinned by hand.";
    default:
      return "Its template under the netmask of before names " + Real(step.real) +
             ": a new template with that real is made (rekey).";
  }
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
  const auto transport = static_cast<Transport>(question_.protocol);
  const auto rule = [&] {
    return step.value < view_.rules.size() ? "Classifier rule " + view_.rules[step.value].name +
                                                 " matches (" + view_.rules[step.value].text + ")"
                                           : "A classifier rule matches";
  };
  switch (step.kind) {
    case ExplainKind::kExistingConnection:
      // Steps to a service follow when a new connection would not be this one.
      return "The client has this connection already, to " + Real(step.real) +
             (HasStates(transport)
                  ? ", in state " +
                        std::string(dataplane::NameOf(transport, static_cast<uint8_t>(step.value)))
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
             question_.destination.ToString() + Claim(step.value);
    case ExplainKind::kWrongPort:
      return "Service " + Service(step.service) +
             " was found by its address alone and is not persistent, so it refuses other ports.";
    case ExplainKind::kTemplateHit:
      return "Client " + ClientNetwork() + " has a template: it is bound to " + Real(step.real) +
             " with " + Count(step.value, "connection") + For(step) +
             "; the scheduler is not asked.";
    case ExplainKind::kTemplateMiss:
      return "Client " + ClientNetwork() +
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
    case ExplainKind::kBadSource:
      return "No packet from outside has the source " + question_.client.address.ToString() +
             ": it is an address of the director or no host's (bad_source).";
    case ExplainKind::kLinkLocalClient:
      return "The client's address is link-local: " + Real(step.real) +
             " could not answer it, being behind NAT or on another port (link_local_client).";
    case ExplainKind::kClientGroup:
    case ExplainKind::kClientNetmask:
    case ExplainKind::kSpread:
    case ExplainKind::kEngine:
    case ExplainKind::kServiceGroup:
    case ExplainKind::kSibling:
    case ExplainKind::kNoSibling:
    case ExplainKind::kPinned:
    case ExplainKind::kRekeyed:
      return IdentitySentence(step);
    case ExplainKind::kHashedNetwork:
      return "Scheduler " + Scheduler() + " hashes " +
             ClientText(question_.client.address, static_cast<int>(step.value), step.mark) +
             " in place of the client's address (" + Scheduler() + "-netmask).";
  }
  return "A step this program does not know.";
}

}  // namespace fairlead::api
