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
    "the director is no real server of its own yet (forward: local): a datagram to such a real is "
    "taken, counted and kept in the table as by the kernel, and nobody answers it";

class LocalCase : public WireCase {
 public:
  LocalCase(const json::object& recorded, const WireReplayOptions& options, std::string place,
            WireReport* report)
      : WireCase(recorded, {.workers = options.workers, .network = WireNetwork(1500)},
                 std::move(place), report) {}

 private:
  void Do(const json::object& step) override {
    if (op() == "packet") return DoPacket(step);
    if (op() == "conns") return CompareTable(step);
    WireCase::Do(step);
  }

  void DoPacket(const json::object& step) {
    note_ = TextOf(step, "note");
    PutIn(step);
    std::vector<WirePacket> ours = lab().Take();
    const std::vector<WirePacket> expected = ExpectedIn(step);
    if (ours.empty() && !expected.empty()) {
      Use(kNoServer);
    } else {
      Expect(ours.size() == expected.size(), std::to_string(ours.size()) + " packets came out");
    }
    for (size_t i = 0; i < std::min(ours.size(), expected.size()); ++i) {
      const std::string text = LineOf(ours[i], {}), wanted = LineOf(expected[i], {});
      Expect(text == wanted, "\n  " + text + "\ninstead of\n  " + wanted);
    }
    note_.clear();
  }
};

}  // namespace
}  // namespace local_replay

bool IsLocalNodeRecording(const json::object& document) {
  return TextOf(document, "name") == "m5_local6";
}

WireReport ReplayLocalNode(const json::object& document, const std::string& path,
                           const WireReplayOptions& options) {
  WireReport report;
  PlayCases(document, path, options, [&](const json::object& recorded, std::string place) {
    local_replay::LocalCase(recorded, options, std::move(place), &report).Play();
  });
  return report;
}

}  // namespace fairlead::golden::wire
