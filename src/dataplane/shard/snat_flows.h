// The flows of source NAT that one worker owns, and its choice of addresses and ports for new ones.
//
//   auto flows = SnatFlows::Create(config, memory, hash, now);       // null: no memory
//   SnatBegun begun = flows->Begin<Ipv4Address>(rule, key, place);
//   if (begun.slot == kNoSlot) return t.Drop(packet, begun.refusal);
//   flows->Track<Ipv4Address>(slot, Direction::kReply, tcp_flags, timeouts, now);
//
// A local endpoint may serve any number of flows at once as long as each goes to another endpoint
// in the world, as with Linux. All flows with one such endpoint belong to one worker, its owner
// (shard/steering.h): so each worker has all ports, and no two have to agree on anything. A port
// that steers names it in both directions: the packet from inside has that endpoint where a reply
// has its client, and what comes from the world has it where a client's packet has. Which local
// endpoint a flow gets: tables/snat_ports.h.
//
// Threads: one worker. Only Create allocates.
#pragma once

#include <array>
#include <memory>

#include "dataplane/shard/counters.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/snapshot/snapshot.h"
#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/snat_ports.h"
#include "dataplane/tables/snat_table.h"

namespace fairlead::dataplane {

// A ping, and UDP that nobody has answered: as Linux.
inline constexpr TickCount kSnatPingTimeout = TicksFromSeconds(30);
inline constexpr TickCount kSnatUnansweredTimeout = TicksFromSeconds(30);

struct SnatBegun {
  uint32_t slot = kNoSlot;
  DropReason refusal = DropReason::kSnatExhausted;  // with kNoSlot
};

// Where a flow begins.
struct SnatPlace {
  const Snapshot& snapshot;
  Tick now;
};

template <typename Address>
struct SnatEndpoint {
  Address address;
  Be16 port;
};

class SnatFlows {
 public:
  // `memory`: where the flows lie; without spans of them, the tables map their own.
  static std::unique_ptr<SnatFlows> Create(const FabricConfig& config, const TableMemory& memory,
                                           const TableHash& hash, Tick now) noexcept;

  template <typename Address>
  SnatTable<Address>& Table() noexcept {
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return table4_;
    } else {
      return table6_;
    }
  }

  // The rules in force. Counters that another rule had begin at 0; its flows no longer count.
  void Adopt(const SnatView& rules, SnatCounters* counters) noexcept;
  // The flows are a previous process's, so the next rules say which counters are theirs.
  void NoteTakenUp() noexcept { is_taken_up_ = true; }
  // Of the rule that a flow was made by; null: its counters are another rule's now.
  [[nodiscard]] SnatCounters* CountersOf(uint8_t slot, SnatCounters* counters) const noexcept {
    return UseBit(uses_[slot & kSlotMask]) == (slot & ~kSlotMask) ? &counters[slot & kSlotMask]
                                                                  : nullptr;
  }

  // Makes a flow that Track has not seen yet. `key` is SnatWay::kOut's.
  template <typename Address>
  SnatBegun Begin(const SnatRule& rule, const SnatKey<Address>& key,
                  const SnatPlace& place) noexcept;
  // False: nothing is free within a bounded search.
  template <typename Address>
  bool ChooseLocal(const SnatRule& rule, const SnatKey<Address>& key, const SnatPlace& place,
                   SnatEndpoint<Address>* local) const noexcept;
  // State and time after a packet of this direction.
  template <typename Address>
  void Track(uint32_t slot, Direction direction, uint8_t tcp_flags, const Timeouts& timeouts,
             Tick now) noexcept;
  // Frees what is over, a bounded number of steps. `counters`: the worker's, by slot of rules.
  size_t Expire(Tick now, SnatCounters* counters) noexcept;

  [[nodiscard]] uint64_t size() const noexcept { return uint64_t{table4_.size()} + table6_.size(); }
  [[nodiscard]] uint64_t capacity() const noexcept {
    return uint64_t{table4_.capacity()} + table6_.capacity();
  }

 private:
  static constexpr uint32_t kExpirySteps = 256;  // per table and turn

  SnatFlows(SnatTable<Ipv4Address> table4, SnatTable<Ipv6Address> table6)
      : table4_(std::move(table4)), table6_(std::move(table6)) {}

  template <typename Address>
  [[nodiscard]] const SnatTable<Address>& table() const noexcept {
    return const_cast<SnatFlows*>(this)->Table<Address>();
  }

  // What SnatFlow::slot says: the slot, and above it the last bit of its rule's `use`.
  static constexpr uint8_t kSlotMask = kSnatSlots - 1;
  static_assert(kSnatSlots == 128);
  static constexpr uint8_t UseBit(uint32_t use) noexcept {
    return static_cast<uint8_t>((use & 1) * kSnatSlots);
  }

  // Counts each flow for the first rule that it may be of.
  template <typename Address>
  void Assign(const SnatView& rules, SnatCounters* counters) noexcept;
  template <typename Address>
  [[nodiscard]] SnatPorts::Wish WishOf(const SnatRule& rule,
                                       const SnatKey<Address>& key) const noexcept;

  SnatTable<Ipv4Address> table4_;
  SnatTable<Ipv6Address> table6_;
  SnatPorts ports_;
  std::array<uint32_t, kSnatSlots> uses_{};  // SnatRule::use, by slot
  bool is_taken_up_ = false;
};

}  // namespace fairlead::dataplane
