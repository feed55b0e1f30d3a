// Where the configuration of a fleet is: what fairleadd -c is given in place of a file.
//
//   Result<EtcdPlace> place = ParseEtcdPlace("etcd://10.255.0.9:2379,10.255.0.10:2379/fairlead");
//   place->servers[0]                       // {"10.255.0.9", 2379}
//   place->CommonKey()                      // "/fairlead/common"
//   place->DirectorKey("edge-1")            // "/fairlead/directors/edge-1"
//
// Several servers are members of one cluster: when one does not answer, the next is asked. Threads:
// a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/fleet/local_file.h"

namespace fairlead::control {

inline constexpr std::string_view kEtcdScheme = "etcd://";
inline constexpr uint16_t kEtcdPort = 2379;

inline bool IsEtcdPlace(std::string_view path) { return path.starts_with(kEtcdScheme); }

struct EtcdServer {
  std::string host;  // a name or an address; IPv6 without brackets
  uint16_t port = kEtcdPort;
  [[nodiscard]] std::string ToString() const;  // "[fd00::9]:2379"
  friend bool operator==(const EtcdServer&, const EtcdServer&) = default;
};

struct EtcdPlace {
  static constexpr size_t kMostServers = 16;

  std::string url{};  // as it was given
  std::vector<EtcdServer> servers{};
  std::string prefix{};  // "/fairlead", without a slash at its end

  [[nodiscard]] std::string CommonKey() const { return prefix + "/common"; }
  [[nodiscard]] std::string DirectorKey(const std::string& name) const {
    return prefix + "/directors/" + name;
  }
  [[nodiscard]] std::string MembersPrefix() const { return prefix + "/members/"; }
  [[nodiscard]] std::string MemberKey(const std::string& name) const {
    return MembersPrefix() + name;
  }
};

Result<EtcdPlace> ParseEtcdPlace(std::string_view url);

// Without encryption only to this machine: whoever can write on the way decides what runs here.
Status CheckEncryption(const EtcdPlace& place, const LocalFile& local);

}  // namespace fairlead::control
