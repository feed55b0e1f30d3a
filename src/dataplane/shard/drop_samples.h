// The last packets that a worker dropped, by reason: whose they were, and when.
//
//   if (samples.Wants(reason, now)) samples.Note(frame, length, port, reason, now, snapshot);
//   …
//   ListDrops list;  list.rows.reserve(kDropSamples);   // comes by the mailbox
//   samples.FillIn(&list);
//
// Of each reason at most kSamplesOfReason packets a second are looked at, so a flood costs a
// comparison a packet and does not push out the others; as many are kept, until newer ones of the
// same reason come. A sample is read from the packet as it is when it is dropped: after NAT its
// destination is the real server.
//
// Threads: the worker's. Allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "dataplane/shard/mailbox.h"
#include "dataplane/snapshot/snapshot.h"
#include "dataplane/wire/drop_reason.h"

namespace fairlead::dataplane {

// What the frame says, without the packet having been found good: of a broken one whatever stands
// in the places of addresses and ports. Zero protocol: no IP packet.
void ReadEndpoints(const uint8_t* frame, size_t length, DropSample* sample) noexcept;

class DropSamples {
 public:
  [[nodiscard]] bool Wants(DropReason reason, Tick now) const noexcept {
    const Reason& of = reasons_[static_cast<size_t>(reason)];
    return of.left > 0 || of.refill.HasPassed(now);
  }
  void Note(const uint8_t* frame, size_t length, PortId port, DropReason reason, Tick now,
            const Snapshot& snapshot) noexcept;
  // Every sample, reason by reason, as far as there is room.
  void FillIn(ListDrops* list, Tick now) const noexcept;

 private:
  struct Reason {
    std::array<DropSample, kSamplesOfReason> ring;
    uint32_t count = 0;  // since the start; the next place is count % kSamplesOfReason
    uint32_t left = 0;   // until `refill`
    Tick refill;
  };

  std::array<Reason, kDropReasonCount> reasons_{};
  uint64_t number_ = 0;
};

}  // namespace fairlead::dataplane
