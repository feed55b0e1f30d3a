// Messages of rtnetlink as the kernel writes them, built by hand.
//
//   Bytes message = Bytes::Of(RTM_NEWADDR, ifaddrmsg{AF_INET, 24, 0, 0, 3});
//   message.Attribute(IFA_LOCAL, Packed("192.0.2.1"));
//   table.Apply(message.header());
#pragma once

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace fairlead::kernel {

inline std::string Packed(const char* address) {
  const IpAddress a = *IpAddress::Parse(address);
  return {reinterpret_cast<const char*>(a.bytes().data()), a.is_v4() ? 4u : 16u};
}

inline std::string Packed(uint32_t number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

class Bytes {
 public:
  template <typename Header>
  static Bytes Of(uint16_t type, const Header& header) {
    Bytes bytes;
    nlmsghdr message{};
    message.nlmsg_type = type;
    bytes.Append(&message, sizeof message);
    bytes.Append(&header, sizeof header);
    return bytes;
  }

  Bytes& Attribute(uint16_t type, std::string_view value) {
    const rtattr attribute{static_cast<uint16_t>(sizeof(rtattr) + value.size()), type};
    Append(&attribute, sizeof attribute);
    Append(value.data(), value.size());
    return *this;
  }

  void set_flags(uint16_t flags) {
    reinterpret_cast<nlmsghdr*>(bytes_.data())->nlmsg_flags = flags;
  }

  [[nodiscard]] const nlmsghdr& header() {
    auto* message = reinterpret_cast<nlmsghdr*>(bytes_.data());
    message->nlmsg_len = static_cast<uint32_t>(bytes_.size());
    return *message;
  }

 private:
  void Append(const void* from, size_t length) {
    bytes_.append(static_cast<const char*>(from), length);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }

  std::string bytes_;
};

}  // namespace fairlead::kernel
