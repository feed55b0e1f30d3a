#include "case_run.h"

#include <algorithm>
#include <regex>
#include <sstream>

#include "compare.h"

namespace fairlead::golden {
namespace {

namespace json = boost::json;

TableRow EntryOf(const json::value& value) {
  const json::object& e = value.as_object();
  return {TextOf(e, "proto"), TextOf(e, "src"),   TextOf(e, "vip"),
          TextOf(e, "dst"),   TextOf(e, "state"), static_cast<int64_t>(NumberOf(e.at("exp")))};
}

std::optional<Endpoint> VipOf(const json::object& keys) {
  const json::value* dst = keys.if_contains("dst");
  return dst == nullptr ? std::nullopt : std::optional(EndpointOf(*dst));
}

bool IsRawClient(const TableRow& row) { return row.source.starts_with("10.8."); }

}  // namespace

CaseRun::CaseRun(const Recording& recording, size_t index, const ReplayOptions& options,
                 std::vector<MarkRule>* rules, Report* report)
    : recording_(recording),
      case_(recording.cases[index]),
      index_(index),
      report_(*report),
      rules_(*rules),
      director_({options.workers, recording.virtual_addresses, *rules}),
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
  if (step.op == "udp") {
    return ExpectText("the result",
                      network_.Udp(EndpointOf(keys.at("src")), EndpointOf(keys.at("dst"))),
                      TextOf(keys, "result"));
  }
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
  const std::string wrong = CompareListings(
      KindOf(arguments), WithoutExcepted(TextOf(keys, "output")), WithoutExcepted(result.out));
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

// ---- comparisons

void CaseRun::DropExcepted(std::vector<TableRow>* rows) {
  std::erase_if(*rows, [this](const TableRow& row) {
    if (orphans_.contains(row.source)) {
      Use(Exception::kLastService);
      return true;
    }
    if (timed_out_.contains(row.source)) {
      Use(Exception::kNatToDr);
      return true;
    }
    return false;
  });
}

// The same for lines of a listing: rows of such clients, counts of such reals.
std::string CaseRun::WithoutExcepted(const std::string& listing) {
  if (orphans_.empty() && timed_out_.empty()) return listing;
  static const std::regex kCounts(R"(( +\d+){2} *$)");
  std::istringstream in(listing);
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const auto names = [&](const std::string& client) {
      return line.find(" " + client + " ") != std::string::npos;
    };
    if (std::ranges::any_of(timed_out_, names)) {
      Use(Exception::kNatToDr);
      continue;
    }
    for (const std::string& real : edited_) {
      if (timed_out_.empty() || line.find("  -> 10.1.0.1" + real.substr(2) + ":") != 0) continue;
      line = std::regex_replace(line, kCounts, "");
      Use(Exception::kNatToDr);
    }
    kept += line + "\n";
  }
  return kept;
}

const TableRow* CaseRun::RowOf(const std::vector<TableRow>& rows, const Endpoint& client,
                               const Endpoint& vip) const {
  const auto it = std::ranges::find_if(rows, [&](const TableRow& row) {
    return row.source == client.ToString() && row.virtual_endpoint == vip.ToString();
  });
  return it == rows.end() ? nullptr : &*it;
}

// "in:SA" from the client, "out:SA" from the real server that has the connection.
void CaseRun::Follow(const Endpoint& client, const Endpoint& vip, const std::string& event) {
  const size_t colon = event.find(':');
  const uint8_t flags = FlagsOf(event.substr(colon + 1));
  if (event.substr(0, colon) == "in") return network_.Raw(client, vip, flags);
  if (event.substr(0, colon) != "out") throw std::invalid_argument("the event " + event);
  const std::vector<TableRow> rows = director_.Table();
  const TableRow* row = RowOf(rows, client, vip);
  const auto real = row == nullptr ? std::nullopt : Endpoint::Parse(row->destination);
  if (!real) throw std::runtime_error(event + " of a connection that is not in the table");
  network_.Raw(*real, client, flags);
}

