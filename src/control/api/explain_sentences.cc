// What each step of an explanation says to people.
#include "control/api/exact_weight.h"
#include "control/api/explain_json.h"
#include "control/api/explain_words.h"
#include "control/api/json_views.h"
#include "control/api/record_json.h"
#include "dataplane/tables/transport_state.h"

namespace fairlead::api {

namespace step = dataplane::step;
using dataplane::Eligibility;
using dataplane::FoundBy;
using dataplane::LaterBy;
using dataplane::NeighbourState;
using dataplane::TemplateFault;
using dataplane::Unserved;

namespace {

// ", for another 4 min of 5 min"
std::string For(const step::TemplateHit& hit) {
  if (hit.remaining == dataplane::kForever) return ", for ever";
  return ", for another " + Span(hit.remaining) + " of " + Span(hit.timeout);
}

std::string Count(uint64_t n, const std::string& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

// Whose the destination is that no service is found for.
const char* Whose(Unserved destination) {
  switch (destination) {
    case Unserved::kOwn:
      return ", though the address is the director's own.";
    case Unserved::kMarkRange:
      return ", though it is of a network that a rule gives a mark: it is answered as a virtual "
             "address is, since its route leads back where it came from.";
    case Unserved::kGone:
      return ", which was virtual until its last service went: it is dropped (vip_gone), since its "
             "route leads back where it came from.";
    case Unserved::kOther:
      break;
  }
  return ".";
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
  if (view_.sync != nullptr && view_.sync->unknown_reals != nullptr) {
    for (const control::UnknownRealInfo& unknown : *view_.sync->unknown_reals) {
      if (unknown.id != id) continue;
      const Endpoint at{unknown.real.address, Be16::FromHost(unknown.real.port)};
      return at.ToString() + ", which no configuration names but a kernel director's messages do";
    }
  }
  const NamedReal* real = names_.real(id);
  return real == nullptr ? "(removed real)" : real->info->name;
}

std::string ExplainReport::InTunnel() const {
  const NamedReal* real = names_.real(last_.real);
  if (real == nullptr) return "";
  const auto method = ForwardMethodOf(real->info->forward);
  if (!method || !IsTunnel(*method)) return "";
  return " in a tunnel (" + std::string(fairlead::ToWord(real->info->tunnel.type)) + ")";
}

double ExplainReport::WeightOf(RealId id, int32_t scheduled) const {
  const NamedReal* real = names_.real(id);
  if (scheduled <= 0 || real == nullptr || real->info->effective_weight <= 0) return scheduled;
  return ExactWeight(*real->info);
}

std::string ExplainReport::Port(PortId id) const {
  for (const auto& port : view_.ports) {
    if (port.id == id) return port.name;
  }
  return "(unknown port)";
}

std::string ExplainReport::SnatRule(uint32_t index) const {
  if (index >= view_.snat.size()) return "(removed rule)";
  const control::SnatInfo& rule = view_.snat[index];
  return rule.source + (rule.output.empty() ? "" : " output " + rule.output);
}

std::string ExplainReport::Scheduler() const {
  const auto* service = names_.service(last_.service);
  return service == nullptr ? "?" : service->scheduler;
}

std::string ExplainReport::Client() const {
  return question_.client.port.is_zero() ? question_.client.address.ToString()
                                         : question_.client.ToString();
}

// The client's network under a netmask: "198.51.100.0/24".
std::string ExplainReport::ClientUnder(uint8_t prefix_length, uint32_t mask) const {
  return ClientText(question_.client.address, prefix_length, mask);
}

// What the template's key holds of the client: its network, or the name of its group.
std::string ExplainReport::ClientNetwork() const {
  if (const auto* group = Find<step::ClientGroup>()) return "group " + names_.Group(group->group);
  if (const auto* netmask = Find<step::ClientNetmask>()) {
    return ClientUnder(netmask->prefix_length, netmask->mask);
  }
  return question_.client.address.ToString();
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
  if (info.living_weight > 0) return "its service has too little living weight for its quorum";
  if (info.is_fallback) return "it is the fallback, for when no other is up";
  return "its weight is 0";
}

struct ExplainReport::Sentences {
  const ExplainReport& report;

  std::string operator()(const step::ExistingConnection& s) const {
    const auto transport = static_cast<Transport>(report.question_.protocol);
    // Steps to a service follow when a new connection would not be this one.
    const char* end = ".";
    if (s.moves) {
      end = ", but that real server is down or removed: the next packet begins a new one.";
    } else if (report.Has<step::ServiceFound>()) {
      end = ", but a new connection takes its place.";
    }
    return "The client has this connection already, to " + report.Real(s.real) +
           (HasStates(transport)
                ? ", in state " + std::string(dataplane::NameOf(transport, s.state))
                : "") +
           "; it is kept for another " + Span(s.remaining) + end;
  }
  std::string operator()(const step::BadSource&) const {
    return "No packet from outside has the source " + report.question_.client.address.ToString() +
           ": it is an address of the director, of a host behind it or no host's (bad_source).";
  }
  std::string operator()(const step::ClassifierRule& s) const {
    return Rule(s.rule) + " and gives mark " + std::to_string(s.mark) + ".";
  }
  std::string operator()(const step::ClassifierDrop& s) const {
    return Rule(s.rule) + ": the packet is dropped (classifier).";
  }
  std::string operator()(const step::NoClassifierRule&) const {
    return "No classifier rule matches: no mark.";
  }
  std::string operator()(const step::ServiceFound& s) const {
    const std::string takes = "Service " + report.Service(s.service) + " takes it";
    switch (s.found_by) {
      case FoundBy::kMark: {
        const auto* service = report.names_.service(s.service);
        return takes + ", by mark " + std::to_string(service == nullptr ? 0 : service->mark) + ".";
      }
      case FoundBy::kAddressAndPort:
        return takes + ": address, port and protocol are exactly its own.";
      case FoundBy::kFtpData:
        return takes + " as FTP data: it is the FTP service of this address.";
      case FoundBy::kAnyPort:
        break;
    }
    return takes + ": it serves all ports of this address.";
  }
  std::string operator()(const step::NoService& s) const {
    return "No service takes " + WordOfProtocol(report.question_.protocol) + " to " +
           report.question_.destination.ToString() + Whose(s.destination);
  }
  std::string operator()(const step::SourceNat& s) const {
    const std::string takes = "Source NAT takes it by rule " + report.SnatRule(s.rule);
    if (s.local.port.is_zero()) return takes + ": it leaves with an address of that rule.";
    return takes + (s.has_flow ? ": its flow leaves as " : ": its first packet would leave as ") +
           s.local.ToString() + ".";
  }
  std::string operator()(const step::SourceNatExhausted& s) const {
    return "Source NAT takes it by rule " + report.SnatRule(s.rule) +
           ", which has no port left for this destination (snat_exhausted).";
  }
  std::string operator()(const step::UnknownConnection& s) const {
    const auto [key, value] = PolicyOf(s.decided_by);
    const char* effect = "it is answered as on a closed port (not_a_syn)";
    switch (s.decided_by) {
      case LaterBy::kUnknownReset:
        break;
      case LaterBy::kUnknownDrop:
        effect = "it is dropped in silence (unknown_connection)";
        break;
      case LaterBy::kUnknownSchedule:
      case LaterBy::kSloppyTcp:
        effect = "it is scheduled as if it began one";
        break;
      case LaterBy::kCacheBypass:
        effect = "it goes where it was sent";
        break;
    }
    return "The packet is no SYN, and its connection is not here. As policy." + std::string(key) +
           " is " + std::string(value) + ", " + effect + ".";
  }
  std::string operator()(const step::DropPacket& s) const {
    return "Service " + report.Service(s.service) +
           " drops some new connections while drop_packet is in force, and this would be one of "
           "them (drop_packet).";
  }
  std::string operator()(const step::WrongPort& s) const {
    return "Service " + report.Service(s.service) +
           " was found by its address alone and is not persistent, so it refuses other ports.";
  }
  std::string operator()(const step::NoCallId&) const {
    return "Templates here are for SIP calls, found by their Call-ID, which only UDP packets show: "
           "it is dropped (no_call_id).";
  }
  std::string operator()(const step::ClientGroup& s) const {
    return "The client belongs to client group " + report.names_.Group(s.group) +
           ", which counts as one client.";
  }
  std::string operator()(const step::ClientNetmask& s) const {
    return "For persistence the client is " + report.ClientUnder(s.prefix_length, s.mask) +
           (s.rule < 0 ? ", by the service's netmask."
                       : ", by rule " + std::to_string(s.rule + 1) + " of the service's netmasks.");
  }
  std::string operator()(const step::Spread& s) const {
    return "Its connections are spread over " + std::to_string(s.of) +
           " templates by address and port; this one takes number " + std::to_string(s.number + 1) +
           ".";
  }
  std::string operator()(const step::Engine&) const {
    return "Templates here are for SIP calls, found by their Call-ID: this is the answer for a "
           "call that is new.";
  }
  std::string operator()(const step::ServiceGroup& s) const {
    return "The service shares its clients with persistence group " + report.names_.Group(s.group) +
           ".";
  }
  std::string operator()(const step::TemplateHit& s) const {
    return "Client " + report.ClientNetwork() + " has a template: it is bound to " +
           report.Real(s.real) + " with " + Count(s.children, "connection") + For(s) +
           "; the scheduler is not asked.";
  }
  std::string operator()(const step::TemplateMiss&) const {
    return "Client " + report.ClientNetwork() +
           " has no template yet: the scheduler decides, and a template will remember it.";
  }
  std::string operator()(const step::TemplateInvalid& s) const {
    return "The client's template" +
           (s.real.is_none() ? std::string() : " names " + report.Real(s.real) + " but") +
           " does not hold: " + std::string(SentenceOf(s.fault)) +
           (s.fault == TemplateFault::kRealQuiescent ? ", as " + report.WhyZero(s.real) : "") + ".";
  }
  std::string operator()(const step::Sibling& s) const {
    return "The template names " + report.Real(s.real) +
           " of another service of the group; here the real of the same address stands for it.";
  }
  std::string operator()(const step::NoSibling& s) const {
    return "The group's template names " + report.Real(s.real) +
           ", and this service has no real of that address: it keeps a template of its own.";
  }
  std::string operator()(const step::Pinned&) const { return "The template was pinned by hand."; }
  std::string operator()(const step::Rekeyed& s) const {
    return "Its template under the previous netmask names " + report.Real(s.real) +
           ": a new template with that real is made (rekey).";
  }
  std::string operator()(const step::Candidate& s) const {
    const std::string load =
        report.Real(s.real) + ": weight " + WeightText(report.WeightOf(s.real, s.weight)) + ", " +
        Count(s.active, "active connection") + ", " + std::to_string(s.inactive) + " inactive: ";
    switch (s.eligibility) {
      case Eligibility::kEligible:
        return load + "may be chosen.";
      case Eligibility::kWeightZero:
        return load + "takes no new clients, as " + report.WhyZero(s.real) + ".";
      case Eligibility::kOverloaded:
        return load + "takes no new clients, as it is overloaded.";
      case Eligibility::kUnavailable:
        break;
    }
    return load + "is not available.";
  }
  std::string operator()(const step::HashedNetwork& s) const {
    const std::string scheduler = report.Scheduler();
    return "Scheduler " + scheduler + " hashes " + report.ClientUnder(s.prefix_length, s.mask) +
           " in place of the client's address (" + scheduler + "-netmask).";
  }
  std::string operator()(const step::Scheduled& s) const {
    return "Scheduler " + report.Scheduler() + " chooses " + report.Real(s.real) + ".";
  }
  std::string operator()(const step::NobodyEligible&) const {
    return "No real may take a new connection: the client is told port unreachable (no_real).";
  }
  std::string operator()(const step::NextHop& s) const {
    return Way("It leaves by port " + report.Port(s.port) + report.InTunnel(), s.port, s.neighbour);
  }
  std::string operator()(const step::AnswersLeave& s) const {
    return Way(
        "Its answers come back through the director and leave by port " + report.Port(s.port),
        s.port, s.neighbour);
  }
  std::string operator()(const step::NoWayBack&) const {
    const bool is_v4 = report.question_.client.address.is_v4();
    return "Its answers come back through the director and go to " +
           report.question_.client.address.ToString() +
           ": no route leads there, so they are dropped (no_route). Add to the file routes: [{ to: "
           "\"" +
           (is_v4 ? "0.0.0.0/0" : "::/0") + "\", via: GATEWAY }].";
  }
  std::string operator()(const step::NoRoute&) const {
    return "There is no route to the real server: packets are dropped (no_route).";
  }
  std::string operator()(const step::LinkLocalClient& s) const {
    return "The client's address is link-local: " + report.Real(s.real) +
           " could not answer it, being behind NAT or on another port (link_local_client).";
  }
  std::string operator()(const step::Translated& s) const {
    if (!s.local.port.is_zero()) return "The real sees it come from " + s.local.ToString() + ".";
    if (s.addresses == 0) {
      return "There is no local address to translate its client to: it is dropped (no_local_port).";
    }
    return "The real will see it come from a free port of " +
           (s.addresses == 1 ? std::string("the local address.")
                             : "one of " + std::to_string(s.addresses) + " local addresses.");
  }

 private:
  std::string Rule(uint32_t rule) const {
    const auto& rules = report.view_.rules;
    return rule < rules.size()
               ? "Classifier rule " + rules[rule].name + " matches (" + rules[rule].text + ")"
               : "A classifier rule matches";
  }
  std::string Way(std::string way, PortId port, NeighbourState neighbour) const {
    if (!report.HasLink(port)) return way + ", which has no link: packets to it are lost.";
    way += "; the next hop ";
    switch (neighbour) {
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
};

std::string ExplainReport::Sentence(const Step& step) const {
  return std::visit(Sentences{*this}, step);
}

}  // namespace fairlead::api
