// What a listener of the API needs of this machine, with the tests that a start makes: files of
// TLS and tokens, and groups.
//
//   for (const FileFault& fault : FaultsOfListener({.tokens = "/etc/fairlead/tokens"}))
//     …fault.key is "tokens", fault.sentence "/etc/fairlead/tokens:3: the role must be …"…
//
// Everything that is wrong, not only the first thing, and each with what mends it. A start, a
// check, a reload and the doctor all ask here, so none of them finds good what another refuses.
// Regular files of bounded size are read as us; nothing is changed. Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/config/check_files.h"

namespace fairlead::control {

// Paths and a group; empty: not named.
struct ListenerFiles {
  std::string certificate{}, key{}, client_ca{}, crl{}, tokens{}, group{};
  friend auto operator<=>(const ListenerFiles&, const ListenerFiles&) = default;
};

std::vector<FileFault> FaultsOfListener(const ListenerFiles& files);

}  // namespace fairlead::control
