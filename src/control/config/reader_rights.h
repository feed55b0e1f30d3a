// Whether the user as whom the unit runs the director may read the files that the configuration
// names. Root may read everything, so who checks a configuration as root would not see it.
//
//   const std::optional<Reader> user = UserOfTheUnit();       // none: we are that user, or not
//   root for (const Error& fault : FindUnreadable(model, *user, RightsOnThisMachine)) …
//
// Modes, groups and the directories on the way are looked at; access lists are not. What is not
// there is somebody else's to say. Threads: any.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/model.h"

namespace fairlead::control {

struct FileRights {
  mode_t mode = 0;
  uid_t user = 0;
  gid_t group = 0;
};
// None: it is not there.
using RightsReader = std::function<std::optional<FileRights>(const std::string& path)>;

struct Reader {
  std::string name{};
  uid_t user = 0;
  std::vector<gid_t> groups{};
};

// None unless we are root and there is a user fairlead.
std::optional<Reader> UserOfTheUnit();
std::optional<FileRights> RightsOnThisMachine(const std::string& path);

// `mends`: a command for root.
struct Unreadable {
  std::string place;  // "api.listen[1].key"
  std::string sentence;
  std::string mends;
};
// Of the listeners of the API, and of `sync`.
std::vector<Unreadable> FindUnreadable(const ConfigModel& model, const Reader& reader,
                                       const RightsReader& rights_of);

// The same as warnings of a check on this machine; nothing where UserOfTheUnit has nobody.
std::vector<Error> WarningsForUserOfTheUnit(const ConfigModel& model);

}  // namespace fairlead::control
