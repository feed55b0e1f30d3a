// Whether this machine can speak with other directors as `sync` wants it: the key that they share,
// or the certificates.
//
//   for (const FileFault& fault : FaultsOfSync(model.sync.stream)) …
//   // {"key_file", "/etc/fairlead/sync.key: holds a secret and everybody may read or write it; …"}
//
// What a session makes of the files (sync/stream/stream_tls.h), without a session. Threads: any.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/check_files.h"
#include "control/config/model.h"

namespace fairlead::control {

// The secret in a file, without the line end. Refused: a file that others may read, and one that
// has too little in it for a secret, or too much. The caller cleans it away.
Result<std::string> ReadSharedKey(const std::string& path);

// Empty: nothing is named, or all of it can be used.
std::vector<FileFault> FaultsOfSync(const StreamConfig& stream);
// The same as warnings of a check on this machine; their places are paths.
std::vector<Error> WarningsOfSyncFiles(const ConfigModel& model);

}  // namespace fairlead::control
