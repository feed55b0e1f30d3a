#include "control/config/dump.h"

#include <algorithm>
#include <compare>
#include <set>
#include <sstream>

#include "control/config/keys.h"
#include "control/config/mail_keys.h"
#include "control/config/sync_keys.h"
#include "control/config/units.h"
#include "control/config/yaml_writer.h"

namespace fairlead::control {
namespace {

void DumpDirector(Writer& w, const DirectorConfig& d) {
  w.Open("director", false);
  w.Key("name", Scalar(d.name));
  switch (d.workers.kind) {
    case WorkersConfig::Kind::kAuto:
      w.Key("workers", "auto");
      break;
    case WorkersConfig::Kind::kCount:
      w.Key("workers", std::to_string(d.workers.count));
      break;
    case WorkersConfig::Kind::kCores:
      w.Key("workers", FlowList(d.workers.cores, [](uint32_t c) { return std::to_string(c); }));
      break;
  }
  w.Key("idle", Word(d.idle));
  w.Key("connections", FormatSize(d.connections));
  w.Key("connections6", FormatSize(d.connections6));
  w.Key("templates", FormatSize(d.templates));
  w.Key("side_records", FormatSize(d.side_records));
  w.Key("snat_flows", FormatSize(d.snat_flows));
  w.Key("fragments", FormatSize(d.fragments));
  w.Key("arena", Scalar(d.arena));
  w.Key("hugepages", Word(d.hugepages));
  w.Key("telemetry", d.telemetry ? "true" : "false");
  w.Key("eal", FlowList(d.eal, Scalar));
  w.Key("script_user", Scalar(d.script_user));
  w.Key("scripts", FlowList(d.scripts, Scalar));
  w.Close();
}

std::string BondMap(const BondConfig& bond) {
  std::string text =
      "{ bond: { mode: " + Word(bond.mode) + ", members: " + FlowList(bond.members, Scalar);
  if (!bond.primary.empty()) text += ", primary: " + Scalar(bond.primary);
  if (bond.mode == BondMode::k8023ad) text += ", rate: " + Word(bond.rate);
  return text + " } }";
}

void DumpPort(Writer& w, const PortConfig& p) {
  const auto number = [](const std::optional<uint16_t>& n) {
    return n ? std::to_string(*n) : std::string("auto");
  };
  w.Key("name", Scalar(p.name));
  w.Key("device", p.bond ? BondMap(*p.bond) : Scalar(p.device));
  if (p.vlan) w.Key("vlan", std::to_string(*p.vlan));
  w.Key("role", Word(p.role));
  w.Key("addresses", FlowList(p.addresses, [](const Prefix& a) { return Scalar(a.ToString()); }));
  w.Key("mtu", std::to_string(p.mtu));
  w.Key("exception", Word(p.exception));
  w.Key("kernel_ingress", Word(p.kernel_ingress));
  w.Key("queues", number(p.queues));
  w.Key("descriptors", number(p.descriptors));
  w.Key("offloads", p.offloads ? "auto" : "off");
  if (!p.decapsulate.empty()) {
    w.Key("decapsulate", FlowList(p.decapsulate, [](TunnelType type) { return Word(type); }));
  }
}

void DumpRule(Writer& w, const ClassifierRule& r) {
  w.Key("name", Scalar(r.name));
  w.Key("action", Word(r.action));
  if (r.action == RuleAction::kMark) w.Key("mark", std::to_string(r.mark));
  w.Key("protocol", Word(r.protocol));
  if (!r.source.is_any()) w.Key("source", MatchText(r.source));
  if (!r.destination.is_any()) w.Key("destination", MatchText(r.destination));
  if (!r.source_ports.empty()) w.Key("source_port", FlowList(r.source_ports, RangeText<PortRange>));
  if (!r.destination_ports.empty())
    w.Key("destination_port", FlowList(r.destination_ports, RangeText<PortRange>));
  if (!r.input_port.empty()) w.Key("input_port", Scalar(r.input_port));
}

void DumpPolicy(Writer& w, const PolicyConfig& p) {
  DumpKeys(w, kGlobalPolicyKeys, p);
  DumpKeys(w, kServicePolicyKeys, p.service);
}

void DumpPrefixSets(Writer& w, const std::vector<PrefixSet>& sets) {
  if (!w.Open("prefix_sets", sets.empty(), "{}")) return;
  for (const PrefixSet& set : sets) {
    if (!w.Open(Scalar(set.name), set.prefixes.empty())) continue;
    for (const Prefix& prefix : set.prefixes) w.Line("- " + Scalar(prefix.ToString()));
    w.Close();
  }
  w.Close();
}

// In quotes: elsewhere such a number is octal.
std::string ModeText(uint16_t mode) {
  constexpr char kDigits[] = "01234567";
  return std::string("\"0") + kDigits[mode >> 6 & 7] + kDigits[mode >> 3 & 7] + kDigits[mode & 7] +
         "\"";
}

std::string IpvsSocketText(const IpvsSocketConfig& socket) {
  const std::string path = socket.path.empty() ? "none" : Scalar(socket.path);
  if (socket == IpvsSocketConfig{.path = socket.path}) return path;
  return "{ path: " + path + (socket.group.empty() ? "" : ", group: " + Scalar(socket.group)) +
         ", mode: " + ModeText(socket.mode) + " }";
}

// Paths of secrets, never what is in them.
std::string ListenText(const ApiListen& listen) {
  std::string out = "{ address: " + Scalar(AddressText(listen)) + ", role: " + Word(listen.role);
  const auto add = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out += ", " + std::string(key) + ": " + Scalar(value);
  };
  if (listen.kind == ApiListen::Kind::kUnix) {
    add("group", listen.group);
    out += ", mode: " + ModeText(listen.mode);
  }
  add("certificate", listen.certificate);
  add("key", listen.key);
  add("client_ca", listen.client_ca);
  add("crl", listen.crl);
  add("tokens", listen.tokens);
  return out + " }";
}

struct Piece {
  std::string key, text;
  friend auto operator<=>(const Piece&, const Piece&) = default;
};

// What is dumped is what the comparison knows of, so no list of sections can fall behind.
std::vector<Piece> PiecesOf(ConfigModel model) {
  model.services = SharedList<ServiceConfig>();
  std::vector<Piece> pieces;
  std::istringstream lines(Dump(model));
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == 0) {
      section = line.substr(0, line.find(':'));
      pieces.push_back({section, ""});
    } else if (indent == 2 && line[2] != '-') {
      pieces.push_back({section + "." + line.substr(2, line.find(": ") - 2), ""});
      if (pieces.back().key.ends_with(':')) pieces.back().key.pop_back();
    }
    pieces.back().text += line + "\n";
  }
  return pieces;
}

}  // namespace

