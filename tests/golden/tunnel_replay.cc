#include "tunnel_replay.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "tunnel_lines.h"
#include "wire_case.h"

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
constexpr const char* kLocalNode = "the director is no real server of its own yet (forward: local)";
constexpr const char* kRoutedVip =
    "a virtual address of a service is always the director's; whether a kernel routes it elsewhere "
    "is not asked";

constexpr size_t kErrorsAtOnce = 6;

// Of MTUs that routers name; the control core takes them in as often.
constexpr double kPathPauseSeconds = 1.1;

class TunnelCase : public WireCase {
 public:
  TunnelCase(const json::object& recorded, const WireReplayOptions& options, std::string place,
             WireReport* report)
      : WireCase(recorded, {.workers = options.workers, .network = WireNetwork(1500)},
                 std::move(place), report) {}

 private:
  void Do(const json::object& step) override {
    if (op() == "packet") return DoPacket(step);
    if (op() == "conns") return CompareTable(step);
    if (op() == "gue-ports") return DoPorts(step);
    if (op() == "shell") {
      has_other_ports_ |= TextOf(step, "command").find("-w net.ipv4.ip_local_port_range") == 7;
      return;
    }
    if (op() != "mtu") WireCase::Do(step);
  }

  // ---- packets

  void DoPacket(const json::object& step) {
    note_ = TextOf(step, "note");
    if (note_.starts_with("after it")) {
      lab().director().AdvanceTo(step.at("t").to_number<double>() + kPathPauseSeconds,
                                 [](double) {});
    }
    const Bytes in = PutIn(step);
    Compare(ExpectedIn(step), lab().Take(), in);
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
    lab().Take();
    lab().Receive("client", ip);
    const std::vector<WirePacket> sent = lab().Take();
    return sent.size() == 1 ? LineOfTunnel(sent[0], false).source_port : std::nullopt;
  }

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

bool IsTunnelRecording(const boost::json::object& document) {
  const std::string name = TextOf(document, "name");
  return name == "t_tun" || name == "m_mixed";
}

WireReport ReplayTunnels(const boost::json::object& document, const std::string& path,
                         const WireReplayOptions& options) {
  WireReport report;
  PlayCases(document, path, options, [&](const boost::json::object& recorded, std::string place) {
    if (const char* why = tunnel_replay::NotHere(TextOf(recorded, "title"))) {
      ++report.exceptions[why];
      return;
    }
    tunnel_replay::TunnelCase(recorded, options, std::move(place), &report).Play();
  });
  return report;
}

}  // namespace fairlead::golden::wire
