#include "kernel/link.h"

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <utility>

#include "kernel/netlink_message.h"

namespace fairlead::kernel {
namespace {

int ReadTunData(const nlattr* attribute, void* into) {
  auto* link = static_cast<Link*>(into);
  switch (mnl_attr_get_type(attribute)) {
    case IFLA_TUN_TYPE:
      link->is_tap = mnl_attr_get_u8(attribute) == IFF_TAP;
      break;
    case IFLA_TUN_MULTI_QUEUE:
      link->is_multi_queue = mnl_attr_get_u8(attribute) != 0;
      break;
    case IFLA_TUN_PI:
    case IFLA_TUN_VNET_HDR:
      link->has_headers |= mnl_attr_get_u8(attribute) != 0;
      break;
    default:
      break;
  }
  return MNL_CB_OK;
}

// The kernel puts the kind before its data.
int ReadLinkInfo(const nlattr* attribute, void* into) {
  auto* link = static_cast<Link*>(into);
  if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) {
    link->kind = TextOf(attribute);
  } else if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA && link->kind == "tun") {
    return mnl_attr_parse_nested(attribute, ReadTunData, into);
  }
  return MNL_CB_OK;
}

int ReadLink(const nlattr* attribute, void* into) {
  auto* link = static_cast<Link*>(into);
  switch (mnl_attr_get_type(attribute)) {
    case IFLA_IFNAME:
      link->name = TextOf(attribute);
      break;
    case IFLA_IFALIAS:
      link->alias = TextOf(attribute);
      break;
    case IFLA_MASTER:
      link->master = mnl_attr_get_u32(attribute);
      break;
    case IFLA_LINK:
      link->below = mnl_attr_get_u32(attribute);
      break;
    case IFLA_LINK_NETNSID:
      link->is_of_other_namespace = true;
      break;
    case IFLA_CARRIER:
      link->has_carrier = mnl_attr_get_u8(attribute) != 0;
      break;
    case IFLA_LINKINFO:
      return mnl_attr_parse_nested(attribute, ReadLinkInfo, into);
    default:
      break;
  }
  return MNL_CB_OK;
}

}  // namespace

Result<std::vector<Link>> ListLinks(Netlink& netlink) {
  std::vector<Link> links;
  Message buffer;
  nlmsghdr* message = buffer.StartDump(RTM_GETLINK);
  ExtraHeader<ifinfomsg>(message)->ifi_family = AF_UNSPEC;
  const Status read = netlink.Dump(message, "cannot list interfaces", [&](const nlmsghdr& each) {
    Link link;
    if (mnl_attr_parse(&each, sizeof(ifinfomsg), ReadLink, &link) < 0) return;
    const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&each));
    link.index = static_cast<unsigned>(header->ifi_index);
    links.push_back(std::move(link));
  });
  if (!read) return read.error();
  return links;
}

Result<std::optional<Link>> FindLink(Netlink& netlink, const std::string& name) {
  Result<std::vector<Link>> links = ListLinks(netlink);
  if (!links) return links.error();
  for (Link& link : *links) {
    if (link.name == name) return std::optional<Link>(std::move(link));
  }
  return std::optional<Link>();
}

Status BringUp(Netlink& netlink, unsigned interface, uint32_t mtu_bytes, const std::string& alias) {
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_NEWLINK, 0);
  auto* link = ExtraHeader<ifinfomsg>(message);
  link->ifi_index = static_cast<int>(interface);
  link->ifi_flags = IFF_UP | IFF_NOARP;
  link->ifi_change = IFF_UP | IFF_NOARP;
  mnl_attr_put_u32(message, IFLA_MTU, mtu_bytes);
  mnl_attr_put_strz(message, IFLA_IFALIAS, alias.c_str());
  return netlink.Request(message,
                         "cannot bring the interface up with mtu " + std::to_string(mtu_bytes));
}

Status RemoveLink(Netlink& netlink, unsigned interface) {
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_DELLINK, 0);
  ExtraHeader<ifinfomsg>(message)->ifi_index = static_cast<int>(interface);
  return netlink.Request(message, "cannot remove the interface");
}

}  // namespace fairlead::kernel
