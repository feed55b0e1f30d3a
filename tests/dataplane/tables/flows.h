// Flows by number, for the table tests: MakeDraft<Ipv6Address>(7) is always the same connection.
#pragma once

#include <cstdint>
#include <type_traits>

#include "dataplane/tables/connection_table.h"

namespace fairlead::dataplane {

template <typename Address>
Address MakeAddress(uint32_t host) {
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    return Ipv4Address::FromHost(host);
  } else {
    Ipv6Address a;
    Be32::FromHost(0x20010db8).Store(a.bytes.data());
    Be32::FromHost(host).Store(a.bytes.data() + 12);
    return a;
  }
}

// Distinct client endpoints for all i below 2^26; one virtual service; ten reals; NAT; 900 s.
template <typename Address>
Connection<Address> MakeDraft(uint32_t i) {
  Connection<Address> draft;
  draft.client_address = MakeAddress<Address>(0xc6330000 + i / 4);
  draft.client_port = Be16::FromHost(static_cast<uint16_t>(1024 + i % 4));
  draft.virtual_address = MakeAddress<Address>(0xc000020a);
  draft.virtual_port = Be16::FromHost(80);
  draft.real_address = MakeAddress<Address>(0x0a000000 + i % 10);
  draft.real_port = Be16::FromHost(8080);
  draft.protocol = 6;
  draft.timeout = TicksFromSeconds(900);
  return draft;
}

template <typename Address>
FlowKey<Address> KeyOfDraft(const Connection<Address>& c, Direction direction) {
  if (direction == Direction::kForward) {
    return FlowKey<Address>::Forward(c.protocol, c.client_address, c.client_port, c.virtual_address,
                                     c.virtual_port);
  }
  return FlowKey<Address>::Reply(c.protocol, c.client_address, c.client_port, c.reply_address(),
                                 c.reply_port());
}

}  // namespace fairlead::dataplane
