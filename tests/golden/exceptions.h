// Where the product differs from the recorded kernel on purpose, or the recording does not say
// enough. Short, named, and printed whenever one is used.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fairlead::golden {

enum class Exception : uint8_t {
  kLastService,
  kNatToDr,
  kUnrecordedPackets,
  kOnePacketNat,
  kCount
};

struct ExceptionText {
  std::string_view name, reason;
};

inline constexpr std::array<ExceptionText, static_cast<size_t>(Exception::kCount)> kExceptions{{
    {"last-service",
     "when its last service is deleted IPVS switches itself off: clients of connections that are "
     "left get RSTs, server replies go out untranslated, nothing is expired. A director treats it "
     "like any other deletion. Of the connections held at that moment, probes that saw a RST and "
     "rows may differ."},
    {"nat-to-dr",
     "after a live server was edited from NAT to DR, a new DR connection through IPVS can break "
     "once an old NAT packet has passed. Ours works. A connection to such a server that timed out "
     "there, its rows and that server's counts may differ."},
    {"unrecorded-packets",
     "rows of a 10.8 client in a case that records none of its packets: the shortest packets that "
     "lead to the recorded state are sent, and everything is compared."},
    {"one-packet-nat",
     "through IPVS a reply to one-packet scheduling by NAT leaves with the real server's address, "
     "and its client waits in vain. Ours comes from the virtual address. The result of such a "
     "request may differ."},
}};

inline constexpr const ExceptionText& TextOf(Exception e) {
  return kExceptions[static_cast<size_t>(e)];
}

}  // namespace fairlead::golden
