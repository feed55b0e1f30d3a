#include "kernel/addressing.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "kernel/attributes.h"
#include "kernel/netlink.h"
#include "kernel/netlink_message.h"

namespace fairlead::kernel {
namespace {

void PutAddress(nlmsghdr* message, uint16_t attribute, const IpAddress& a) {
  mnl_attr_put(message, attribute, a.is_v4() ? 4 : 16, a.bytes().data());
}

template <typename T>
bool Has(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// What an interface has, and whose it is.
struct Addresses {
  std::vector<Prefix> all, ours;
};

Result<Addresses> ReadAddresses(Netlink& netlink, unsigned interface) {
  Addresses addresses;
  Message buffer;
  nlmsghdr* message = buffer.StartDump(RTM_GETADDR);
  ExtraHeader<ifaddrmsg>(message)->ifa_family = AF_UNSPEC;
  const Status read = netlink.Dump(message, "cannot list addresses", [&](const nlmsghdr& each) {
    const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&each));
    AddressAttributes attributes;
    if (header->ifa_index != interface ||
        mnl_attr_parse(&each, sizeof(ifaddrmsg), ReadAddressAttribute, &attributes) < 0) {
      return;
    }
    const nlattr* own = attributes.own();
    if (own == nullptr || !IsAddress(own, header->ifa_family)) return;
    const Prefix prefix{AddressIn(own), header->ifa_prefixlen};
    if (Has(addresses.all, prefix)) return;  // a second look at the same
    addresses.all.push_back(prefix);
    if (attributes.protocol == kOurProtocol) addresses.ours.push_back(prefix);
  });
  if (!read) return read.error();
  return addresses;
}

nlmsghdr* StartAddress(Message* buffer, uint16_t type, uint16_t flags, unsigned interface,
                       const Prefix& prefix) {
  nlmsghdr* message = buffer->Start(type, flags);
  auto* address = ExtraHeader<ifaddrmsg>(message);
  address->ifa_family = FamilyOf(prefix.address);
  address->ifa_prefixlen = static_cast<unsigned char>(prefix.length);
  address->ifa_flags = IFA_F_NODAD;
  address->ifa_scope = RT_SCOPE_UNIVERSE;
  address->ifa_index = interface;
  PutAddress(message, IFA_LOCAL, prefix.address);
  PutAddress(message, IFA_ADDRESS, prefix.address);
  return message;
}

Status AddAddress(Netlink& netlink, unsigned interface, const Prefix& prefix) {
  Message buffer;
  nlmsghdr* message =
      StartAddress(&buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, interface, prefix);
  mnl_attr_put_u8(message, IFA_PROTO, kOurProtocol);
  return netlink.Request(message, "cannot add address " + prefix.ToString());
}

Status RemoveAddress(Netlink& netlink, unsigned interface, const Prefix& prefix) {
  Message buffer;
  nlmsghdr* message = StartAddress(&buffer, RTM_DELADDR, 0, interface, prefix);
  return netlink.Request(message, "cannot remove address " + prefix.ToString());
}

struct OurRoute {
  unsigned interface = 0;
  uint32_t metric = 0;
  Route route;
  friend bool operator==(const OurRoute&, const OurRoute&) = default;
};

// Those of `family` on all interfaces.
Status ReadOurRoutes(Netlink& netlink, unsigned char family, std::vector<OurRoute>* into) {
  Message buffer;
  nlmsghdr* message = buffer.StartDump(RTM_GETROUTE);
  auto* wanted = ExtraHeader<rtmsg>(message);
  wanted->rtm_family = family;
  wanted->rtm_table = RT_TABLE_MAIN;
  wanted->rtm_protocol = kOurProtocol;
  return netlink.Dump(message, "cannot list routes", [&](const nlmsghdr& each) {
    const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&each));
    RouteAttributes read;
    if (header->rtm_family != family || header->rtm_table != RT_TABLE_MAIN ||
        header->rtm_protocol != kOurProtocol || (header->rtm_flags & RTM_F_CLONED) != 0 ||
        mnl_attr_parse(&each, sizeof(rtmsg), ReadRouteAttribute, &read) < 0 ||
        read.via == nullptr || !IsAddress(read.via, family) ||
        (read.to != nullptr && !IsAddress(read.to, family))) {
      return;
    }
    const IpAddress to = read.to == nullptr ? AnyOf(family) : AddressIn(read.to);
    const OurRoute found{
        read.interface, read.metric, {{to, header->rtm_dst_len}, AddressIn(read.via)}};
    if (!Has(*into, found)) into->push_back(found);
  });
}