void CaseRun::SendUnrecorded(const TableRow& expected) {
  static const std::map<std::string, std::vector<std::string>> kPaths{
      {"SYN_RECV", {"in:S"}},
      {"ESTABLISHED", {"in:S", "in:A"}},
      {"CLOSE_WAIT", {"in:S", "in:A", "in:FA"}},
      {"FIN_WAIT", {"in:S", "in:A", "out:FA"}},
      {"TIME_WAIT", {"in:S", "in:A", "in:FA", "out:FA"}},
      {"CLOSE", {"in:S", "in:A", "in:R"}},
  };
  const auto client = Endpoint::Parse(expected.source);
  const auto vip = Endpoint::Parse(expected.virtual_endpoint);
  const auto path = kPaths.find(expected.state);
  if (!client || !vip || path == kPaths.end()) return;
  const std::vector<TableRow> rows = director_.Table();
  const TableRow* row = RowOf(rows, *client, *vip);
  if (row != nullptr && row->state == expected.state) return;
  Use(Exception::kUnrecordedPackets);
  for (const std::string& event : path->second) Follow(*client, *vip, event);
}

void CaseRun::CompareConnections(const Keys& keys) {
  std::vector<TableRow> expected;
  for (const json::value& entry : keys.at("entries").as_array()) {
    expected.push_back(EntryOf(entry));
    if (!has_raw_ && IsRawClient(expected.back()) && expected.back().protocol == "TCP") {
      SendUnrecorded(expected.back());
    }
  }
  std::vector<TableRow> ours = director_.Table();
  DropExcepted(&expected);
  DropExcepted(&ours);
  for (TableRow& row : expected) {
    const auto same = std::ranges::find(ours, row.Key(), &TableRow::Key);
    if (same == ours.end() || !fired_.contains(row.Name())) continue;
    const auto apart = static_cast<double>(std::abs(same->expires - row.expires));
    if (apart <= kSecondsApart + LatenessOf(row)) row.expires = same->expires;
  }
  // As many observations as there are rows; an empty table is one, too.
  for (size_t i = 1; i < expected.size(); ++i) Expect(true, "");
  const std::string wrong = CompareTables(std::move(expected), std::move(ours));
  Expect(wrong.empty(), "the table differs: " + wrong);
}

void CaseRun::CompareCounts(const Keys& keys) {
  std::map<std::string, sched::Load> loads;
  const auto view = director_.view();
  for (const control::ServiceInfo& service : view->services) {
    for (const control::RealInfo& real : service.reals) {
      if (real.is_ghost) continue;
      const sched::Load load = director_.LoadOf(real.id);
      sched::Load& sum = loads[RealNameOf(real.endpoint.address)];
      sum.active += load.active;
      sum.inactive += load.inactive;
    }
  }
  for (const auto& real : keys.at("reals").as_object()) {
    const std::string name(real.key());
    const json::object& wanted = real.value().as_object();
    if (!timed_out_.empty() && edited_.contains(name)) {
      Use(Exception::kNatToDr);
      continue;
    }
    ExpectText((name + "'s ActiveConn").c_str(), std::to_string(loads[name].active),
               std::to_string(wanted.at("active").to_number<int64_t>()));
    ExpectText((name + "'s InActConn").c_str(), std::to_string(loads[name].inactive),
               std::to_string(wanted.at("inactive").to_number<int64_t>()));
  }
}

// ---- watches

void CaseRun::TakeSample() {
  constexpr double kInterval = 0.05;
  if (!is_watched_) return;
  const double now = director_.now();
  const bool is_due = samples_.empty() || now - samples_.back().at >= kInterval ||
                      now == case_.steps[std::min(step_, case_.steps.size() - 1)].at;
  if (!is_due) return;
  samples_.push_back({now, director_.Table()});
  while (now - samples_.front().at > kLongestLate) samples_.pop_front();
}

// A timer that the kernel sets when it fires late is late the next time by both.
double CaseRun::LatenessOf(const TableRow& row) const {
  const auto fired = fired_.find(row.Name());
  return kLate * (fired == fired_.end() ? 1 : 1 + fired->second);
}

bool CaseRun::WasSeen(const TableRow& row, double late) const {
  const double now = director_.now();
  return std::ranges::any_of(samples_, [&](const Sample& sample) {
    return now - sample.at <= late + kSeenLate &&
           std::ranges::any_of(sample.rows, [&](const TableRow& seen) {
             const auto apart = static_cast<double>(std::abs(seen.expires - row.expires));
             return seen.Key() == row.Key() && apart <= kSecondsApart + late;
           });
  });
}

bool CaseRun::WasAbsent(const TableRow& row, double late) const {
  const double now = director_.now();
  return std::ranges::any_of(samples_, [&](const Sample& sample) {
    return now - sample.at <= late + kSeenLate &&
           std::ranges::none_of(sample.rows,
                                [&](const TableRow& seen) { return seen.Name() == row.Name(); });
  });
}

