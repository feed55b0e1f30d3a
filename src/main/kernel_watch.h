// What the kernel has on the twins, as the control core asks for it.
//
//   std::unique_ptr<TwinWatch> watch = TwinWatch::Open(runtimes, 0);   // null: no port has one
//   core.SetKernelWatch(watch.get());
//
// Where the kernel's news cannot be heard the director works without, and the log says so.
// Threads: Open by main, all else by the control core.
#pragma once

#include <map>
#include <memory>
#include <span>

#include "control/kernel_network.h"
#include "control/port_runtime.h"
#include "kernel/network_watch.h"

namespace fairlead {

class TwinWatch : public control::KernelWatch {
 public:
  static std::unique_ptr<TwinWatch> Open(std::span<const control::PortRuntime> ports,
                                         size_t most_routes);

  void FollowRoutes(size_t most) override { watch_->FollowRoutes(most); }
  bool Turn(control::TimePoint now) override { return watch_->Turn(now); }
  [[nodiscard]] uint64_t revision() const override {
    return watch_->addresses().revision() + watch_->routes().revision();
  }
  [[nodiscard]] control::KernelNetwork Read() const override;

 private:
  using PortOf = std::map<unsigned, PortId>;  // by index of the interface

  TwinWatch(std::unique_ptr<kernel::NetworkWatch> watch, PortOf port_of)
      : watch_(std::move(watch)), port_of_(std::move(port_of)) {}

  const std::unique_ptr<kernel::NetworkWatch> watch_;
  const PortOf port_of_;
};

}  // namespace fairlead
