// Which commands a change by hand may name: programs of director.scripts, and what its service has
// named already. And which files with passwords: those that its service has named already, since
// who names a file and the server that is asked could else read it.
//
//   CheckCommands(service, &earlier, director.scripts, "services[2]", problems);
//
// Asked when a change is made, and when it is made again over a file after a restart; and of a
// whole configuration that comes from elsewhere (fleet/documents.h). Pure.
#pragma once

#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/config/problems.h"

namespace fairlead::control {

// `earlier`: the service as it is in force, or in the file; null: it is new. `path`: of `service`.
void CheckCommands(const ServiceConfig& service, const ServiceConfig* earlier,
                   const std::vector<std::string>& scripts, const std::string& path,
                   Problems& problems);

// What may be named, and what to do about the rest.
struct CommandRights {
  const std::vector<std::string>& scripts;
  const std::vector<std::string>& password_files;
  std::string script_remedy, password_remedy;  // "add it to …"
};
void CheckCommands(const ServiceConfig& service, const ServiceConfig* earlier,
                   const CommandRights& rights, const std::string& path, Problems& problems);
// `path`: of the map with the key password_file. An empty file is none.
void CheckPasswordFile(const std::string& file, const CommandRights& rights,
                       const std::string& path, Problems& problems);

}  // namespace fairlead::control
