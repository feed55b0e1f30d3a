// Maglev hashing: a table of 4093 slots that changes little when a real comes or goes.
//
// Each real walks the slots by an offset and a stride of its own, both hashed from its address and
// port; the reals take turns in list order, each claiming its next free slots, in number by weight.
// (Eisenbud and others, "Maglev", NSDI 2016, section 3.4; ipvs.md, mh)
//
// The table is built from the last weight above 0, so quiescing a real moves nobody else; its
// clients get none, or with mh-fallback another. The table depends on the list order: directors
// meant to agree must add their reals in the same order.
#include <algorithm>
#include <bit>
#include <numeric>

#include "base/siphash.h"
#include "sched/scheduler.h"

namespace fairlead::sched {
namespace {

constexpr uint64_t kOffsetKey = 2654435761;  // also the key of the clients
constexpr uint64_t kStrideKey = 2654446892;
// Turns of the heaviest real in a round: 6 bits at most, half of what indexes the table.
constexpr int kTurnBits = 6;

uint32_t Hash(uint64_t key, uint32_t value) noexcept {
  if constexpr (std::endian::native == std::endian::big) value = ByteSwap(value);
  return static_cast<uint32_t>(SipHash13({key, key}, &value, sizeof value));
}

uint32_t SlotOf(uint32_t value) noexcept {
  return Hash(kOffsetKey, value) % static_cast<uint32_t>(kMaglevSlots);
}

struct Walker {
  uint16_t position;  // of the real in list order
  int32_t turns;      // slots it claims in a row
  uint32_t slot;      // where it looks next
  uint32_t stride;    // 1…kMaglevSlots−1, and kMaglevSlots is prime: every slot is met

  // Precondition: some slot is free.
  void Claim(std::vector<uint16_t>* slots, uint16_t free_mark) {
    while ((*slots)[slot] != free_mark) Advance();
    (*slots)[slot] = position;
  }
  void Advance() { slot = (slot + stride) % static_cast<uint32_t>(kMaglevSlots); }
};

std::vector<Walker> MakeWalkers(std::span<const RealInput> newest_first) {
  int32_t gcd = 0;
  int32_t highest = 0;
  for (const RealInput& real : newest_first) {
    gcd = std::gcd(gcd, real.last_weight);
    highest = std::max(highest, real.last_weight);
  }
  std::vector<Walker> walkers;
  if (highest == 0) return walkers;
  const int bits = static_cast<int>(std::bit_width(static_cast<uint32_t>(highest / gcd)));
  const int shift = std::max(0, bits - kTurnBits);
  for (size_t i = 0; i < newest_first.size(); ++i) {
    const RealInput& real = newest_first[i];
    if (real.last_weight <= 0) continue;
    const uint32_t name = real.port.host() + real.address.Fold();
    walkers.push_back({static_cast<uint16_t>(i), std::max(1, (real.last_weight / gcd) >> shift),
                       SlotOf(name),
                       Hash(kStrideKey, name) % static_cast<uint32_t>(kMaglevSlots - 1) + 1});
  }
  return walkers;
}

}  // namespace

Tables Mh::Build(std::span<const RealInput> newest_first) {
  constexpr uint16_t kFree = 0xffff;
  Tables tables;
  std::vector<Walker> walkers = MakeWalkers(newest_first);
  if (walkers.empty()) return tables;
  tables.slots.assign(kMaglevSlots, kFree);
  size_t filled = 0;
  while (true) {
    for (Walker& walker : walkers) {
      for (int32_t turn = 0; turn < walker.turns; ++turn) {
        walker.Claim(&tables.slots, kFree);
        if (++filled == kMaglevSlots) return tables;
      }
    }
  }
}

State Mh::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Mh::Pick(const Plan& plan, State*, const Request& request, const LoadBoard& board) noexcept {
  const auto& slots = plan.tables().slots;
  if (slots.empty()) return {};
  const uint32_t name = request.client_fold + (plan.flags().port ? request.client_port : 0u);
  const uint32_t slot = SlotOf(name);
  const Plan::Real& home = plan.real(slots[slot]);
  if (IsEligible(home, board)) return {home.id};
  if (!plan.flags().fallback) return {};
  // Nobody at all: say so before hashing 4093 times for each packet of a flood.
  const auto is_eligible = [&](const Plan::Real& real) { return IsEligible(real, board); };
  if (std::ranges::none_of(plan.reals(), is_eligible)) return {};
  for (uint32_t offset = 0; offset < kMaglevSlots; ++offset) {
    const uint32_t salt = (offset + slot) % static_cast<uint32_t>(kMaglevSlots);
    const Plan::Real& real = plan.real(slots[SlotOf(salt + name)]);
    if (IsEligible(real, board)) return {real.id};
  }
  return {};
}

}  // namespace fairlead::sched
