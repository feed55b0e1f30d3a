// Readings of files that are not made at once: the table of services and the connections.
//
//   auto text = MakeConnectionText(workers, view, ConnectionStyle::kPlain);
//
// Threads: the API thread. A text that is let go of while a worker has its command is not called
// any more.
#pragma once

#include <memory>
#include <string>

#include "control/api/ipvs/file_service.h"
#include "control/api/ipvs/proc_lines.h"

namespace fairlead::api {
class WorkerClient;
}
namespace fairlead::control {
struct ControlView;
}

namespace fairlead::ipvs {

using View = std::shared_ptr<const control::ControlView>;

// A text that is there already.
std::unique_ptr<FileText> MakeText(std::string text);
std::unique_ptr<FileText> MakeServicesText(const dataplane::Fabric& fabric, View view);
std::unique_ptr<FileText> MakeConnectionsText(api::WorkerClient& workers, View view,
                                              ConnectionStyle style);

}  // namespace fairlead::ipvs
