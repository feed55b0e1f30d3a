// A netlink request under construction. For files that speak to libmnl themselves.
//
//   Message buffer;
//   nlmsghdr* message = buffer.Start(RTM_NEWLINK, 0);
//   ExtraHeader<ifinfomsg>(message)->ifi_index = index;
//   mnl_attr_put_u32(message, IFLA_MTU, 1500);
//   netlink.Request(message, "cannot set the mtu");
#pragma once

#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>
#include <string>

namespace fairlead::kernel {

class Message {
 public:
  nlmsghdr* Start(uint16_t type, uint16_t flags) {
    nlmsghdr* message = mnl_nlmsg_put_header(bytes_.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    return message;
  }
  nlmsghdr* StartDump(uint16_t type) {
    nlmsghdr* message = Start(type, NLM_F_DUMP);
    message->nlmsg_flags &= static_cast<uint16_t>(~NLM_F_ACK);
    return message;
  }

 private:
  alignas(nlmsghdr) std::array<char, 512> bytes_;  // enough for any request here
};

template <typename Header>
Header* ExtraHeader(nlmsghdr* message) {
  return static_cast<Header*>(mnl_nlmsg_put_extra_header(message, sizeof(Header)));
}

// The text of an attribute that the kernel ends with a zero.
inline std::string TextOf(const nlattr* attribute) {
  return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0 ? "" : mnl_attr_get_str(attribute);
}

}  // namespace fairlead::kernel
