// The files below /proc that a kernel with IPVS has, with this director's figures: FileService
// (file_service.h) over the control core's view and the workers' records.
//
//   ProcFiles files(io, control, workers);
//   auto text = files.Open("/proc/net/ip_vs_conn");
//
// The table of services is written from one view, a piece at a time. Connections come from the
// workers in slices of kRowsOfSlice, then their templates; one slice is in memory. What begins or
// ends meanwhile may be missed, as with the kernel.
//
// Threads: the API thread. Invariant: the service outlives its texts' use of control and workers.
#pragma once

#include <memory>
#include <string>

#include "control/api/ipvs/file_service.h"

namespace boost::asio {
class io_context;
}
namespace fairlead::api {
class WorkerClient;
}
namespace fairlead::control {
class ControlApi;
}

namespace fairlead::ipvs {

inline constexpr size_t kRowsOfSlice = 1024;

class ProcFiles : public FileService {
 public:
  // `control` and `workers` outlive it.
  ProcFiles(std::shared_ptr<boost::asio::io_context> io, control::ControlApi& control,
            api::WorkerClient& workers);

  std::unique_ptr<FileText> Open(const std::string& path) override;
  void Write(const std::string& path, const std::string& bytes, const std::string& author,
             std::function<void(const Fault&)> done) override;

 private:
  [[nodiscard]] std::string Stats(bool by_worker) const;

  const std::shared_ptr<boost::asio::io_context> io_;
  control::ControlApi& control_;
  api::WorkerClient& workers_;
};

}  // namespace fairlead::ipvs
