// A UDP socket on a multicast group of one interface; it never waits.
//
//   auto socket = MulticastSocket::Listen({group, port}, "eth1");  // an Error names the remedy
//   while (auto got = socket->Receive(buffer)) …got->size, got->sender…
//   auto out = MulticastSocket::Connect({group, port}, "eth1", ttl);
//   out->Send(payload);                                            // own ones do not come back
//
// Only what comes in by that interface and to that group is received. An interface that is made
// anew under the same name is another one: then the socket hears nothing. Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/file_descriptor.h"
#include "base/ip_address.h"
#include "base/result.h"

namespace fairlead::control {

class MulticastSocket {
 public:
  struct Datagram {
    size_t size = 0;
    IpAddress sender;
  };

  static Result<MulticastSocket> Listen(const Endpoint& group, const std::string& interface);
  static Result<MulticastSocket> Connect(const Endpoint& group, const std::string& interface,
                                         uint8_t ttl);

  // Nothing: none is there. What is longer than the buffer is cut.
  std::optional<Datagram> Receive(std::span<uint8_t> buffer);
  // False: the kernel has not taken it.
  bool Send(std::span<const uint8_t> payload);

 private:
  explicit MulticastSocket(FileDescriptor socket) : socket_(std::move(socket)) {}

  FileDescriptor socket_;
};

}  // namespace fairlead::control
