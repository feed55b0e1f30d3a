#include "dataplane/dpdk/kernel_ingress.h"

#include "base/log.h"
#include "dataplane/dpdk/device.h"
#include "kernel/ingress.h"

namespace fairlead::edge {
namespace {

// What a director that was killed left closed.
void OpenIfClosed(const PortSpec& port, const std::string& interface) {
  if (const Result<bool> opened = kernel::OpenIngress(interface); !opened) {
    LogWarning(
        "cannot open the interface to the kernel; use fairlead port release",
        {{"port", port.name}, {"interface", interface}, {"reason", opened.error().ToString()}});
  }
}

}  // namespace

std::string KernelIngress::Close(const PortSpec& port) {
  std::string state;
  for (const PortSpec& member : MembersOf(port)) {
    const std::string interface = PacketSocketInterface(member.device);
    if (interface.empty()) continue;
    const std::string why_open = TryToClose(port, interface);
    if (!why_open.empty()) {
      state = port.bond ? "open: " + interface + ": " + why_open : "open: " + why_open;
    } else if (state.empty()) {
      state = "closed";
    }
  }
  return state;
}

std::string KernelIngress::TryToClose(const PortSpec& port, const std::string& interface) {
  if (port.kernel_ingress == Ingress::kOpen) {
    OpenIfClosed(port, interface);
    return "the configuration says so";
  }
  const Result<std::string> use = kernel::KernelUseOf(interface);
  if (port.kernel_ingress == Ingress::kAuto && !(use && use->empty())) {
    const std::string why = use ? *use : use.error().ToString();
    OpenIfClosed(port, interface);
    LogWarning(
        "the interface stays open to the kernel, which uses it or may use it: the kernel may "
        "answer what arrives there a second time. Move the interface's addresses to the port's "
        "addresses with exception: tap, or say kernel_ingress: closed or open",
        {{"port", port.name}, {"interface", interface}, {"reason", why}});
    return why;
  }
  const Result<bool> closed = kernel::CloseIngress(interface);
  if (!closed) {
    LogWarning(
        "the kernel hears what this port receives, and may answer a second time or reset "
        "connections. Give the director CAP_NET_ADMIN and CAP_BPF and load sch_ingress and "
        "cls_bpf, or keep the addresses of its services off this machine and say "
        "kernel_ingress: open",
        {{"port", port.name}, {"interface", interface}, {"reason", closed.error().ToString()}});
    return closed.error().message;
  }
  (*closed ? found_ : ours_).push_back(interface);
  return "";
}

void KernelIngress::Own() {
  ours_.insert(ours_.end(), found_.begin(), found_.end());
  found_.clear();
}

void KernelIngress::Open() {
  for (const std::string& interface : ours_) {
    if (const Result<bool> opened = kernel::OpenIngress(interface); !opened) {
      LogWarning("cannot open the interface to the kernel; use fairlead port release",
                 {{"interface", interface}, {"reason", opened.error().ToString()}});
    }
  }
  ours_.clear();
}

}  // namespace fairlead::edge
