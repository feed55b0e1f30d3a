// The directory in which a director keeps what its successor needs: names, changes by hand, health.
//
//   KeptState state = ReadState("/dev/shm/fairlead-edge-1", fabric.config.reals);   // at start
//   SetAsideRefused("/dev/shm/fairlead-edge-1", state);   // changes by hand of another version
//   if (!state.names) …start with empty tables: state.problems says why, or there are none…
//   core.Restore(std::move(state));
//   core.KeepIn("/dev/shm/fairlead-edge-1");
//
// Each file is by itself: one that cannot be read leaves the others good. Threads: values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/survival/stored_health.h"
#include "control/survival/stored_intent.h"
#include "control/survival/stored_names.h"

namespace fairlead::control {

struct KeptState {
  std::optional<StoredNames> names{};    // none: ids begin anew, so no record may be taken up
  std::optional<StoredIntent> intent{};  // none: the file is all there is
  KnownHealth health{};
  bool is_intent_refused = false;       // it is there and cannot be used
  std::vector<std::string> problems{};  // of files that are there and cannot be used
};

// `real_capacity`: how many ids of reals the tables have room for.
KeptState ReadState(const std::string& directory, uint32_t real_capacity);
// Before anything is written there. By whoever starts alone: the director that runs writes intent.
void SetAsideRefused(const std::string& directory, const KeptState& state);

}  // namespace fairlead::control
