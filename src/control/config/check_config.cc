#include "control/config/check_config.h"

#include <iterator>
#include <utility>

#include "control/config/machine_warnings.h"
#include "control/config/reader_rights.h"

namespace fairlead::control {

LoadResult CheckConfig(const std::string& path) {
  LoadResult loaded = LoadConfig(path);
  if (!loaded) return loaded;
  for (std::vector<Error> more :
       {WarningsForUserOfTheUnit(*loaded.model), WarningsOfWaysBack(*loaded.model)}) {
    for (Error& warning : more) {
      warning.place = path + ": " + warning.place;
      loaded.warnings.push_back(std::move(warning));
    }
  }
  return loaded;
}

}  // namespace fairlead::control
