// The client's packet inside a tunnel packet, as an ICMP error quotes it or as it came.
//
//   TunnelQuote quote;
//   if (ParseTunnelQuote(frame, parsed, quoted, &quote) && quote.IsOf(real.tunnel)) …quote.inner…
//
//   TunnelShim shim;
//   if (ParseShim(frame, protocol, at, end, &shim)) …the inner packet begins at shim.inner…
//
// Only what the director itself makes is followed: GUE of version 0 without options, no control
// message; GRE of version 0 with a checksum or without, no key, no sequence number, no routing.
// Threads: pure. Never reads behind `end`.
#pragma once

#include "base/tunnel.h"
#include "dataplane/wire/icmp_error.h"

namespace fairlead::dataplane {

// What lies between the outer IP header and the inner packet.
struct TunnelShim {
  TunnelType type = TunnelType::kIpip;
  Family family = Family::kIpv4;  // of the inner packet
  bool has_checksum = false;      // GRE: the field is there; GUE: it is not 0
  Be16 port;                      // GUE: the destination
  uint16_t inner = 0;             // where the inner packet begins
};

// `protocol`: of the outer IP header; `at`, `end`: offsets of what lies behind that. False: it is
// none that is followed. `shim->type` says all the same which one it would be.
bool ParseShim(const uint8_t* frame, uint8_t protocol, uint32_t at, uint32_t end,
               TunnelShim* shim) noexcept;

struct TunnelQuote {
  IpAddress source;  // where the tunnel begins
  IpAddress real;    // where it ends
  TunnelShim shim;
  ParsedPacket inner;  // as if the quotation were all of it, with l3_offset in this frame; its
                       // ports are at l4_offset

  [[nodiscard]] bool IsOf(const Tunnel& tunnel) const noexcept {
    return shim.type == tunnel.type &&
           (shim.type != TunnelType::kGue || shim.port.host() == tunnel.port);
  }
};

// `quoted`: as ParseIcmpError left it, with kNotHandled or, of GUE, kRelated. False: it is no
// packet of a tunnel, or too little of the inner one is there.
bool ParseTunnelQuote(const uint8_t* frame, const ParsedPacket& parsed, const QuotedPacket& quoted,
                      TunnelQuote* quote) noexcept;

}  // namespace fairlead::dataplane
