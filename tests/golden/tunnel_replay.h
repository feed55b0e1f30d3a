// Plays the recordings of tunnels and of mixed families (format 3): each packet in, each packet
// out, and what ipvsadm shows. What differs on purpose has a sentence in tunnel_replay.cc.
//
//   if (IsTunnelRecording(document)) report = ReplayTunnels(document, path, {.workers = 2});
//
// Threads: one.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "wire_replay.h"

namespace fairlead::golden::wire {

bool IsTunnelRecording(const boost::json::object& document);
WireReport ReplayTunnels(const boost::json::object& document, const std::string& path,
                         const WireReplayOptions& options);

}  // namespace fairlead::golden::wire
