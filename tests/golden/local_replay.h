// Plays the recording of a local node over IPv6 (format 3): a director that is a real server of
// its own. What differs on purpose has a sentence in local_replay.cc.
//
//   if (IsLocalNodeRecording(document)) report = ReplayLocalNode(document, path, {.workers = 2});
//
// Threads: one.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "wire_replay.h"

namespace fairlead::golden::wire {

bool IsLocalNodeRecording(const boost::json::object& document);
WireReport ReplayLocalNode(const boost::json::object& document, const std::string& path,
                           const WireReplayOptions& options);

}  // namespace fairlead::golden::wire
