// Closes an interface to the kernel's own stacks, so that packet sockets alone hear what arrives.
//
//   CloseIngress("eth1");   // packet sockets hear it as before, the kernel's protocols no more
//   OpenIngress("eth1");    // as it was
//   ClosedInterfaces();     // {"eth1"}: also what a director that was killed has left
//
// Theory of operation. A port of net_af_packet is a packet socket beside the kernel, which gets
// every frame too. Once an address the director answers for is the kernel's as well (the kernel
// twin has the port's; keepalived puts VIPs on it), the kernel answers a second time, and resets
// connections it knows nothing of. The kernel serves packet sockets first, then the ingress filters
// of the interface, then its protocols. A filter at ingress that drops everything is therefore what
// is wanted: `tc` with a BPF program of two instructions, in a clsact qdisc. It belongs to the
// interface and not to the process, so it survives a crash, and the kernel does not begin to reset
// the clients' connections while the director is away.
//
// Ours is known by kind, preference, handle and name; `tc filter show dev eth1 ingress` shows it.
// Filters of smaller preference run before it and may let frames in (LLDP, a management VLAN).
//
// Threads: any; each call waits for the kernel. Needs CAP_NET_ADMIN and CAP_BPF (or
// CAP_SYS_ADMIN), and sch_ingress and cls_bpf in the kernel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairlead::kernel {

inline constexpr uint16_t kIngressPreference = 1000;
inline constexpr uint32_t kIngressHandle = 1;
inline constexpr const char* kIngressName = "fairlead_closed";

// True: it was closed already, by an earlier director. Its filter is replaced without a gap.
// Precondition of all: the interface exists, else an error says so.
Result<bool> CloseIngress(const std::string& interface);
// True: it was closed. The qdisc goes too when nothing else hangs on it.
Result<bool> OpenIngress(const std::string& interface);
// Of this network namespace.
Result<std::vector<std::string>> ClosedInterfaces();

// What the kernel itself uses the interface for: an address of its own there, other than an IPv6
// link-local one, a bridge or bond that it is part of, a VLAN or the like on top. Empty: nothing.
Result<std::string> KernelUseOf(const std::string& interface);

}  // namespace fairlead::kernel