nlmsghdr* StartRoute(Message* buffer, uint16_t type, uint16_t flags, unsigned interface,
                     const Route& route, uint32_t metric) {
  nlmsghdr* message = buffer->Start(type, flags);
  auto* header = ExtraHeader<rtmsg>(message);
  header->rtm_family = FamilyOf(route.to.address);
  header->rtm_dst_len = static_cast<unsigned char>(route.to.length);
  header->rtm_table = RT_TABLE_MAIN;
  header->rtm_protocol = kOurProtocol;
  header->rtm_scope = RT_SCOPE_UNIVERSE;
  header->rtm_type = RTN_UNICAST;
  PutAddress(message, RTA_DST, route.to.network());
  PutAddress(message, RTA_GATEWAY, route.via);
  mnl_attr_put_u32(message, RTA_OIF, interface);
  mnl_attr_put_u32(message, RTA_PRIORITY, metric);
  return message;
}

std::string RouteText(const Route& route) {
  return "route " + route.to.ToString() + " via " + route.via.ToString();
}

// Over one of ours to the same network, perhaps of another interface; never over another's.
Status AddRoute(Netlink& netlink, unsigned interface, const Route& route, uint32_t metric,
                bool replaces_ours) {
  Message buffer;
  const uint16_t how = replaces_ours ? NLM_F_REPLACE : NLM_F_EXCL;
  nlmsghdr* message = StartRoute(&buffer, RTM_NEWROUTE, static_cast<uint16_t>(NLM_F_CREATE | how),
                                 interface, route, metric);
  return netlink.Request(message, "cannot add " + RouteText(route));
}

Status RemoveRoute(Netlink& netlink, unsigned interface, const OurRoute& ours) {
  Message buffer;
  nlmsghdr* message = StartRoute(&buffer, RTM_DELROUTE, 0, interface, ours.route, ours.metric);
  return netlink.Request(message, "cannot remove " + RouteText(ours.route));
}

}  // namespace

// IPv6 addresses go first: with another length of the prefix one would be taken for the same. IPv4
// addresses go last: the last one of an interface would take all routes with it.
Status SetAddresses(Netlink& netlink, unsigned interface, const std::vector<Prefix>& wanted) {
  const Result<Addresses> found = ReadAddresses(netlink, interface);
  if (!found) return found.error();
  const auto remove_old = [&](Family family) -> Status {
    for (const Prefix& old : found->ours) {
      if (old.address.family() != family || Has(wanted, old)) continue;
      if (Status s = RemoveAddress(netlink, interface, old); !s) return s;
    }
    return Done{};
  };
  if (Status s = remove_old(Family::kIpv6); !s) return s;
  for (const Prefix& prefix : wanted) {
    if (Has(found->all, prefix)) continue;
    if (Status s = AddAddress(netlink, interface, prefix); !s) return s;
  }
  return remove_old(Family::kIpv4);
}

std::vector<Error> SetRoutes(Netlink& netlink, unsigned interface, const std::vector<Route>& wanted,
                             uint32_t metric) {
  std::vector<Error> failures;
  const auto note = [&](const Status& done) {
    if (!done) failures.push_back(done.error());
  };
  note(netlink.FilterDumps());  // the machine may have a million routes
  std::vector<OurRoute> ours;
  note(ReadOurRoutes(netlink, AF_INET, &ours));
  note(ReadOurRoutes(netlink, AF_INET6, &ours));
  for (const Route& each : wanted) {
    const Route route{{each.to.network(), each.to.length}, each.via};
    const uint32_t own_metric = metric + each.preference;
    bool is_there = false;
    bool replaces_ours = false;
    for (const OurRoute& old : ours) {
      if (old.metric != own_metric || !(old.route.to == route.to)) continue;
      is_there |= old.interface == interface && old.route == route;
      replaces_ours = true;
    }
    if (!is_there) note(AddRoute(netlink, interface, route, own_metric, replaces_ours));
  }
  for (const OurRoute& old : ours) {
    const bool is_named = std::any_of(wanted.begin(), wanted.end(), [&](const Route& route) {
      return route.to.length == old.route.to.length && route.to.network() == old.route.to.address &&
             old.metric == metric + route.preference;
    });
    if (old.interface != interface || is_named) continue;
    note(RemoveRoute(netlink, interface, old));
  }
  return failures;
}

}  // namespace fairlead::kernel
