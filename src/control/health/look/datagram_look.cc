#include "control/health/look/datagram_look.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "base/checksum.h"
#include "base/file_descriptor.h"

namespace fairlead::control {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

asio::ip::udp::endpoint AddressOf(const Endpoint& endpoint, Way way) {
  const uint16_t port = way == Way::kUdp ? endpoint.port.host() : uint16_t{0};
  if (endpoint.address.is_v4()) {
    return {asio::ip::address_v4(endpoint.address.v4().Fold()), port};
  }
  return {asio::ip::address_v6(endpoint.address.v6().bytes), port};
}

// Of everything that a raw socket hears, echo replies are enough.
void HearRepliesOnly(int socket, int family) {
  if (family == AF_INET) {
    icmp_filter filter{~(1u << ICMP_ECHOREPLY)};
    ::setsockopt(socket, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
  } else {
    icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    ::setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
}

}  // namespace

int DatagramLook::OpenSocket(int family) {
  constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  if (way_ == Way::kUdp) return ::socket(family, SOCK_DGRAM | kFlags, IPPROTO_UDP);
  const int protocol = family == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  const int ping = ::socket(family, SOCK_DGRAM | kFlags, protocol);
  if (ping >= 0 || (errno != EACCES && errno != EPERM)) return ping;
  const int raw = ::socket(family, SOCK_RAW | kFlags, protocol);
  if (raw < 0) return raw;
  is_raw_ = true;
  HearRepliesOnly(raw, family);
  return raw;
}

int DatagramLook::Open() {
  const auto to = AddressOf(target().endpoint, way_);
  FileDescriptor opened(OpenSocket(to.protocol().family()));
  if (!opened) return errno;
  error_code error;
  socket_.assign(opened.get(), error);
  if (error) return error.value();
  const int socket = opened.Release();
  if (const int failed = BindSource(socket)) return failed;
  return ::connect(socket, to.data(), static_cast<socklen_t>(to.size())) == 0 ? 0 : errno;
}

// There is nothing to wait for; but the answer may come at once, and never inside Start.
void DatagramLook::AwaitOpen() {
  asio::post(host().io(), [self = self()] {
    if (!self->is_closed()) self->Talk();
  });
}

void DatagramLook::Talk() {
  dialogue().Begin();
  SendDatagram();
  if (is_closed()) return;
  if (dialogue().is_over()) {
    JudgeByDialogue();
    return Close();
  }
  AwaitDatagram();
}

void DatagramLook::SendDatagram() {
  if (!dialogue().has_output()) return;
  std::string datagram = dialogue().TakeOutput();
  if (is_raw_ && target().endpoint.address.is_v4()) {
    const uint16_t sum =
        static_cast<uint16_t>(~FoldChecksum(ChecksumAdd(datagram.data(), datagram.size())));
    std::memcpy(&datagram[2], &sum, sizeof sum);  // IPv6 and ping sockets: by the kernel
  }
  const ssize_t sent =
      ::send(socket_.native_handle(), datagram.data(), datagram.size(), MSG_NOSIGNAL);
  // A full queue of the device is a packet lost on the way, as anywhere on it.
  if (sent < 0 && errno != EAGAIN) Fail(errno, true);
}

void DatagramLook::AwaitDatagram() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read, [self = self()](error_code error) {
    if (self->is_closed()) return;
    if (error) return self->Fail(error.value(), true);
    self->OnReadable();
  });
}

void DatagramLook::OnReadable() {
  auto& buffer = host().leftovers();
  for (int i = 0; i < kMostReadsAtOnce; ++i) {
    const ssize_t count = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) break;
      return Fail(errno, false);
    }
    const std::string_view whole(buffer.data(), static_cast<size_t>(count));
    const std::string_view datagram = Unwrapped(whole);
    if (way_ == Way::kIcmp && datagram.empty()) continue;
    dialogue().Feed(datagram);
    if (dialogue().state() == Dialogue::State::kAgainOverTcp) return AskAgainOverTcp();
    if (dialogue().is_over()) {
      JudgeByDialogue();
      return Close();
    }
  }
  AwaitDatagram();
}

std::string_view DatagramLook::Unwrapped(std::string_view datagram) const {
  if (!is_raw_ || !target().endpoint.address.is_v4()) return datagram;
  if (datagram.size() < 20) return {};
  const size_t header = (static_cast<unsigned char>(datagram[0]) & 15u) * 4u;
  return datagram.substr(std::min(header, datagram.size()));
}

void DatagramLook::CloseSocket() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace fairlead::control