std::string AddressText(const ApiListen& listen) {
  switch (listen.kind) {
    case ApiListen::Kind::kUnix:
      return "unix:" + listen.path;
    case ApiListen::Kind::kHttp:
      return "http://" + listen.endpoint.ToString();
    case ApiListen::Kind::kHttps:
      break;
  }
  return "https://" + listen.endpoint.ToString();
}

std::string MatchText(const AddressMatch& match) {
  std::string out = FlowList(match.sets, [](const std::string& set) { return Scalar("@" + set); });
  if (match.prefixes.empty()) return out;
  out.pop_back();
  if (!match.sets.empty()) out += ", ";
  return out +
         FlowList(match.prefixes, [](const Prefix& p) { return Scalar(p.ToString()); }).substr(1);
}

std::string Scalar(std::string_view text) {
  const bool is_plain = !text.empty() && text[0] != '-' && text[0] != '.' && text != "null" &&
                        text != "Null" && text != "NULL" &&
                        text.find_first_not_of(
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-") ==
                            std::string_view::npos;
  if (is_plain) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string TimeoutsText(const TimeoutsConfig& timeouts) {
  std::string text;
  for (const auto& key : kTimeoutKeys) {
    text += (text.empty() ? "{ " : ", ") + std::string(key.name) + ": " + key.text(timeouts);
  }
  return text + " }";
}

std::string Dump(const ConfigModel& model) {
  Writer w;
  w.Key("version", "1");
  DumpDirector(w, model.director);
  DumpList(w, "ports", model.ports, DumpPort);
  DumpList(w, "routes", model.routes, [](Writer& out, const RouteConfig& r) {
    out.Key("to", Scalar(r.to.ToString()));
    out.Key("via", Scalar(r.via.ToString()));
  });
  DumpPrefixSets(w, model.prefix_sets);
  DumpList(w, "classifier", model.classifier, DumpRule);
  w.Open("defaults", false);
  w.Key("scheduler", Word(model.defaults.scheduler));
  w.Key("forward", ForwardText(model.defaults.forward));
  w.Key("timeouts", TimeoutsText(model.defaults.timeouts));
  w.Close();
  DumpList(w, "client_groups", model.client_groups, [](Writer& out, const ClientGroup& g) {
    out.Key("name", Scalar(g.name));
    out.Key("source", MatchText(g.source));
  });
  w.Open("policy", false);
  DumpPolicy(w, model.policy);
  w.Close();
  DumpList(w, "services", model.services, DumpService);
  DumpList(w, "snat", model.snat, [](Writer& out, const SnatConfig& rule) {
    out.Key("source", Scalar(rule.source.ToString()));
    if (!rule.output.empty()) out.Key("output", Scalar(rule.output));
    out.Key("addresses",
            FlowList(rule.addresses, [](const Prefix& p) { return Scalar(p.ToString()); }));
    out.Key("ports", Scalar(RangeText(rule.ports)));
  });
  if (model.sync != SyncConfig{}) {
    w.Open("sync", false);
    if (model.sync.stream != StreamConfig{}) DumpKeys(w, kStreamKeys, model.sync.stream);
    if (model.sync.ipvs) DumpSection(w, "ipvs", kIpvsSyncKeys, *model.sync.ipvs);
    w.Close();
  }
  w.Open("api", false);
  w.Key("listen", FlowList(model.api.listen, ListenText));
  w.Key("ipvs_socket", IpvsSocketText(model.api.ipvs_socket));
  w.Key("on_reload", Word(model.api.on_reload));
  w.Close();
  w.Open("log", false);
  w.Key("level", Word(model.log.level));
  w.Close();
  if (model.mail) DumpSection(w, "mail", kMailKeys, *model.mail);
  return w.Take();
}

std::vector<std::string> DifferingKeys(const ConfigModel& one, const ConfigModel& other) {
  const std::vector<Piece> of_one = PiecesOf(one), of_other = PiecesOf(other);
  std::vector<std::string> keys;
  const auto note = [&keys](const std::vector<Piece>& pieces, const std::vector<Piece>& against) {
    const std::set<Piece> known(against.begin(), against.end());
    for (const Piece& piece : pieces) {
      if (keys.size() == kMostDifferingKeys) return;
      if (known.contains(piece)) continue;
      const std::string section = piece.key.substr(0, piece.key.find('.'));
      const auto is_named = [&](const std::string& key) {
        return key == piece.key || key == section;
      };
      if (std::ranges::none_of(keys, is_named)) keys.push_back(piece.key);
    }
  };
  note(of_one, of_other);
  note(of_other, of_one);
  return keys;
}

std::string DumpOf(const ServiceConfig& service) {
  Writer w;
  DumpService(w, service);
  return w.Take();
}

std::string DumpOf(const RealConfig& real) {
  Writer w;
  DumpReal(w, real);
  return w.Take();
}

std::string DumpOf(const TimeoutsConfig& timeouts) { return TimeoutsText(timeouts); }

std::string DumpOf(const IpvsSyncConfig& sync) {
  Writer w;
  DumpKeys(w, kIpvsSyncKeys, sync);
  return w.Take();
}

std::string DumpOf(const PolicyConfig& policy) {
  Writer w;
  DumpPolicy(w, policy);
  return w.Take();
}

}  // namespace fairlead::control
