#include "cli/ipvsadm/words.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace fairlead::cli::ipvsadm {

namespace {

enum class Value : uint8_t { kNone, kNeeded, kOptional };

struct Row {
  Option option;
  char letter;  // 0: none
  std::string_view name;
  Value value = Value::kNone;
};

constexpr Row kRows[] = {
    {Option::kAddService, 'A', "add-service"},
    {Option::kEditService, 'E', "edit-service"},
    {Option::kDeleteService, 'D', "delete-service"},
    {Option::kClear, 'C', "clear"},
    {Option::kRestore, 'R', "restore"},
    {Option::kSave, 'S', "save"},
    {Option::kAddServer, 'a', "add-server"},
    {Option::kEditServer, 'e', "edit-server"},
    {Option::kDeleteServer, 'd', "delete-server"},
    {Option::kList, 'L', "list"},
    {Option::kList, 'l', "list"},
    {Option::kZero, 'Z', "zero"},
    {Option::kSet, 0, "set"},
    {Option::kStartDaemon, 0, "start-daemon", Value::kNeeded},
    {Option::kStopDaemon, 0, "stop-daemon", Value::kNeeded},
    {Option::kHelp, 'h', "help"},
    {Option::kVersion, 'v', "version"},
    {Option::kTcpService, 't', "tcp-service", Value::kNeeded},
    {Option::kUdpService, 'u', "udp-service", Value::kNeeded},
    {Option::kSctpService, 0, "sctp-service", Value::kNeeded},
    {Option::kMarkService, 'f', "fwmark-service", Value::kNeeded},
    {Option::kScheduler, 's', "scheduler", Value::kNeeded},
    {Option::kPersistent, 'p', "persistent", Value::kOptional},
    {Option::kNetmask, 'M', "netmask", Value::kNeeded},
    {Option::kEngine, 0, "pe", Value::kNeeded},
    {Option::kSchedulerFlags, 'b', "sched-flags", Value::kNeeded},
    {Option::kOnePacket, 'o', "ops"},
    {Option::kIpv6, '6', "ipv6"},
    {Option::kRealServer, 'r', "real-server", Value::kNeeded},
    {Option::kGatewaying, 'g', "gatewaying"},
    {Option::kIpip, 'i', "ipip"},
    {Option::kMasquerading, 'm', "masquerading"},
    {Option::kFullnat, 0, "fullnat"},
    {Option::kWeight, 'w', "weight", Value::kNeeded},
    {Option::kUpper, 'x', "u-threshold", Value::kNeeded},
    {Option::kLower, 'y', "l-threshold", Value::kNeeded},
    {Option::kTunnelType, 0, "tun-type", Value::kNeeded},
    {Option::kTunnelPort, 0, "tun-port", Value::kNeeded},
    {Option::kTunnelNoChecksum, 0, "tun-nocsum"},
    {Option::kTunnelChecksum, 0, "tun-csum"},
    {Option::kTunnelRemoteChecksum, 0, "tun-remcsum"},
    {Option::kConnection, 'c', "connection"},
    {Option::kTimeout, 0, "timeout"},
    {Option::kDaemon, 0, "daemon"},
    {Option::kStats, 0, "stats"},
    {Option::kRate, 0, "rate"},
    {Option::kThresholds, 0, "thresholds"},
    {Option::kPersistentConnections, 0, "persistent-conn"},
    {Option::kTunnelInfo, 0, "tun-info"},
    {Option::kNumeric, 'n', "numeric"},
    {Option::kExact, 'X', "exact"},
    {Option::kSort, 0, "sort"},
    {Option::kNoSort, 0, "nosort"},
    {Option::kSyncId, 0, "syncid", Value::kNeeded},
    {Option::kMulticastInterface, 0, "mcast-interface", Value::kNeeded},
    {Option::kSyncMaxLength, 0, "sync-maxlen", Value::kNeeded},
    {Option::kMulticastGroup, 0, "mcast-group", Value::kNeeded},
    {Option::kMulticastPort, 0, "mcast-port", Value::kNeeded},
    {Option::kMulticastTtl, 0, "mcast-ttl", Value::kNeeded},
};

}  // namespace

std::string NameOf(Option option) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows),
                                 [option](const Row& r) { return r.option == option; });
  return "--" + std::string(row->name);
}

std::optional<Word> Scanner::Fail(const std::string& what) {
  error_ = what;
  return std::nullopt;
}

std::optional<Word> Scanner::Next() {
  if (!error_.empty()) return std::nullopt;
  if (!joined_.empty()) return Short();
  while (next_ < words_.size()) {
    const std::string& word = words_[next_++];
    if (word == "--") {
      positional_.insert(positional_.end(), words_.begin() + static_cast<ptrdiff_t>(next_),
                         words_.end());
      next_ = words_.size();
    } else if (word.starts_with("--")) {
      return Long(word);
    } else if (word.starts_with('-') && word.size() > 1) {
      joined_ = word.substr(1);
      return Short();
    } else {
      positional_.push_back(word);
    }
  }
  return std::nullopt;
}

std::optional<Word> Scanner::Long(const std::string& word) {
  const size_t equals = word.find('=');
  const std::string name = word.substr(2, equals == word.npos ? word.npos : equals - 2);
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows),
                                 [&name](const Row& r) { return r.name == name; });
  if (row == std::end(kRows)) return Fail(word + ": unknown option");
  Word found{row->option, std::nullopt};
  if (equals != word.npos) {
    if (row->value == Value::kNone) return Fail(word + ": this option has no value");
    found.value = word.substr(equals + 1);
  } else if (row->value == Value::kNeeded) {
    if (next_ == words_.size()) return Fail(word + ": its value is missing");
    found.value = words_[next_++];
  } else if (row->value == Value::kOptional && next_ < words_.size() &&
             !words_[next_].starts_with('-')) {
    found.value = words_[next_++];
  }
  return found;
}

std::optional<Word> Scanner::Short() {
  const char letter = joined_.front();
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows),
                                 [letter](const Row& r) { return r.letter == letter; });
  if (row == std::end(kRows)) return Fail("-" + joined_ + ": unknown option");
  Word found{row->option, std::nullopt};
  std::string rest = joined_.substr(1);
  joined_.clear();
  if (row->value == Value::kNone) {
    joined_ = rest;
  } else if (!rest.empty()) {
    found.value = rest.starts_with('=') ? rest.substr(1) : rest;
  } else if (row->value == Value::kNeeded) {
    if (next_ == words_.size()) return Fail(std::string("-") + letter + ": its value is missing");
    found.value = words_[next_++];
  } else if (next_ < words_.size() && !words_[next_].starts_with('-')) {
    found.value = words_[next_++];
  }
  return found;
}

}  // namespace fairlead::cli::ipvsadm
