#include "kernel/ingress.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "kernel/link.h"
#include "kernel/netlink.h"
#include "kernel/netlink_message.h"

namespace fairlead::kernel {
namespace {

constexpr uint32_t kIngress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
constexpr uint32_t kEgress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

// return TC_ACT_SHOT;
Result<Descriptor> LoadProgram() {
  bpf_insn code[2] = {};
  code[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  code[0].dst_reg = BPF_REG_0;
  code[0].imm = TC_ACT_SHOT;
  code[1].code = BPF_JMP | BPF_EXIT;
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);  // the kernel refuses garbage in the padding
  attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attributes.insns = reinterpret_cast<uintptr_t>(code);
  attributes.insn_cnt = 2;
  attributes.license = reinterpret_cast<uintptr_t>("Apache-2.0");
  static_assert(std::char_traits<char>::length(kIngressName) < sizeof attributes.prog_name);
  std::memcpy(attributes.prog_name, kIngressName, std::char_traits<char>::length(kIngressName));
  const long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  if (fd < 0) {
    return Error{ErrorCode::kSystem,
                 std::string("cannot load a BPF program: ") + std::strerror(errno), ""};
  }
  return Descriptor(static_cast<int>(fd));
}

tcmsg* TcHeader(nlmsghdr* message, unsigned interface, uint32_t parent) {
  auto* tc = ExtraHeader<tcmsg>(message);
  tc->tcm_family = AF_UNSPEC;
  tc->tcm_ifindex = static_cast<int>(interface);
  tc->tcm_parent = parent;
  return tc;
}

void PutOurFilter(nlmsghdr* message, unsigned interface) {
  tcmsg* tc = TcHeader(message, interface, kIngress);
  tc->tcm_handle = kIngressHandle;
  tc->tcm_info = TC_H_MAKE(uint32_t{kIngressPreference} << 16, htons(ETH_P_ALL));
  mnl_attr_put_strz(message, TCA_KIND, "bpf");
}

struct KindAndName {
  std::string kind, name;
};

int ReadOption(const nlattr* option, void* into) {
  if (mnl_attr_get_type(option) == TCA_BPF_NAME) {
    static_cast<KindAndName*>(into)->name = TextOf(option);
  }
  return MNL_CB_OK;
}

int ReadAttribute(const nlattr* attribute, void* into) {
  if (mnl_attr_get_type(attribute) == TCA_KIND) {
    static_cast<KindAndName*>(into)->kind = TextOf(attribute);
  } else if (mnl_attr_get_type(attribute) == TCA_OPTIONS) {
    return mnl_attr_parse_nested(attribute, ReadOption, into);
  }
  return MNL_CB_OK;
}

// Empty for a filter of another kind.
std::string BpfNameOf(const nlmsghdr& filter) {
  KindAndName read;
  if (mnl_attr_parse(&filter, sizeof(tcmsg), ReadAttribute, &read) < 0) return "";
  return read.kind == "bpf" ? read.name : "";
}

// An IPv6 link-local address, which every interface has, is none. Asked by index: the list of
// getifaddrs() has the label of an IPv4 address ("eth1:0") in place of its interface.
Result<bool> HasAddress(Netlink& netlink, unsigned interface) {
  bool is_found = false;
  Message buffer;
  nlmsghdr* message = buffer.StartDump(RTM_GETADDR);
  ExtraHeader<ifaddrmsg>(message)->ifa_family = AF_UNSPEC;
  const Status read = netlink.Dump(message, "cannot list addresses", [&](const nlmsghdr& each) {
    const auto* address = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&each));
    is_found |= address->ifa_index == interface &&
                (address->ifa_family == AF_INET || address->ifa_scope != RT_SCOPE_LINK);
  });
  if (!read) return read.error();
  return is_found;
}

struct Filters {
  bool has_ours = false;
  bool has_others = false;
  bool is_place_taken = false;  // another's filter of our preference
};

Status ReadFilters(Netlink& netlink, unsigned interface, uint32_t parent, Filters* into) {
  Message buffer;
  nlmsghdr* message = buffer.StartDump(RTM_GETTFILTER);
  TcHeader(message, interface, parent);
  const Status read = netlink.Dump(message, "cannot read its filters", [&](const nlmsghdr& each) {
    const auto* tc = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(&each));
    if (each.nlmsg_type != RTM_NEWTFILTER || tc->tcm_handle == 0) return;  // 0: a head of a chain
    const bool is_place = parent == kIngress && TC_H_MAJ(tc->tcm_info) >> 16 == kIngressPreference;
    const bool is_ours =
        is_place && tc->tcm_handle == kIngressHandle && BpfNameOf(each) == kIngressName;
    into->has_ours |= is_ours;
    into->has_others |= !is_ours;
    into->is_place_taken |= is_place && !is_ours;
  });
  // Without a clsact or ingress qdisc there is nothing to read; kernels differ in how they say so.
  const bool is_absent = !read && (read.error().code == ErrorCode::kInvalid ||
                                   read.error().code == ErrorCode::kNotFound);
  return is_absent ? Status(Done{}) : read;
}

