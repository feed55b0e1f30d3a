// The last good documents of a fleet on the director's disk, for a start while the store is away.
//
//   Status s = KeepDocuments("/var/lib/fairlead", "edge-1", "/fairlead", documents);
//   Result<std::optional<Documents>> kept = ReadKeptDocuments("/var/lib/fairlead", "edge-1", …);
//   // none: nothing was kept of this director and this prefix
//
// One file, fleet-NAME, in the form of stored_file.h, and forced to the disk: it is for the day on
// which the store and the director have both been without power. Threads: any; one writer.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "control/fleet/documents.h"

namespace fairlead::control {

Status KeepDocuments(const std::string& directory, const std::string& name,
                     const std::string& prefix, const Documents& documents);
Result<std::optional<Documents>> ReadKeptDocuments(const std::string& directory,
                                                   const std::string& name,
                                                   const std::string& prefix);

}  // namespace fairlead::control
