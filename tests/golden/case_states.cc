// Connections led from state to state by single segments.

#include <algorithm>

#include "case_run.h"
#include "compare.h"

namespace fairlead::golden {

namespace json = boost::json;

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
