// What a director of a fleet must not be told by the fleet: a file of its own machine.
//
//   Result<LocalFile> local = ReadLocalFile("/etc/fairlead/fleet.yaml", /*must_exist=*/false);
//   if (!local) …local.error() names the file, the line and the remedy…
//
//   user: edge                            # of etcd
//   password: s3cret
//   ca: /etc/fairlead/etcd-ca.pem         # speaks https; "system": the authorities of the system
//   certificate: /etc/fairlead/etcd.pem   # who this director is, where etcd asks for that
//   key: /etc/fairlead/etcd.key
//   address: 10.255.0.1                   # under which the others find this director
//   scripts: [/usr/local/sbin/notify]     # commands that the fleet may name
//   script_user: nobody
//   password_files: []                    # files with passwords that the fleet may name
//   eal: ["--no-huge"]                    # arguments added to those of the EAL
//   devices: ["net_memif0,socket=/run/m"] # devices that the fleet may name beside the usual kinds
//   state: /var/lib/fairlead              # where the last good configuration is kept
//
// Who can write it decides what runs here, and there may be a password in it, so nobody but its
// owner and group may read or write it (base/private_file.h); the same holds for `key`. What is
// wrong with a password is said without it. Threads: any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace fairlead::control {

inline constexpr const char* kDefaultLocalFile = "/etc/fairlead/fleet.yaml";

struct LocalFile {
  std::string path = kDefaultLocalFile;  // also when it is not there
  std::string user{}, password{};
  std::string ca{}, certificate{}, key{};
  std::optional<IpAddress> address{};
  std::vector<std::string> scripts{};
  std::string script_user = "nobody";
  std::vector<std::string> password_files{};
  std::vector<std::string> eal{}, devices{};
  std::string state = "/var/lib/fairlead";

  [[nodiscard]] bool uses_tls() const { return !ca.empty(); }
};

// `must_exist`: somebody has named it. Else a file that is not there is an empty one.
Result<LocalFile> ReadLocalFile(const std::string& path, bool must_exist);

// What stands in it, for tests and for the above.
Result<LocalFile> ParseLocalFile(const std::string& text, const std::string& path);

}  // namespace fairlead::control
