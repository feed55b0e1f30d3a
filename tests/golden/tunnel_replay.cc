#include "tunnel_replay.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <sstream>

#include "tunnel_lines.h"
#include "wire_lab.h"

namespace fairlead::golden::wire {
namespace tunnel_replay {
namespace {

namespace json = boost::json;
using Bytes = std::vector<uint8_t>;

// ---- where this director differs on purpose

constexpr const char* kErrorSource =
    "errors are those of any router: from our address on the sender's side, with DF, and they "
    "quote "
    "the packet as it came; the kernel's about a tunnel come from the virtual address, without DF, "
    "and quote the lowered TTL";
constexpr const char* kRateLimit =
    "one client draws six errors at once, then one a second; the recorded kernel had no limit";
constexpr const char* kTrueMtu =
    "an error from inside the tunnel's path is told on with what fits: the MTU it says, but 552 at "
    "least, less this tunnel's headers; the kernel says its own link's MTU less 20";
constexpr const char* kNoMtu =
    "\"frag needed\" that says MTU 0 says nothing that could be told on, and is dropped";
constexpr const char* kQuench = "source quench is deprecated (RFC 6633) and not told on";
constexpr const char* kPartial =
    "a checksum that its sender left to the network card comes as it is from a wire; nothing tells "
    "a director on DPDK to complete it";
constexpr const char* kPortRange =
    "the range of GUE source ports is always 32768 to 60999; there is no "
    "net.ipv4.ip_local_port_range";
constexpr const char* kHostAnswers =
    "a tunnel packet to the director is the host's; without a kernel behind the port it is dropped";
constexpr const char* kUsage = "the sentence of a refusal is our own; its exit code is equal";
constexpr const char* kCounts = "counts show at once; the recorded kernel's were not gathered yet";
constexpr const char* kTimes = "the seconds of a timer";
constexpr const char* kOrder = "connections are listed in the order of our tables";
constexpr const char* kLocalNode = "the director is no real server of its own yet (forward: local)";
constexpr const char* kRoutedVip =
    "a virtual address of a service is always the director's; whether a kernel routes it elsewhere "
    "is not asked";

constexpr size_t kErrorsAtOnce = 6;

std::string TextOf(const json::object& keys, const char* key) {
  const json::value* value = keys.if_contains(key);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->as_string());
}

// Digits of "14:59" are left out.
std::string WithoutTimes(std::string text) {
  for (size_t i = 2; i + 2 < text.size(); ++i) {
    if (text[i] != ':' || !isdigit(text[i - 1]) || !isdigit(text[i + 1])) continue;
    if (text.substr(i + 1, 3).find(' ') != 2) continue;
    text[i - 1] = text[i + 1] = text[i + 2] = '0';
    if (isdigit(text[i - 2])) text[i - 2] = '0';
  }
  return text;
}

std::multiset<std::string> LinesOf(const std::string& text) {
  std::multiset<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

// Of MTUs that routers name; the control core takes them in as often.
constexpr double kPathPauseSeconds = 1.1;

class TunnelCase {
 public:
  TunnelCase(const json::object& recorded, const WireReplayOptions& options, std::string place,
             WireReport* report)
      : case_(recorded),
        place_(std::move(place)),
        report_(*report),
        lab_({.workers = options.workers, .network = WireNetwork(1500)}) {}

  void Play() {
    ++report_.cases;
    for (const json::value& item : case_.at("steps").as_array()) {
      const json::object& step = item.as_object();
      ++number_;
      ++report_.steps;
      op_ = TextOf(step, "op");
      try {
        lab_.director().AdvanceTo(step.at("t").to_number<double>(), [](double) {});
        Do(step);
      } catch (const std::exception& e) {
        Expect(false, e.what());
      }
    }
    Expect(lab_.director().CheckConservation().empty(), lab_.director().CheckConservation());
  }

 private:
  void Do(const json::object& step) {
    if (op_ == "ipvsadm") return DoIpvsadm(step);
    if (op_ == "packet") return DoPacket(step);
    if (op_ == "conns") return DoTable(step);
    if (op_ == "gue-ports") return DoPorts(step);
    if (op_ == "shell") {
      has_other_ports_ |= TextOf(step, "command").find("-w net.ipv4.ip_local_port_range") == 7;
      return;
    }
    Expect(op_ == "mtu" || op_ == "note" || op_ == "sleep", "the replay has no such op");
  }

  void Expect(bool is_equal, const std::string& sentence) {
    ++report_.observations;
    if (is_equal) return;
    report_.failures.push_back(place_ + ": step " + std::to_string(number_) + " (" + op_ +
                               (note_.empty() ? "" : ", " + note_) + "): " + sentence);
  }
  void Use(const char* exception) { ++report_.exceptions[exception]; }

  // ---- ipvsadm

  void DoIpvsadm(const json::object& step) {
    const std::string arguments = TextOf(step, "args");
    const std::string expected = TextOf(step, "output");
    const CommandResult result = lab_.director().Ipvsadm(arguments);
    const auto code = step.at("rc").to_number<int>();
    Expect(result.exit_code == code, arguments + ": exit code " + std::to_string(result.exit_code) +
                                         ", not " + std::to_string(code) + ": " + result.err);
    if (code != 0) return Use(kUsage);
    if (result.out == expected) return Expect(true, "");
    if (arguments.find("--stats") != std::string::npos) return Use(kCounts);
    const std::string ours = WithoutTimes(result.out), theirs = WithoutTimes(expected);
    const bool is_list = arguments == "-Lcn";
    const bool is_same = is_list ? LinesOf(ours) == LinesOf(theirs) : ours == theirs;
    if (is_same) Use(ours == theirs ? kTimes : kOrder);
    Expect(is_same, arguments + ":\n" + result.out + "instead of\n" + expected);
  }

  // ---- packets

  void DoPacket(const json::object& step) {
    note_ = TextOf(step, "note");
    if (note_.starts_with("after it")) {
      lab_.director().AdvanceTo(step.at("t").to_number<double>() + kPathPauseSeconds,
                                [](double) {});
    }
    lab_.Take();  // announcements
    Bytes in;
    for (const json::value& item : step.at("in").as_array()) {
      in = FromHex(TextOf(item.as_object(), "hex"));
      lab_.Receive(TextOf(item.as_object(), "port"), in);
    }
    std::vector<WirePacket> expected;
    for (const json::value& item : step.at("out").as_array()) {
      const json::object& keys = item.as_object();
      expected.push_back({TextOf(keys, "port"), TextOf(keys, "to"), FromHex(TextOf(keys, "hex"))});
    }
    Compare(std::move(expected), lab_.Take(), in);
    note_.clear();
  }

  void Compare(std::vector<WirePacket> expected, std::vector<WirePacket> ours, const Bytes& in) {
    if (note_.starts_with("CHECKSUM_PARTIAL")) return ComparePartial(ours);
    if (IsExcused(expected, &ours, in)) return;
    if (expected.size() != ours.size()) {
      std::string text = std::to_string(ours.size()) + " packets instead of " +
                         std::to_string(expected.size()) + ":";
      for (const WirePacket& p : ours) text += "\n  " + LineOfTunnel(p, false).text;
      return Expect(false, text);
    }
    for (size_t i = 0; i < expected.size(); ++i) CompareOne(expected[i], ours[i]);
  }

  void CompareOne(const WirePacket& theirs, const WirePacket& ours) {
    errors_ += ErrorIn(ours).is_error() && ours.to == "client" ? 1 : 0;
    const TunnelLine line = LineOfTunnel(ours, false);
    Expect(line.problem.empty(), line.problem);
    const TunnelLine wanted = LineOfTunnel(theirs, false);
    ComparePorts(wanted, line);
    if (line.text == wanted.text) return Expect(true, "");
    const std::string ours_hidden = LineOfTunnel(ours, true).text;
    const std::string theirs_hidden = LineOfTunnel(theirs, true).text;
    if (ours_hidden == theirs_hidden) return Use(kErrorSource);
    Expect(false, "\n  " + line.text + "\ninstead of\n  " + wanted.text);
  }
  void ComparePorts(const TunnelLine& theirs, const TunnelLine& ours) {
    Expect(theirs.source_port.has_value() == ours.source_port.has_value(), "GUE, or not");
    if (!ours.source_port) return;
    Expect(*ours.source_port >= 32768 && *ours.source_port < 61000, "another range of ports");
    if (has_other_ports_) Use(kPortRange);
  }

  // Goes into the tunnel unchanged.
  void ComparePartial(const std::vector<WirePacket>& ours) {
    Use(kPartial);
    Expect(ours.size() == 1, std::to_string(ours.size()) + " packets came out");
    if (ours.size() != 1) return;
    const TunnelLine line = LineOfTunnel(ours[0], false);
    Expect(line.problem.empty(), line.problem);
  }

  // What an error is about, that routers inside a tunnel's path send to the director.
  bool IsExcused(const std::vector<WirePacket>& expected, std::vector<WirePacket>* ours,
                 const Bytes& in) {
    if (expected.size() != 1) return false;
    if (ours->empty() && in[9] == 1 && in[20] == 4) {
      Use(kQuench);
      return true;
    }
    const WireError theirs = ErrorIn(expected[0]);
    if (!theirs.is_error()) return false;
    if (ours->empty() && errors_ >= kErrorsAtOnce && expected[0].to == "client") {
      Use(kRateLimit);
      return true;
    }
    if (ours->empty() && in[9] == 4) {
      Use(kHostAnswers);
      return true;
    }
    const WireError told = ErrorIn({.port = "", .to = "", .ip = in});
    if (!told.is_error() || told.type != 3 || told.code != 4) return false;
    if (ours->empty() && told.mtu == 0) {
      Use(kNoMtu);
      return true;
    }
    if (ours->size() != 1) return false;
    const WireError said = ErrorIn((*ours)[0]);
    const int headers = in[20 + 8 + 9] == 17 ? 32 : 20;  // of the quoted outer header
    Expect(said.type == 3 && said.code == 4 && said.mtu == std::max(told.mtu, 552) - headers,
           "frag needed says " + std::to_string(said.mtu));
    ++errors_;
    Use(kTrueMtu);
    return true;
  }

  // ---- GUE ports: of each flow the same, of many flows many

  void DoPorts(const json::object& step) {
    const size_t flows = step.at("ports").as_array().size();
    const bool is_v4 = ports_asked_++ == 0;
    std::set<uint16_t> ports;
    for (size_t i = 0; i < flows; ++i) {
      const auto first = PortOf(is_v4, static_cast<uint16_t>(5000 + i));
      Expect(first && first == PortOf(is_v4, static_cast<uint16_t>(5000 + i)), "another port");
      if (first) ports.insert(*first);
    }
    Expect(ports.size() > flows * 9 / 10, std::to_string(ports.size()) + " ports");
    for (const uint16_t port : ports) Expect(port >= 32768 && port < 61000, "another range");
  }
  std::optional<uint16_t> PortOf(bool is_v4, uint16_t client_port) {
    Bytes ip = FromHex(is_v4 ? "4500001e123400004011542d0a0800020a6400010fa00050000a00006869"
                             : "60000000000a1140fd090000000000000000000000000008fd64000000000000"
                               "00000000000000010fa00050000a8d096869");
    ip[is_v4 ? 20 : 40] = static_cast<uint8_t>(client_port >> 8);
    ip[is_v4 ? 21 : 41] = static_cast<uint8_t>(client_port);
    lab_.Take();
    lab_.Receive("client", ip);
    const std::vector<WirePacket> sent = lab_.Take();
    return sent.size() == 1 ? LineOfTunnel(sent[0], false).source_port : std::nullopt;
  }

  // ---- the table

  void DoTable(const json::object& step) {
    std::vector<TableRow> rows = lab_.director().Table();
    for (const json::value& item : step.at("entries").as_array()) {
      const json::object& entry = item.as_object();
      const auto found = std::ranges::find_if(rows, [&](const TableRow& row) {
        return row.protocol == TextOf(entry, "proto") && row.source == TextOf(entry, "src") &&
               row.virtual_endpoint == TextOf(entry, "vip") &&
               row.destination == TextOf(entry, "dst") && row.state == TextOf(entry, "state");
      });
      Expect(found != rows.end(),
             "has no row " + TextOf(entry, "src") + " " + TextOf(entry, "dst"));
      if (found == rows.end()) continue;
      const auto expires = entry.at("exp").to_number<int64_t>();
      Expect(std::abs(found->expires - expires) <= 1, "expires: " + found->ToString());
      rows.erase(found);
    }
    for (const TableRow& row : rows) Expect(false, "has " + row.ToString() + " too");
  }

  const json::object& case_;
  const std::string place_;
  WireReport& report_;
  WireLab lab_;
  size_t number_ = 0;
  std::string op_, note_;
  size_t errors_ = 0;  // that a client has got
  size_t ports_asked_ = 0;
  bool has_other_ports_ = false;
};

// A case that is about something this director does not do; null: none of these.
const char* NotHere(const std::string& title) {
  for (const char* word : {"local node", "m8"}) {
    if (title.find(word) != std::string::npos) return kLocalNode;
  }
  return title.starts_with("m11") ? kRoutedVip : nullptr;
}

}  // namespace
}  // namespace tunnel_replay

bool IsTunnelRecording(const json::object& document) {
  const std::string name = tunnel_replay::TextOf(document, "name");
  return name == "t_tun" || name == "m_mixed";
}

WireReport ReplayTunnels(const json::object& document, const std::string& path,
                         const WireReplayOptions& options) {
  WireReport report;
  size_t number = 0;
  for (const json::value& item : document.at("cases").as_array()) {
    ++number;
    const json::object& recorded = item.as_object();
    const std::string title = tunnel_replay::TextOf(recorded, "title");
    if (title.find(options.only) == std::string::npos) continue;
    if (const char* why = tunnel_replay::NotHere(title)) {
      ++report.exceptions[why];
      continue;
    }
    tunnel_replay::TunnelCase(recorded, options,
                              path + ": case " + std::to_string(number) + " \"" + title + "\"",
                              &report)
        .Play();
  }
  return report;
}

}  // namespace fairlead::golden::wire