void CaseRun::CompareWatch(const Keys& keys) {
  const std::string event = TextOf(keys, "event");
  const TableRow entry = EntryOf(keys.at("entry"));
  const double late = LatenessOf(entry);
  const std::vector<TableRow> rows = director_.Table();
  if (event == "gone") {
    const bool is_there = std::ranges::any_of(
        rows, [&](const TableRow& row) { return row.Name() == entry.Name() && row.expires > 0; });
    Expect(!is_there, "should be gone: " + entry.ToString());
    return Expect(WasSeen(entry, late), "went too early, or was never so: " + entry.ToString());
  }
  const auto same =
      std::ranges::find_if(rows, [&](const TableRow& row) { return row.Key() == entry.Key(); });
  if (same == rows.end()) return Expect(false, "is not in the table: " + entry.ToString());
  const double apart = kSecondsApart + (event == "present" ? 0 : late);
  Expect(static_cast<double>(std::abs(same->expires - entry.expires)) <= apart,
         "has " + std::to_string(same->expires) + " s left: expected " + entry.ToString());
  if (event == "new") Expect(WasAbsent(entry, late), "was there before: " + entry.ToString());
  if (const json::value* old = keys.if_contains("old")) {
    const TableRow before = EntryOf(*old);
    Expect(WasSeen(before, late), "was not so just before: " + before.ToString());
    if (event == "timer" && before.expires <= kSecondsApart) ++fired_[entry.Name()];
  }
}

// ---- the state machine

void CaseRun::DoStateTable(const Keys& keys) {
  const std::string forward = TextOf(keys, "forward");
  std::optional<Endpoint> vip;
  const auto view = director_.view();
  for (const control::ServiceInfo& service : view->services) {
    const bool has_method = std::ranges::any_of(service.reals, [&](const auto& real) {
      return real.forward == (forward == "NAT" ? "nat" : forward == "DR" ? "dr" : "tun");
    });
    if (service.protocol != 6 || !has_method) continue;
    if (vip) throw std::runtime_error("several services have reals of " + forward);
    vip = Endpoint{service.address, service.port};
  }
  if (!vip) throw std::runtime_error("no service has a real of " + forward);

  const json::object& paths = keys.at("paths").as_object();
  const json::object& timeouts = keys.at("timeouts").as_object();
  uint32_t next = 0;
  const auto fresh = [&] {
    const auto host = Ipv4Address::FromHost(0x0a08c801u + next / 10'000);  // 10.8.200.1 …
    const auto port = static_cast<uint16_t>(20'000 + next++ % 10'000);
    return Endpoint{host, Be16::FromHost(port)};
  };
  const auto check = [&](const Endpoint& client, const std::string& what, const std::string& state,
                         bool has_entered) {
    const std::vector<TableRow> rows = director_.Table();
    const TableRow* row = RowOf(rows, client, *vip);
    ExpectText(what.c_str(), row == nullptr ? "gone" : row->state, state);
    const json::value* timeout = timeouts.if_contains(state);
    if (!has_entered || row == nullptr || timeout == nullptr) return;
    const auto seconds = timeout->to_number<int64_t>();
    Expect(std::abs(row->expires - seconds) <= kSecondsApart,
           what + ": entering " + state + " gives " + std::to_string(row->expires) +
               " s, expected " + std::to_string(seconds));
  };
  const auto bring_to = [&](const std::string& state) {
    const json::value* path = paths.if_contains(state);
    if (path == nullptr) throw std::runtime_error("no path leads to " + state);
    const Endpoint client = fresh();
    for (const json::value& event : path->as_array()) {
      Follow(client, *vip, std::string(event.as_string()));
    }
    check(client, "the way to " + state, state, true);
    return client;
  };
  // The walk that was recorded began with one connection in the state the first packet leads to;
  // it counts later.
  for (const auto& path : paths) {
    if (path.value().as_array().size() != 1) continue;
    bring_to(std::string(path.key()));
    break;
  }
  for (const auto& cell : keys.at("table").as_object()) {
    const std::string name(cell.key());
    const size_t space = name.find(' ');
    const std::string state = name.substr(0, space);
    const std::string expected(cell.value().as_string());
    const Endpoint client = bring_to(state);
    Follow(client, *vip, name.substr(space + 1));
    check(client, name, expected, expected != state);
  }
}

}  // namespace fairlead::golden
