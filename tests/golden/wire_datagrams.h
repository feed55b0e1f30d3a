// What a receiver makes of packets: out of its tunnel, put together.
//
//   std::vector<WirePacket> ours = …;
//   for (const std::string& text : TakeWhole(&ours, kinds)) …   // what is left is not whole yet
//
// Byte by byte; shares no code with the product. Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::golden::wire {

struct WirePacket {
  std::string port, to;     // "server", "rs2"; out of a tunnel also its addresses
  std::vector<uint8_t> ip;  // from the IP header on
};

// How packets are compared. With several workers each has a scheduler's cursor of its own: any real
// server is as right, so its name, its address and sums over it are left out.
struct WireView {
  bool is_any_real = false;
};

// One line a packet, for comparing cut by cut: the identification of what the director itself made,
// that of IPv6 fragments, which the kernel makes anew, and the IPv4 sum are left out; a wrong IPv4
// sum is named.
std::string LineOf(const WirePacket& packet, const WireView& view);

// Takes out the packets of whole datagrams, and says what each is: addresses, identification, TTL,
// all bytes; whether the transport's sum is right.
std::vector<std::string> TakeWhole(std::vector<WirePacket>* packets, const WireView& view);

struct WireError {  // an ICMP error
  int type = -1, code = 0, mtu = 0;
  [[nodiscard]] bool is_error() const { return type >= 0; }
  friend bool operator==(const WireError&, const WireError&) = default;
};
WireError ErrorIn(const WirePacket& packet);

// Of a fragment: where it lies, and whether it must not be cut.
struct WireCut {
  bool is_fragment = false, is_last = false, dont_fragment = false;
  size_t offset = 0, bytes = 0;
  uint8_t protocol = 0;
  uint32_t id = 0;
};
WireCut CutOf(const std::vector<uint8_t>& ip);
// "10.8.0.1:4000", of a first fragment.
std::string SenderOf(const std::vector<uint8_t>& ip);

}  // namespace fairlead::golden::wire
