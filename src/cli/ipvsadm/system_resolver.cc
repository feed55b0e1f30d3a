#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

#include "cli/ipvsadm/resolver.h"

namespace fairlead::cli::ipvsadm {

namespace {

// As services(5) has it; null: a port of any protocol.
const char* ProtocolName(uint8_t protocol) {
  const std::string_view word = NamesOf(protocol).word;
  return word.empty() ? nullptr : word.data();
}

}  // namespace

std::optional<IpAddress> SystemResolver::AddressOf(const std::string& host, Family family) {
  addrinfo hints{};
  hints.ai_family = family == Family::kIpv4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  if (family == Family::kIpv4) {
    sockaddr_in address{};
    std::memcpy(&address, found->ai_addr, sizeof address);
    return Ipv4Address::Load(&address.sin_addr);
  }
  sockaddr_in6 address{};
  std::memcpy(&address, found->ai_addr, sizeof address);
  return Ipv6Address::Load(&address.sin6_addr);
}

std::optional<uint16_t> SystemResolver::PortOf(const std::string& name, uint8_t protocol) {
  const servent* found = ::getservbyname(name.c_str(), ProtocolName(protocol));
  if (found == nullptr) return std::nullopt;
  return ntohs(static_cast<uint16_t>(found->s_port));
}

namespace {

std::optional<std::string> LookUp(const IpAddress& address) {
  char name[NI_MAXHOST];
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    address.v4().Store(&in.sin_addr);
    std::memcpy(&storage, &in, length = sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    address.v6().Store(&in.sin6_addr);
    std::memcpy(&storage, &in, length = sizeof in);
  }
  const void* at = &storage;
  if (::getnameinfo(static_cast<const sockaddr*>(at), length, name, sizeof name, nullptr, 0,
                    NI_NAMEREQD) != 0) {
    return std::nullopt;
  }
  return std::string(name);
}

}  // namespace

std::optional<std::string> SystemResolver::NameOf(const IpAddress& address) {
  const auto known = names_.find(address);
  if (known != names_.end()) return known->second;
  return names_.emplace(address, LookUp(address)).first->second;
}

std::optional<std::string> SystemResolver::PortName(uint16_t port, uint8_t protocol) {
  const servent* found = ::getservbyport(htons(port), ProtocolName(protocol));
  if (found == nullptr) return std::nullopt;
  return std::string(found->s_name);
}

}  // namespace fairlead::cli::ipvsadm