Result<unsigned> IndexOf(const std::string& interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index != 0) return index;
  return Error{ErrorCode::kNotFound, "there is no interface " + interface, ""};
}

Status AddQdisc(Netlink& netlink, unsigned interface) {
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
  TcHeader(message, interface, TC_H_CLSACT)->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  mnl_attr_put_strz(message, TCA_KIND, "clsact");
  return netlink.Request(message, "cannot add a clsact qdisc");
}

// One of another kind (the older `ingress`) is not ours: the kernel says EINVAL, and it stays.
Status RemoveQdisc(Netlink& netlink, unsigned interface) {
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_DELQDISC, 0);
  TcHeader(message, interface, TC_H_CLSACT)->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  mnl_attr_put_strz(message, TCA_KIND, "clsact");
  const Status removed = netlink.Request(message, "cannot remove the clsact qdisc");
  return removed || removed.error().code == ErrorCode::kInvalid ? Status(Done{}) : removed;
}

// An interface whose ingress is to be changed, and what filters it has there.
struct Ingress {
  unsigned interface;
  Netlink netlink;
  Filters filters;
};

Result<Ingress> ReadIngress(const std::string& interface) {
  const Result<unsigned> index = IndexOf(interface);
  if (!index) return index.error();
  Result<Netlink> netlink = Netlink::Open();
  if (!netlink) return netlink.error();
  Ingress ingress{*index, *std::move(netlink), {}};
  const Status read = ReadFilters(ingress.netlink, *index, kIngress, &ingress.filters);
  if (!read) return read.error();
  return ingress;
}

}  // namespace

Result<bool> CloseIngress(const std::string& interface) {
  Result<Ingress> ingress = ReadIngress(interface);
  if (!ingress) return ingress.error();
  auto& [index, netlink, filters] = *ingress;
  if (filters.is_place_taken) {
    return Error{ErrorCode::kExists,
                 "another filter has preference " + std::to_string(kIngressPreference) +
                     " at ingress; give it another one",
                 ""};
  }
  const Result<Descriptor> program = LoadProgram();
  if (!program) return program.error();
  if (Status s = AddQdisc(netlink, index); !s) return s.error();
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_NEWTFILTER, NLM_F_CREATE);
  PutOurFilter(message, index);
  nlattr* options = mnl_attr_nest_start(message, TCA_OPTIONS);
  mnl_attr_put_u32(message, TCA_BPF_FD, static_cast<uint32_t>(program->fd));
  mnl_attr_put_strz(message, TCA_BPF_NAME, kIngressName);
  mnl_attr_put_u32(message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  mnl_attr_nest_end(message, options);
  if (Status s = netlink.Request(message, "cannot add a bpf filter"); !s) return s.error();
  return filters.has_ours;
}

Result<bool> OpenIngress(const std::string& interface) {
  Result<Ingress> ingress = ReadIngress(interface);
  if (!ingress) return ingress.error();
  auto& [index, netlink, filters] = *ingress;
  if (!filters.has_ours) return false;
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_DELTFILTER, 0);
  PutOurFilter(message, index);
  if (Status s = netlink.Request(message, "cannot remove the bpf filter"); !s) return s.error();
  if (Status s = ReadFilters(netlink, index, kEgress, &filters); !s) return s.error();
  if (!filters.has_others) {
    if (Status s = RemoveQdisc(netlink, index); !s) return s.error();
  }
  return true;
}

Result<std::vector<std::string>> ClosedInterfaces() {
  Result<Netlink> netlink = Netlink::Open();
  if (!netlink) return netlink.error();
  const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(if_nameindex(),
                                                                                 if_freenameindex);
  std::vector<std::string> closed;
  for (const auto* each = all.get(); each != nullptr && each->if_index != 0; ++each) {
    Filters filters;
    if (Status s = ReadFilters(*netlink, each->if_index, kIngress, &filters); !s) return s.error();
    if (filters.has_ours) closed.emplace_back(each->if_name);
  }
  return closed;
}

Result<std::string> KernelUseOf(const std::string& interface) {
  const Result<unsigned> index = IndexOf(interface);
  if (!index) return index.error();
  Result<Netlink> netlink = Netlink::Open();
  if (!netlink) return netlink.error();
  const Result<bool> has_address = HasAddress(*netlink, *index);
  if (!has_address) return has_address.error();
  if (*has_address) return std::string("the kernel has an address of its own there");
  const Result<std::vector<Link>> links = ListLinks(*netlink);
  if (!links) return links.error();
  std::string use;
  for (const Link& link : *links) {
    if (link.index == *index) {
      if (link.master != 0) use = "it is part of a bridge or bond of the kernel";
    } else if (link.below == *index && !link.is_of_other_namespace && link.kind != "veth") {
      use = "the kernel's interface " + link.name + " is on top of it";
    }
  }
  return use;
}

}  // namespace fairlead::kernel
