// What a shard does with records that a peer tells of.
#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

template <typename Address>
void Shard::Follow(uint32_t slot, uint8_t state, bool is_inactive, TickCount timeout) noexcept {
  Connection<Address>& record = Connections<Address>().at(slot);
  record.state = state;
  SetInactive(&record.flags, record.real_id, is_inactive);
  Connections<Address>().Touch(slot, now, timeout);
}

template void Shard::Follow<Ipv4Address>(uint32_t, uint8_t, bool, TickCount) noexcept;
template void Shard::Follow<Ipv6Address>(uint32_t, uint8_t, bool, TickCount) noexcept;

}  // namespace fairlead::dataplane
