#include "sync_replay.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "sync_table.h"

namespace fairlead::sync {
namespace {

class CaseReplay : public TableCase {
 public:
  using TableCase::TableCase;

  void Play() {
    ++report_.cases;
    for (const json::value& item : case_.at("steps").as_array()) {
      const json::object& step = item.as_object();
      ++number_;
      op_ = TextOf(step, "op");
      ++report_.steps;
      try {
        Do(step);
      } catch (const std::exception& e) {
        Expect(false, e.what());
      }
    }
  }

 private:
  void Do(const json::object& step) {
    const double at = NumberOf(step.at("t"));
    if (op_ == "sync-out") return CompareSent(step, at);
    if (op_ == "sync-flow") return PlayFlow(step, at);
    if (op_ == "sync-prefix") return PlayPrefixes(step);
    AdvanceTo(at);
    if (op_ == "ipvsadm") return BedOf(step).Ipvsadm(TextOf(step, "args"));
    if (op_ == "sysctl") return BedOf(step).Sysctl(TextOf(step, "key"), TextOf(step, "value"));
    if (op_ == "mark-rule") return DoMarkRule(step);
    if (op_ == "packet") return DoPacket(step);
    if (op_ == "conns") {
      PlayUnrecorded(number_);
      return CompareTable(step);
    }
    if (op_ == "counts") return CompareCounts(step);
    if (op_ == "sync-in") return HearOne(step);
    // Notes and remarks; what shells did; limits and defaults of sysctls; sizes and times of
    // datagrams, which datagram_writer_test has.
    static const std::set<std::string> kNothing{"note",           "sleep",       "shell",
                                                "sync-timing",    "sync-sizes",  "sync-burst",
                                                "sync-templates", "sysctl-check"};
    Expect(kNothing.contains(op_), "the replay has no such op");
  }

  void DoMarkRule(const json::object& step) {
    std::vector<uint16_t> ports;
    for (const json::value& port : step.at("destination_ports").as_array()) {
      ports.push_back(port.to_number<uint16_t>());
    }
    const uint8_t protocol = TextOf(step, "protocol") == "tcp" ? kProtocolTcp : kProtocolUdp;
    for (auto& b : beds_) b->MarkRule(protocol, ports, step.at("mark").to_number<uint32_t>());
  }

  // ---- packets

  void DoPacket(const json::object& step) {
    has_packets_ = true;
    std::vector<std::string> ours, expected;
    for (const json::value& item : step.at("in").as_array()) {
      const json::object& in = item.as_object();
      const std::string port = TextOf(in, "port");
      const std::string side = port.starts_with("client") ? "client" : "server";
      for (const WireOut& out : bed(IsSecond(port)).Packet(side, FromHex(TextOf(in, "hex")))) {
        ours.push_back(out.port + " " + Comparable(out.packet));
      }
    }
    for (const json::value& item : step.at("out").as_array()) {
      const json::object& out = item.as_object();
      const std::string port = TextOf(out, "port");
      expected.push_back((port.starts_with("client") ? "client " : "server ") +
                         Comparable(FromHex(TextOf(out, "hex"))));
    }
    if (ours != expected && IsExceptedPacket()) return;
    std::string sentence = "came out:";
    for (const auto& line : ours) sentence += " " + line;
    sentence += ", expected:";
    for (const auto& line : expected) sentence += " " + line;
    Expect(ours == expected, sentence);
  }

  bool IsExceptedPacket() {
    if (Is("s2g")) return Use(kNoFtp), true;
    if (Is("s3k3") && workers_ > 1) return Use(kCursors), true;
    if (Is("s3h ")) return Use(kNoIpvs), true;
    if (Is("s3h2") && workers_ > 1) return Use(kOwnerOnly), true;
    return false;
  }
};

}  // namespace

bool IsSyncRecording(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  boost::system::error_code error;
  const json::value document = json::parse(text, error);
  if (error || !document.is_object()) return false;
  const json::value* format = document.as_object().if_contains("format");
  return format != nullptr && format->is_int64() && format->as_int64() == 3 &&
         TextOf(document.as_object(), "name").find("_sync_") != std::string::npos;
}

SyncReport ReplaySync(const std::string& path, const SyncReplayOptions& options) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const json::value document = json::parse(text);
  SyncReport report;
  const std::string name = path.substr(path.rfind('/') + 1);
  for (const json::value& item : document.at("cases").as_array()) {
    const json::object& recorded = item.as_object();
    const std::string title = TextOf(recorded, "title");
    if (title.find(options.only) == std::string::npos) continue;
    CaseReplay(name + ": " + title, recorded, options, &report).Play();
  }
  return report;
}

}  // namespace fairlead::sync
