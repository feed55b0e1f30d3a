#include "wire_replay.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <stdexcept>

#include "fragment_exceptions.h"
#include "local_replay.h"
#include "tunnel_replay.h"
#include "wire_case.h"

namespace fairlead::golden::wire {
namespace {

namespace json = boost::json;
using Bytes = std::vector<uint8_t>;

using namespace fragment_exceptions;  // NOLINT(google-build-using-namespace)

constexpr size_t kErrorsAtOnce = 6;

class CaseReplay : public WireCase {
 public:
  CaseReplay(const json::object& recorded, const WireReplayOptions& options, std::string place,
             WireReport* report)
      : WireCase(recorded, SpecOf(recorded, options), std::move(place), report),
        view_{.is_any_real = options.workers > 1} {}

 private:
  static GoldenSpec SpecOf(const json::object& recorded, const WireReplayOptions& options) {
    GoldenSpec spec;
    spec.workers = options.workers;
    if (const json::value* setup = recorded.if_contains("setup")) {
      const json::object& keys = setup->as_object();
      if (keys.contains("smtu")) spec.inside_mtu = keys.at("smtu").to_number<uint16_t>();
    }
    spec.network = WireNetwork(spec.inside_mtu);
    return spec;
  }

  void Do(const json::object& step) override {
    if (op() == "packet") return DoPacket(step);
    if (op() == "conns") return CompareRows(step);
    if (op() == "shell") {
      has_other_time_ |= TextOf(step, "command").find("ipfrag_time=") != std::string::npos;
      return;
    }
    WireCase::Do(step);
  }

  // ---- packets

  void DoPacket(const json::object& step) {
    note_ = TextOf(step, "note");
    bool fits = true, is_tiny = false;
    for (const json::value& item : step.at("in").as_array()) {
      const Bytes ip = FromHex(TextOf(item.as_object(), "hex"));
      const WireCut cut = CutOf(ip);
      ids_.insert(cut.id);
      fits &= cut.is_fragment && cut.dont_fragment;
      if (cut.is_fragment && cut.offset == 0 && cut.protocol == 6 && cut.bytes < 20) {
        is_tiny = true;
        tiny_.insert(SenderOf(ip));
      }
    }
    PutIn(step);
    std::vector<WirePacket> expected = ExpectedIn(step);
    if (is_tiny) {
      Use(kTiny);
      expected.clear();
    }
    Compare(std::move(expected), lab().Take(), fits);
    note_.clear();
  }

  std::vector<std::string> LinesOf(const std::vector<WirePacket>& packets, const char* port) {
    std::vector<std::string> lines;
    for (const WirePacket& p : packets) {
      if (p.port == port) lines.push_back(LineOf(p, view_));
    }
    return lines;
  }

  void Compare(std::vector<WirePacket> expected, std::vector<WirePacket> ours, bool fits) {
    for (const WirePacket& p : ours) {
      const WireCut cut = CutOf(p.ip);
      const bool is_tunnel = cut.protocol == 4 || cut.protocol == 41;
      if (cut.is_fragment && !is_tunnel) Expect(ids_.contains(cut.id), "another identification");
    }
    const bool is_same = LinesOf(expected, "client") == LinesOf(ours, "client") &&
                         LinesOf(expected, "server") == LinesOf(ours, "server");
    if (is_same && !view_.is_any_real) return Expect(true, "");
    CompareErrors(&expected, &ours, fits);
    const bool had_left = !theirs_left_.empty() || !ours_left_.empty();
    std::ranges::move(expected, std::back_inserter(theirs_left_));
    std::ranges::move(ours, std::back_inserter(ours_left_));
    for (std::string& text : TakeWhole(&ours_left_, view_)) ours_whole_.insert(std::move(text));
    bool all_there = true;
    for (const std::string& text : TakeWhole(&theirs_left_, view_)) {
      const auto found = ours_whole_.find(text);
      all_there &= found != ours_whole_.end();
      Expect(found != ours_whole_.end(), "missing: " + text.substr(0, 300));
      if (found != ours_whole_.end()) ours_whole_.erase(found);
    }
    Expect(theirs_left_.empty(), "the recording itself has fragments that make no datagram");
    theirs_left_.clear();
    if (is_same) return Use(kCursors);
    if (all_there) Use(had_left ? kSooner : kCuts);
  }

