#include "local_replay.h"

#include <boost/json.hpp>
#include <utility>

#include "wire_case.h"

namespace fairlead::golden::wire {
namespace local_replay {
namespace {

namespace json = boost::json;

// ---- where this director differs on purpose

constexpr const char* kNoServer =
    "the director is no real server of its own yet (forward: local): ipvsadm is refused such a "
    "real "
    "with a sentence, so the service has none and its clients get port unreachable";
constexpr const char* kLoopback =
    "a loopback address is refused as a real server: no packet leaves for it. By NAT the kernel "
    "takes one and answers nobody";

class LocalCase : public WireCase {
 public:
  LocalCase(const json::object& recorded, const WireReplayOptions& options, std::string place,
            WireReport* report)
      : WireCase(recorded, {.workers = options.workers, .network = WireNetwork(1500)},
                 std::move(place), report) {}

 private:
  void Do(const json::object& step) override {
    const std::string arguments = TextOf(step, "args");
    if (op() == "ipvsadm" && arguments.starts_with("-a ")) return AddReal(arguments);
    if (op() == "ipvsadm" && arguments == "-Ln") return CompareServices(step);
    if (op() == "packet") return DoPacket(step);
    if (op() == "conns") return Expect(lab().director().Table().empty(), "there are connections");
    WireCase::Do(step);
  }

  void AddReal(const std::string& arguments) {
    const CommandResult result = lab().director().Ipvsadm(arguments);
    const bool is_loopback = arguments.find("-r [::1]") != std::string::npos;
    const char* sentence = is_loopback ? "::1" : "the director as a real server is not supported";
    Expect(result.exit_code != 0, arguments + " is not refused any more");
    Expect(result.err.find(sentence) != std::string::npos, arguments + ": " + result.err);
    Use(is_loopback ? kLoopback : kNoServer);
  }

  // The services are there, in the kernel's words; none has a real.
  void CompareServices(const json::object& step) {
    const CommandResult result = lab().director().Ipvsadm("-Ln");
    std::string expected;
    for (const std::string& line : LinesOf(TextOf(step, "output"))) {
      if (!line.starts_with("  -> [")) expected += line + "\n";
    }
    Expect(result.out == expected, result.out + "instead of\n" + expected);
  }

  // Whoever answers there: here it is port unreachable, from the virtual address.
  void DoPacket(const json::object& step) {
    note_ = TextOf(step, "note");
    PutIn(step);
    const std::vector<WirePacket> ours = lab().Take();
    size_t errors = 0;
    for (const WirePacket& packet : ours) {
      const WireError error = ErrorIn(packet);
      errors += error.type == 1 && error.code == 4 && packet.to == "client" ? 1 : 0;
    }
    const bool is_limited = errors_ >= kErrorsAtOnce && ours.empty();
    Expect(is_limited || (ours.size() == 1 && errors == 1),
           std::to_string(ours.size()) + " packets came out, and " + std::to_string(errors) +
               " of them say port unreachable");
    errors_ += errors;
    Use(note_.find("[::1]") != std::string::npos ? kLoopback : kNoServer);
    note_.clear();
  }

  static constexpr size_t kErrorsAtOnce = 6;
  size_t errors_ = 0;  // that the client has got
};

}  // namespace
}  // namespace local_replay

bool IsLocalNodeRecording(const boost::json::object& document) {
  return TextOf(document, "name") == "m5_local6";
}

WireReport ReplayLocalNode(const boost::json::object& document, const std::string& path,
                           const WireReplayOptions& options) {
  WireReport report;
  PlayCases(document, path, options, [&](const boost::json::object& recorded, std::string place) {
    local_replay::LocalCase(recorded, options, std::move(place), &report).Play();
  });
  return report;
}

}  // namespace fairlead::golden::wire
