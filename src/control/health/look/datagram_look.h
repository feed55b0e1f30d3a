// A look by datagrams: UDP, or ICMP echoes.
//
// ICMP goes by the kernel's ping socket where net.ipv4.ping_group_range lets us have one, else by a
// raw socket, which needs CAP_NET_RAW. The socket is connected, so an ICMP error about what was
// sent ends the look with that error.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <string>
#include <string_view>

#include "control/health/look/look.h"

namespace fairlead::control {

class DatagramLook final : public Look {
 public:
  static constexpr int kMostReadsAtOnce = 16;

  DatagramLook(LookHost& host, LookTask task, Way way)
      : Look(host, std::move(task), way), way_(way), socket_(host.io()) {}

 private:
  int Open() override;
  void AwaitOpen() override;
  void CloseSocket() override;

  int OpenSocket(int family);
  void Talk();
  // Sends as it is on UDP and ping sockets; a raw one of IPv4 needs a checksum and an identifier.
  void SendDatagram();
  void AwaitDatagram();
  void OnReadable();
  // What is left of a datagram for the dialogue; empty: not for us.
  [[nodiscard]] std::string_view Unwrapped(std::string_view datagram) const;

  std::shared_ptr<DatagramLook> self() {
    return std::static_pointer_cast<DatagramLook>(shared_from_this());
  }

  const Way way_;
  boost::asio::posix::stream_descriptor socket_;
  bool is_raw_ = false;
};

}  // namespace fairlead::control