  // ICMP errors, which are taken out of both.
  void CompareErrors(std::vector<WirePacket>* expected, std::vector<WirePacket>* ours, bool fits) {
    std::erase_if(*expected, [&](const WirePacket& theirs) {
      const WireError error = ErrorIn(theirs);
      if (!error.is_error()) return false;
      const auto found = std::ranges::find_if(
          *ours, [&](const WirePacket& p) { return p.to == theirs.to && ErrorIn(p) == error; });
      if (found != ours->end()) {
        if (LineOf(*found, view_) != LineOf(theirs, view_)) TellApart(*found, theirs);
        Expect(true, "");
        ++errors_;
        ours->erase(found);
      } else if (error.type == 11 && error.code == 1) {
        Use(kNoTimeExceeded);
      } else if (errors_ >= kErrorsAtOnce) {
        Use(kRateLimit);
      } else if (error.type == 3 && error.code == 4 && fits) {
        Use(kFits);
        ++refused_there_;
      } else {
        Expect(false, "missing: ICMP " + std::to_string(error.type) + "/" +
                          std::to_string(error.code) + " with MTU " + std::to_string(error.mtu));
      }
      return true;
    });
    std::erase_if(*ours, [&](const WirePacket& p) {
      const WireError error = ErrorIn(p);
      if (!error.is_error()) return false;
      Expect(false, "ICMP " + std::to_string(error.type) + "/" + std::to_string(error.code) +
                        " came out too");
      return true;
    });
  }
  // Two errors that say the same in other bytes.
  void TellApart(const WirePacket& ours, const WirePacket& theirs) {
    const size_t addresses = ours.ip[0] >> 4 == 4 ? 12 : 8, size = ours.ip[0] >> 4 == 4 ? 4 : 16;
    const auto source = [&](const WirePacket& p) {
      return Bytes(p.ip.begin() + static_cast<long>(addresses),
                   p.ip.begin() + static_cast<long>(addresses + size));
    };
    Use(source(ours) == source(theirs) ? kQuote : kErrorSource);
  }

  // ---- the table

  void CompareRows(const json::object& step) {
    std::vector<TableRow> rows = lab().director().Table();
    for (const json::value& item : step.at("entries").as_array()) {
      const json::object& entry = item.as_object();
      const Row row = FindRow(&rows, entry, view_.is_any_real);
      if (!row.is_found() && tiny_.contains(TextOf(entry, "src"))) {
        Use(kTiny);
        continue;
      }
      ExpectRow(row, entry);
    }
    for (const TableRow& row : rows) {
      if (IsOfUnfinished(row.source)) {
        Use(kNeverWhole);
      } else {
        Expect(false, "has " + row.ToString() + " too");
      }
    }
  }
  bool IsOfUnfinished(const std::string& client) const {
    return std::ranges::any_of(ours_left_,
                               [&](const WirePacket& p) {
                                 return CutOf(p.ip).offset == 0 && SenderOf(p.ip) == client;
                               }) ||
           (has_other_time_ && !ours_whole_.empty());
  }

  void Conclude() override {
    if (!ours_left_.empty()) Use(kNeverWhole);
    if (!ours_whole_.empty() && has_other_time_) return Use(kShorterTime);
    // Here each that was refused there has come out.
    if (ours_whole_.size() == refused_there_) return;
    Expect(false, std::to_string(refused_there_) + " were refused there, and too much came out:");
    for (const std::string& text : ours_whole_) Expect(false, "too much: " + text.substr(0, 300));
  }

  const WireView view_;
  std::vector<WirePacket> theirs_left_, ours_left_;  // not whole yet
  std::multiset<std::string> ours_whole_;            // that the recording has not shown yet
  std::set<std::string> tiny_;                       // clients
  std::set<uint32_t> ids_;                           // of fragments that came in
  size_t errors_ = 0;                                // that a client has got
  size_t refused_there_ = 0;                         // datagrams, by kFits
  bool has_other_time_ = false;
};

std::optional<json::object> Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  boost::system::error_code error;
  const json::value document = json::parse(text, error);
  if (error || !document.is_object()) return std::nullopt;
  return document.as_object();
}

}  // namespace

bool IsWireRecording(const std::string& path) {
  const auto document = Read(path);
  if (!document) return false;
  const json::value* format = document->if_contains("format");
  return format != nullptr && format->is_int64() && format->as_int64() == 3 &&
         (TextOf(*document, "name").find("_frag") != std::string::npos ||
          IsTunnelRecording(*document) || IsLocalNodeRecording(*document));
}

WireReport ReplayWire(const std::string& path, const WireReplayOptions& options) {
  const auto document = Read(path);
  if (!document) throw std::runtime_error(path + ": cannot be read");
  if (IsTunnelRecording(*document)) return ReplayTunnels(*document, path, options);
  if (IsLocalNodeRecording(*document)) return ReplayLocalNode(*document, path, options);
  WireReport report;
  PlayCases(*document, path, options, [&](const json::object& recorded, std::string place) {
    CaseReplay(recorded, options, std::move(place), &report).Play();
  });
  return report;
}

}  // namespace fairlead::golden::wire
