// The flows of source NAT in a burst, looked up all at once: of packets that have no connection.
//
//   LookForSnat(turn, burst);                  // after LookUp; only while there are rules
//
// What comes from outside is looked for as from the world, the rest as from inside, as is done with
// connections. A miss means little: the flow may begin in this burst, or a port has both sides;
// such a packet goes the usual way (steer.h). A slot that is found is good for the burst, since
// flows end between bursts only. Threads: the worker's.
#pragma once

#include "dataplane/path/flow_burst.h"

namespace fairlead::dataplane {

template <typename Address, Packet P>
[[gnu::noinline]] void LookForSnat(Turn<P>& t, FlowBurst<Address, P>& burst) noexcept {
  if (t.shard.snat == nullptr) return;
  burst.has_snat = true;
  const SnatTable<Address>& table = t.shard.snat->template Table<Address>();
  struct Question {
    SnatKey<Address> key;
    uint64_t hash;
    uint8_t at;
    bool is_in;
  };
  BurstOf<Question> questions;
  size_t count = 0;
  for (size_t i = 0; i < burst.count; ++i) {
    burst.snat_slots[i] = kNoSlot;  // also of a connection that may be gone when its turn comes
    if (burst.slots[i] != kNoSlot) continue;
    Question& question = questions[count++];
    const uint8_t* frame = burst.packets[i]->data();
    question.at = static_cast<uint8_t>(i);
    question.is_in = burst.keys[i].direction == Direction::kForward;
    question.key = question.is_in ? SnatKeyOf<SnatWay::kIn, Address>(frame, burst.parsed[i])
                                  : SnatKeyOf<SnatWay::kOut, Address>(frame, burst.parsed[i]);
    question.hash = table.HashOf(question.key);
    question.is_in ? table.template PrefetchHead<SnatWay::kIn>(question.hash)
                   : table.template PrefetchHead<SnatWay::kOut>(question.hash);
  }
  for (size_t i = 0; i < count; ++i) {
    const Question& question = questions[i];
    question.is_in ? table.template PrefetchFlow<SnatWay::kIn>(question.hash)
                   : table.template PrefetchFlow<SnatWay::kOut>(question.hash);
  }
  for (size_t i = 0; i < count; ++i) {
    const Question& question = questions[i];
    const uint32_t slot =
        question.is_in ? table.template Find<SnatWay::kIn>(question.key, question.hash, t.now())
                       : table.template Find<SnatWay::kOut>(question.key, question.hash, t.now());
    burst.snat_slots[question.at] = IsSnatInForce(t, table, slot) ? slot : kNoSlot;
  }
}

}  // namespace fairlead::dataplane
