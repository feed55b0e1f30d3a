#include "control/sync/multicast_socket.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace fairlead::control {
namespace {

// Room for a burst of a master that sends thousands of entries at once.
constexpr int kReceiveBytes = 4 << 20;

Error SystemError(const std::string& what) {
  return {ErrorCode::kSystem, what + ": " + std::strerror(errno), ""};
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress AddressOf(const Endpoint& endpoint, unsigned interface_index) {
  SocketAddress address;
  if (endpoint.address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = endpoint.port.raw();
    endpoint.address.v4().Store(&v4->sin_addr);
    address.length = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = endpoint.port.raw();
    endpoint.address.v6().Store(&v6->sin6_addr);
    v6->sin6_scope_id = interface_index;
    address.length = sizeof *v6;
  }
  return address;
}

IpAddress AddressIn(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    return Ipv4Address::Load(&reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr);
  }
  return Ipv6Address::Load(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
}

template <typename Value>
bool Set(const FileDescriptor& socket, int level, int option, const Value& value) {
  return ::setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
}

Result<unsigned> IndexOf(const std::string& interface) {
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index != 0) return index;
  return Error{ErrorCode::kUnavailable,
               "there is no interface \"" + interface + "\" in this network namespace", ""};
}

Result<FileDescriptor> Open(const Endpoint& group) {
  const int family = group.address.is_v4() ? AF_INET : AF_INET6;
  FileDescriptor socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError("no UDP socket");
  return socket;
}

// Otherwise the kernel also hands over what any other socket of this machine has joined, on any
// interface.
bool HearOwnGroupsAlone(const FileDescriptor& socket, const Endpoint& group) {
  const int no = 0;
  return group.address.is_v4() ? Set(socket, IPPROTO_IP, IP_MULTICAST_ALL, no)
                               : Set(socket, IPPROTO_IPV6, IPV6_MULTICAST_ALL, no);
}

bool Join(const FileDescriptor& socket, const Endpoint& group, unsigned index) {
  if (group.address.is_v4()) {
    ip_mreqn request{};
    group.address.v4().Store(&request.imr_multiaddr);
    request.imr_ifindex = static_cast<int>(index);
    return Set(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
  }
  ipv6_mreq request{};
  group.address.v6().Store(&request.ipv6mr_multiaddr);
  request.ipv6mr_interface = index;
  return Set(socket, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, request);
}

bool SetOutgoing(const FileDescriptor& socket, const Endpoint& group, unsigned index, int ttl) {
  const int no = 0;
  if (group.address.is_v4()) {
    ip_mreqn interface {};
    interface.imr_ifindex = static_cast<int>(index);
    return Set(socket, IPPROTO_IP, IP_MULTICAST_IF, interface) &&
           Set(socket, IPPROTO_IP, IP_MULTICAST_TTL, ttl) &&
           Set(socket, IPPROTO_IP, IP_MULTICAST_LOOP, no);
  }
  const int interface = static_cast<int>(index);
  return Set(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, interface) &&
         Set(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) &&
         Set(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, no);
}

// Of no other interface. Without the right to ask for it, a receiver hears what the machine lets
// through; it is bound to the group in any case.
void BindToInterface(const FileDescriptor& socket, const std::string& interface) {
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                     static_cast<socklen_t>(interface.size()));
}

}  // namespace

Result<MulticastSocket> MulticastSocket::Listen(const Endpoint& group,
                                                const std::string& interface) {
  const Result<unsigned> index = IndexOf(interface);
  if (!index) return index.error();
  Result<FileDescriptor> socket = Open(group);
  if (!socket) return socket.error();
  const int yes = 1;
  Set(*socket, SOL_SOCKET, SO_REUSEADDR, yes);
  if (!Set(*socket, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBytes)) {
    Set(*socket, SOL_SOCKET, SO_RCVBUF, kReceiveBytes);
  }
  BindToInterface(*socket, interface);
  const SocketAddress address = AddressOf(group, *index);
  if (::bind(socket->get(), address.get(), address.length) != 0) {
    return SystemError("cannot listen on " + group.ToString());
  }
  if (!HearOwnGroupsAlone(*socket, group) || !Join(*socket, group, *index)) {
    return SystemError("cannot join " + group.address.ToString() + " on " + interface);
  }
  return MulticastSocket(*std::move(socket));
}

Result<MulticastSocket> MulticastSocket::Connect(const Endpoint& group,
                                                 const std::string& interface, uint8_t ttl) {
  const Result<unsigned> index = IndexOf(interface);
  if (!index) return index.error();
  Result<FileDescriptor> socket = Open(group);
  if (!socket) return socket.error();
  const SocketAddress address = AddressOf(group, *index);
  if (!SetOutgoing(*socket, group, *index, ttl) ||
      ::connect(socket->get(), address.get(), address.length) != 0) {
    return SystemError("cannot send to " + group.ToString() + " by " + interface);
  }
  return MulticastSocket(*std::move(socket));
}

std::optional<MulticastSocket::Datagram> MulticastSocket::Receive(std::span<uint8_t> buffer) {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const ssize_t size = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &length);
  if (size < 0) return std::nullopt;
  return Datagram{static_cast<size_t>(size), AddressIn(from)};
}

bool MulticastSocket::Send(std::span<const uint8_t> payload) {
  return ::send(socket_.get(), payload.data(), payload.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(payload.size());
}

}  // namespace fairlead::control
