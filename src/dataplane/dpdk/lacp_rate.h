// `rate: fast` of a bond with LACP: its partner is asked for a frame each second, and given up
// after three without one.
//
//   if (int e = GiveUpSoon(bond); e != 0) …the driver refused
//   AskForFastRate(member);                    // each member, when it has its transmit queues
//
// Theory. The bit "short timeout" in what we say of ourselves is what asks (IEEE
// 802.1AX-2014, 6.4.2.3). The driver never sets it, and has no way to be told. So it is set in its
// frames when they leave, by a callback at each transmit queue of the members. The driver goes on
// to think that it has asked for the slow rate: its long timeout is set to the short one, and it
// answers each frame of the partner, in which it sees a bit that it knows nothing of. That makes
// one a second, as much as the partner sends.
//
// Threads: main, at the start; the callback by workers, on their own packets.
#pragma once

#include <cstdint>
#include <span>

namespace fairlead::edge {

// Sets the bit. False: the frame is none of LACP.
bool SetShortTimeout(std::span<uint8_t> frame);

// Errors are DPDK's.
int GiveUpSoon(uint16_t bond);
int AskForFastRate(uint16_t member);

}  // namespace fairlead::edge
