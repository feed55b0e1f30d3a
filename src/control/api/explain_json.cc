#include "control/api/explain_json.h"

#include <algorithm>

#include "control/api/exact_weight.h"
#include "control/api/explain_words.h"
#include "control/api/json_views.h"
#include "control/api/readiness_json.h"
#include "control/api/record_json.h"

namespace fairlead::api {

namespace json = boost::json;
namespace step = dataplane::step;
using dataplane::ExplainVerdict;

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

}  // namespace

void ExplainReport::Add(const dataplane::ExplainAnswer& answer) {
  // A later worker may tell again what an earlier one has told.
  const auto is_told = [this, is_first = workers_.empty()](const Step& fresh) {
    if (is_first || std::holds_alternative<step::Candidate>(fresh)) return false;
    return std::any_of(steps_.begin(), steps_.end(),
                       [&](const Step& told) { return told.index() == fresh.index(); });
  };
  std::vector<Step> fresh;
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

// What scripts get of a step beside its word and its sentence.
struct ExplainReport::Members {
  const ExplainReport& report;
  json::object& object;

  // A step without members says all with its word.
  template <typename Kind>
  requires std::is_empty_v<Kind>
  void operator()(const Kind&) const {}

  void operator()(const step::ExistingConnection& s) const {
    AddReal(s.real);
    object["remaining_ms"] = Milliseconds(s.remaining);
    object["moves"] = s.moves;
  }
  void operator()(const step::ClassifierRule& s) const {
    AddRule(s.rule);
    object["mark"] = s.mark;
  }
  void operator()(const step::ClassifierDrop& s) const { AddRule(s.rule); }
  void operator()(const step::ServiceFound& s) const {
    AddService(s.service);
    object["found_by"] = WordOf(s.found_by);
  }
  void operator()(const step::NoService&) const {}  // the sentence says whose it is
  void operator()(const step::SourceNat& s) const {
    object["snat"] = report.SnatRule(s.rule);
    if (!s.local.port.is_zero()) object["local"] = s.local.ToString();
    object["flow"] = s.has_flow;
  }
  void operator()(const step::SourceNatExhausted& s) const {
    object["snat"] = report.SnatRule(s.rule);
  }
  void operator()(const step::UnknownConnection& s) const {
    const auto [key, value] = PolicyOf(s.decided_by);
    object["policy"] = key;
    object["value"] = value;
  }
  void operator()(const step::DropPacket& s) const { AddService(s.service); }
  void operator()(const step::WrongPort& s) const { AddService(s.service); }
  void operator()(const step::ClientGroup& s) const { AddGroup(s.group); }
  void operator()(const step::ClientNetmask& s) const {
    object["client_network"] = report.ClientNetwork();
    object["rule"] = s.rule + 1;
  }
  void operator()(const step::Spread& s) const {
    object["number"] = s.number + 1;
    object["of"] = s.of;
  }
  void operator()(const step::ServiceGroup& s) const { AddGroup(s.group); }
  void operator()(const step::TemplateHit& s) const {
    AddReal(s.real);
    object["client_network"] = report.ClientNetwork();
    object["connections"] = s.children;
    object["remaining_ms"] = MillisecondsOrNever(s.remaining);
    object["timeout_ms"] = MillisecondsOrNever(s.timeout);
  }
  void operator()(const step::TemplateInvalid& s) const {
    if (!s.real.is_none()) AddReal(s.real);
    object["fault"] = WordOf(s.fault);
  }
  void operator()(const step::Sibling& s) const { AddReal(s.real); }
  void operator()(const step::NoSibling& s) const { AddReal(s.real); }
  void operator()(const step::Pinned& s) const { AddReal(s.real); }
  void operator()(const step::Rekeyed& s) const { AddReal(s.real); }
  void operator()(const step::Candidate& s) const {
    AddReal(s.real);
    object["eligibility"] = WordOf(s.eligibility);
    object["weight"] = WeightNumber(report.WeightOf(s.real, s.weight));
    object["active_connections"] = s.active;
    object["inactive_connections"] = s.inactive;
  }
  void operator()(const step::HashedNetwork& s) const {
    object["client_network"] = report.ClientUnder(s.prefix_length, s.mask);
  }
  void operator()(const step::Scheduled& s) const {
    AddReal(s.real);
    object["scheduler"] = report.Scheduler();
  }
  void operator()(const step::NextHop& s) const {
    object["port"] = report.Port(s.port);
    object["neighbour"] = WordOf(s.neighbour);
  }
  void operator()(const step::AnswersLeave& s) const {
    object["port"] = report.Port(s.port);
    object["neighbour"] = WordOf(s.neighbour);
  }
  void operator()(const step::LinkLocalClient& s) const { AddReal(s.real); }
  void operator()(const step::Translated& s) const {
    if (s.local.port.is_zero()) {
      object["local_addresses"] = s.addresses;
    } else {
      object["local"] = s.local.ToString();
    }
  }

 private:
  void AddReal(RealId real) const { object["real"] = report.Real(real); }
  void AddService(ServiceId service) const { object["service"] = report.Service(service); }
  void AddGroup(dataplane::GroupNumber group) const {
    object["group"] = report.names_.Group(group);
  }
  void AddRule(uint32_t rule) const {
    if (rule >= report.view_.rules.size()) return;
    object["rule"] = report.view_.rules[rule].name;
    object["rule_text"] = report.view_.rules[rule].text;
  }
};

json::object ExplainReport::StepToJson(const Step& step) const {
  json::object object{{"step", WordOf(step)}};
  std::visit(Members{*this, object}, step);
  object["sentence"] = Sentence(step);
  return object;
}

const char* ExplainReport::WhyThisReal() const {
  if (Has<step::Rekeyed>()) return "its previous template names it";
  if (Has<step::Scheduled>()) return "the scheduler chooses it";
  if (Has<step::Pinned>()) return "the client is pinned to it";
  if (Has<step::TemplateHit>()) return "the client has a template";
  return "it belongs to a connection";
}

bool ExplainReport::HasLink(PortId id) const {
  const bool is_known = id.index() < view_.ports.size();
  return !is_known || view_.ports[id.index()].link.link.is_up;
}

std::string ExplainReport::Summary() const {
  const std::string what = WordOfProtocol(question_.protocol) + " from " + Client() + " to " +
                           question_.destination.ToString();
  switch (last_.verdict) {
    case ExplainVerdict::kForward:
      return what + " goes to " + Real(last_.real) +
             (last_.service.is_none() ? "" : " of service " + Service(last_.service)) + ": " +
             WhyThisReal() +
             (Has<step::NoWayBack>() ? ". But no route leads its answers back: they are dropped."
                                     : ".");
    case ExplainVerdict::kRefused:
      if (Has<step::NoRoute>()) return what + " is refused: no route leads to the real.";
      return what + " is refused: the client is answered with " +
             std::string(last_.is_reset ? RefusalOf(static_cast<Transport>(question_.protocol))
                                        : kUnreachable) +
             ".";
    case ExplainVerdict::kDropped:
      return what + " is dropped.";
    case ExplainVerdict::kNotOurs:
      break;
  }
  const auto* unserved = Find<step::NoService>();
  const bool is_own = unserved != nullptr && unserved->destination == dataplane::Unserved::kOwn;
  if (Has<step::SourceNat>()) {
    return what + " is no traffic of a service: it leaves by source NAT.";
  }
  return what + " is no traffic of a service: " +
         (is_own ? "it is for the director itself, and given to its kernel." : "it is routed.");
}

std::string ExplainReport::Fragments() const {
  const bool is_v4 = question_.client.address.is_v4();
  const std::string wait = std::string("wait for the first, which alone has the ports, for ") +
                           (is_v4 ? "30" : "60") + " s at the most, in whatever order they come";
  switch (last_.verdict) {
    case ExplainVerdict::kForward: {
      const std::string owner =
          question_.client.port.is_zero() || workers_.empty()
              ? "the flow's owner"
              : "worker " + std::to_string(workers_.front().value()) + ", which owns the flow";
      return "The first fragment of a datagram goes this way by " + owner + ". The others " + wait +
             ", and follow it.";
    }
    case ExplainVerdict::kRefused:
    case ExplainVerdict::kDropped:
      return "The first fragment of a datagram is dealt with so. The others " + wait +
             ", and are dropped as fragment_refused.";
    case ExplainVerdict::kNotOurs:
      break;
  }
  if (view_.rules.empty()) return "Each fragment of a datagram goes by its addresses alone.";
  return "The fragments of a datagram " + wait + ", since a rule may mark it, and follow it.";
}

json::object ExplainReport::ToJson() const {
  json::array steps, workers;
  for (const Step& step : steps_) {
    // The plain netmask only names the client in the sentences that follow.
    const auto* netmask = std::get_if<step::ClientNetmask>(&step);
    if (netmask != nullptr && netmask->rule < 0) continue;
    steps.push_back(StepToJson(step));
  }
  for (const WorkerId worker : workers_) workers.emplace_back(worker.value());
  const bool is_forwarded = last_.verdict == ExplainVerdict::kForward;
  const std::string silence = WhySilent(view_, question_.destination.address);
  return {{"client", Client()},
          {"destination", question_.destination.ToString()},
          {"protocol", WordOfProtocol(question_.protocol)},
          {"verdict", WordOf(last_.verdict)},
          {"service",
           last_.service.is_none() ? json::value(nullptr) : json::value(Service(last_.service))},
          {"real", is_forwarded ? json::value(Real(last_.real)) : json::value(nullptr)},
          {"summary", Summary()},
          {"fragments", Fragments()},
          {"not_announced", OrNull(!silence.empty(), silence)},
          {"steps", std::move(steps)},
          {"steps_left_out", left_out_},
          {"workers", std::move(workers)}};
}

}  // namespace fairlead::api
