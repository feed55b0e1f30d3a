// The words of a command line as options with their values; what ipvsadm's option library does.
//
//   Scanner scanner({"-Ln", "--set", "900"});
//   while (auto word = scanner.Next()) …word->option is kList, kNumeric, kSet…
//   scanner.error();        // "-q: unknown option", empty at a good end
//   scanner.positional();   // {"900"}
//
// Short options may be joined ("-Lcn", "-w5"), long ones take "=value" or the next word; an
// optional value is the next word unless that begins with "-". "--" ends options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::cli::ipvsadm {

enum class Option : uint8_t {
  // Commands: the first option of a line is one of these.
  kAddService,
  kEditService,
  kDeleteService,
  kClear,
  kRestore,
  kSave,
  kAddServer,
  kEditServer,
  kDeleteServer,
  kList,
  kZero,
  kSet,
  kStartDaemon,
  kStopDaemon,
  kHelp,
  kVersion,
  // Everything after it.
  kTcpService,
  kUdpService,
  kSctpService,
  kMarkService,
  kScheduler,
  kPersistent,
  kNetmask,
  kEngine,
  kSchedulerFlags,
  kOnePacket,
  kIpv6,
  kRealServer,
  kGatewaying,
  kIpip,
  kMasquerading,
  kFullnat,
  kWeight,
  kUpper,
  kLower,
  kTunnelType,
  kTunnelPort,
  kTunnelNoChecksum,
  kTunnelChecksum,
  kTunnelRemoteChecksum,
  kConnection,
  kTimeout,
  kDaemon,
  kStats,
  kRate,
  kThresholds,
  kPersistentConnections,
  kTunnelInfo,
  kNumeric,
  kExact,
  kSort,
  kNoSort,
  kSyncId,
  kMulticastInterface,
  kSyncMaxLength,
  kMulticastGroup,
  kMulticastPort,
  kMulticastTtl,
};
inline constexpr Option kLastCommand = Option::kVersion;

struct Word {
  Option option = Option::kList;
  std::optional<std::string> value;
};

class Scanner {
 public:
  explicit Scanner(const std::vector<std::string>& words) : words_(words) {}

  // Nothing at the end, or when error() says why.
  std::optional<Word> Next();
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const std::vector<std::string>& positional() const { return positional_; }

 private:
  std::optional<Word> Long(const std::string& word);
  std::optional<Word> Short();
  std::optional<Word> Fail(const std::string& what);

  const std::vector<std::string>& words_;
  size_t next_ = 0;
  std::string joined_;  // short options of the present word that are still to come
  std::vector<std::string> positional_;
  std::string error_;
};

// "--real-server" for messages.
std::string NameOf(Option option);

}  // namespace fairlead::cli::ipvsadm
