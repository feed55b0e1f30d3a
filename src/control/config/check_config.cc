#include "control/config/check_config.h"

#include <iterator>
#include <utility>

#include "control/config/machine_warnings.h"
#include "control/config/reader_rights.h"
#include "control/config/sync_files.h"

namespace fairlead::control {

void AddMachineWarnings(const std::string& place, LoadResult* loaded) {
  if (!*loaded) return;
  for (std::vector<Error> more :
       {WarningsForUserOfTheUnit(*loaded->model), WarningsOfSyncFiles(*loaded->model),
        WarningsOfWaysBack(*loaded->model)}) {
    for (Error& warning : more) {
      warning.place = place + ": " + warning.place;
      loaded->warnings.push_back(std::move(warning));
    }
  }
}

LoadResult CheckConfig(const std::string& path) {
  LoadResult loaded = LoadConfig(path);
  AddMachineWarnings(path, &loaded);
  return loaded;
}

}  // namespace fairlead::control
