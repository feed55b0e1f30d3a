// A service reached by FULLNAT whose real server has the other IP version, as fullnat_bed.h.
#pragma once

#include <string>
#include <vector>

#include "byte_fragments.h"
#include "fullnat_bed.h"

namespace fairlead::dataplane::fullnat_bed {

inline const Ends kEnds64{"2001:db8:7::7", "2001:db8::10", "10.0.0.11", "10.0.0.20"};
inline const Ends kEnds46{"198.51.100.7", "192.0.2.10", "fd00::11", "fd00::20"};

class MixedBed : public FullnatBed {
 protected:
  using FullnatBed::FullnatBed;

  // "TCP SA ttl 63", or the same of UDP.
  [[nodiscard]] std::string Tail(const char* flags) const {
    return (protocol_ == kProtocolTcp ? " TCP " + std::string(flags) : std::string(" UDP")) +
           " ttl 63";
  }
  [[nodiscard]] std::string AtReal(const Endpoint& local) const {
    return Written(ends_.real, 8080) + " <- " + local.ToString();
  }
  [[nodiscard]] std::string AtClient(uint16_t port) const {
    return Written(ends_.client, port) + " <- " + Written(ends_.vip, 80);
  }
  [[nodiscard]] bool is_46() const { return ends_.client.find(':') == std::string::npos; }
  // So many bytes of an IP packet, all headers included.
  [[nodiscard]] Frame OfClient(uint16_t port, size_t bytes, bool dont_fragment = true) const {
    const size_t headers = is_46() ? 40 : 60;
    return Tcp(ends_.client, port, ends_.vip, 80, kTcpAck, 64, bytes - headers, dont_fragment);
  }
  [[nodiscard]] Frame OfReal(const Endpoint& local, size_t bytes, bool dont_fragment = true) const {
    const size_t headers = is_46() ? 60 : 40;
    return Tcp(ends_.real, 8080, local.address.ToString(), local.port.host(), kTcpAck, 64,
               bytes - headers, dont_fragment);
  }
  // What comes out of these, put together.
  std::string Joined(PortId port, std::vector<Frame> pieces, bool is_reversed = false) {
    if (is_reversed) std::reverse(pieces.begin(), pieces.end());
    for (const Frame& piece : pieces) d_.Inject(port, piece);
    frames_.clear();
    for (const Sent& sent : d_.Settle()) frames_.push_back(sent.frame);
    joined_ = Join(frames_);
    return joined_.empty() ? "no datagram of " + std::to_string(frames_.size()) : Text(joined_);
  }

  std::vector<Frame> frames_;
  Frame joined_;
};

}  // namespace fairlead::dataplane::fullnat_bed
