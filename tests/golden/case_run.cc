#include "case_run.h"

#include <algorithm>

#include "compare.h"

namespace fairlead::golden {
namespace {

namespace json = boost::json;

std::optional<Endpoint> VipOf(const json::object& keys) {
  const json::value* dst = keys.if_contains("dst");
  return dst == nullptr ? std::nullopt : std::optional(EndpointOf(*dst));
}

}  // namespace

CaseRun::CaseRun(const Recording& recording, size_t index, const ReplayOptions& options,
                 std::vector<MarkRule>* rules, Report* report)
    : recording_(recording),
      case_(recording.cases[index]),
      index_(index),
      report_(*report),
      rules_(*rules),
      director_({options.workers, options.is_through_netlink, recording.virtual_addresses, *rules}),
      network_(director_) {
  for (const Step& step : case_.steps) {
    is_watched_ |= step.op == "watch";
    has_raw_ |= step.op == "raw-tcp";
  }
}

void CaseRun::Play() {
  ++report_.cases;
  try {
    for (step_ = 0; step_ < case_.steps.size(); ++step_) {
      const Step& step = case_.steps[step_];
      director_.AdvanceTo(step.at, [this](double now) {
        network_.Tick(now);
        TakeSample();
      });
      Do(step);
      TakeSample();
      ++report_.steps;
    }
    --step_;
    Expect(director_.CheckConservation().empty(),
           "packets are lost or counted twice: " + director_.CheckConservation());
  } catch (const std::exception& e) {
    Expect(false, e.what());
  }
}

void CaseRun::Expect(bool is_equal, const std::string& sentence) {
  ++report_.observations;
  if (is_equal) return;
  report_.failures.push_back(PlaceOf(recording_, index_, std::min(step_, case_.steps.size() - 1)) +
                             ": " + sentence);
}

void CaseRun::ExpectText(const char* what, const std::string& ours, const std::string& expected) {
  Expect(ours == expected,
         std::string(what) + " is \"" + ours + "\", expected \"" + expected + "\"");
}

void CaseRun::Do(const Step& step) {
  const Keys& keys = step.keys;
  if (step.op == "note" || step.op == "sleep") return;
  if (step.op == "ipvsadm") return DoIpvsadm(keys);
  if (step.op == "mark-rule") return DoMarkRule(keys);
  if (step.op == "sysctl") {
    const json::value& value = keys.at("value");
    return director_.SetSysctl(
        TextOf(keys, "key"),
        value.is_string() ? TextOf(keys, "value") : std::to_string(value.to_number<int64_t>()));
  }
  if (step.op == "connect") return DoConnect(keys, Network::Keep::kNo);
  if (step.op == "connect-hold") return DoConnect(keys, Network::Keep::kHeld);
  if (step.op == "seq") return DoSequence(keys);
  if (step.op == "conns") return CompareConnections(keys);
  if (step.op == "counts") return CompareCounts(keys);
  if (step.op == "watch") return CompareWatch(keys);
  if (step.op == "state-table") return DoStateTable(keys);
  if (step.op == "udp") return DoUdp(keys);
  if (step.op == "raw-tcp") {
    return network_.Raw(EndpointOf(keys.at("src")), EndpointOf(keys.at("dst")),
                        FlagsOf(TextOf(keys, "flags")));
  }
  if (step.op == "close-all") {
    const size_t count = network_.CloseAll(TextOf(keys, "rs"));
    return Expect(count > 0, "holds no connection of " + TextOf(keys, "rs"));
  }
  DoHeld(step.op, keys);
}

void CaseRun::DoUdp(const Keys& keys) {
  const Endpoint vip = EndpointOf(keys.at("dst"));
  const std::string expected = TextOf(keys, "result");
  const std::string result = network_.Udp(EndpointOf(keys.at("src")), vip);
  if (expected == "TIMEOUT" && result != expected) {
    for (const control::ServiceInfo& service : director_.view()->services) {
      const bool is_nat = std::ranges::any_of(
          service.reals, [](const control::RealInfo& real) { return real.forward == "nat"; });
      if (service.is_one_packet && is_nat && service.address == vip.address &&
          service.port == vip.port) {
        return Use(Exception::kOnePacketNat);
      }
    }
  }
  ExpectText("the result", result, expected);
}

// ---- connections

std::string CaseRun::Connected(const Endpoint& client, const Endpoint& vip, Network::Keep keep,
                               const std::string& expected) {
  std::string result = network_.Connect(client, vip, keep);
  if (result == expected) {
    if (keep == Network::Keep::kHeld) held_.insert(client.ToString());
    return result;
  }
  if (expected == "TIMEOUT" && edited_.contains(result)) {
    Use(Exception::kNatToDr);
    timed_out_.insert(client.ToString());
    return expected;
  }
  return result;
}

void CaseRun::DoConnect(const Keys& keys, Network::Keep keep) {
  const std::string expected = TextOf(keys, "result");
  ExpectText("the result",
             Connected(EndpointOf(keys.at("src")), EndpointOf(keys.at("dst")), keep, expected),
             expected);
}

void CaseRun::DoSequence(const Keys& keys) {
  const auto keep = keys.at("hold").as_bool() ? Network::Keep::kHeld : Network::Keep::kNo;
  std::map<std::string, int64_t> counts;
  for (const json::value& item : keys.at("conns").as_array()) {
    const json::array& c = item.as_array();
    const std::string expected(c[4].as_string());
    const Endpoint client = EndpointOf(json::array{c[0], c[1]});
    const std::string result =
        Connected(client, EndpointOf(json::array{c[2], c[3]}), keep, expected);
    ExpectText(("the result of " + client.ToString()).c_str(), result, expected);
    ++counts[result];
  }
  for (const auto& wanted : keys.at("counts").as_object()) {
    const std::string name(wanted.key());
    ExpectText((name + "'s count").c_str(), std::to_string(counts[name]),
               std::to_string(wanted.value().to_number<int64_t>()));
    counts.erase(name);
  }
  for (const auto& [name, count] : counts) {
    Expect(false, name + " got " + std::to_string(count) + " connections, expected none");
  }
}

void CaseRun::DoHeld(const std::string& op, const Keys& keys) {
  const Endpoint client = EndpointOf(keys.at("src"));
  const auto vip = VipOf(keys);
  if (const json::value* rs = keys.if_contains("rs")) {
    ExpectText("the real server", network_.RealOf(client, vip), std::string(rs->as_string()));
  }
  if (op == "probe") {
    const std::string expected = TextOf(keys, "result"), result = network_.Probe(client, vip);
    const bool was_reset = expected.starts_with("RST") || expected.starts_with("errno");
    if (result != expected && was_reset && orphans_.contains(client.ToString())) {
      return Use(Exception::kLastService);
    }
    const bool is_reset = expected.starts_with("RST") && result.starts_with("RST");
    return Expect(is_reset || result == expected,
                  "the probe gave \"" + result + "\", expected \"" + expected + "\"");
  }
  if (op == "client-data") {
    const std::string result = network_.ClientData(client, vip);
    if (keys.contains("result")) ExpectText("the result", result, TextOf(keys, "result"));
    return;
  }
  if (op == "client-FIN") return network_.ClientFin(client, vip);
  if (op == "server-FIN") return network_.ServerFin(client, vip);
  if (op == "server-RST") return network_.ServerReset(client, vip);
  held_.erase(client.ToString());
  if (op == "close") return network_.Close(client, vip);
  if (op == "close-rst") return network_.CloseByReset(client, vip);
  throw std::runtime_error("the reader lets the op \"" + op + "\" through, the replay has none");
}

// ---- the operator

void CaseRun::DoIpvsadm(const Keys& keys) {
  const std::string arguments = TextOf(keys, "args");
  const auto before = director_.view();
  const CommandResult result = director_.Ipvsadm(arguments);
  const auto expected = keys.at("rc").to_number<int64_t>();
  Expect(result.exit_code == expected, "ipvsadm " + arguments + " ended with " +
                                           std::to_string(result.exit_code) + ", expected " +
                                           std::to_string(expected) + " " + result.err);
  if (expected != 0 || result.exit_code != 0) return;
  NoteChanges(*before);
  const Listing kind = KindOf(arguments);
  const std::string output = TextOf(keys, "output");
  std::string wrong = CompareListings(kind, output, result.out);
  if (!wrong.empty()) {
    wrong = CompareListings(kind, WithoutExcepted(output), WithoutExcepted(result.out));
  }
  Expect(wrong.empty(), "ipvsadm " + arguments + ": " + wrong);
}

// What makes an exception apply later.
void CaseRun::NoteChanges(const control::ControlView& before) {
  const auto after = director_.view();
  if (!before.services.empty() && after->services.empty()) orphans_ = held_;
  for (const control::ServiceInfo& service : before.services) {
    for (const control::RealInfo& real : service.reals) {
      const sched::Load load = director_.LoadOf(real.id);
      if (real.forward != "nat" || load.active + load.inactive == 0) continue;
      for (const control::ServiceInfo& now : after->services) {
        for (const control::RealInfo& same : now.reals) {
          if (same.id == real.id && same.forward != "nat") {
            edited_.insert(RealNameOf(real.endpoint.address));
          }
        }
      }
    }
  }
}

void CaseRun::DoMarkRule(const Keys& keys) {
  MarkRule rule{TextOf(keys, "protocol"),
                TextOf(keys, "destination"),
                {},
                keys.at("mark").to_number<uint32_t>()};
  for (const json::value& port : keys.at("destination_ports").as_array()) {
    rule.ports.push_back(port.to_number<uint16_t>());
  }
  // The last mark that is set wins, so the newest rule stands first.
  rules_.insert(rules_.begin(), std::move(rule));
  director_.SetRules(rules_);
}

}  // namespace fairlead::golden
