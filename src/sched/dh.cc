// Destination hashing: 256 buckets dealt out one by one in list order, whatever the weights; the
// packet's destination address names a bucket. For caches in front of many addresses: with one
// virtual address everybody meets one bucket.
//
// A bucket keeps naming a real that is quiesced or overloaded, and its destinations then have
// nobody; there is no fallback. (ipvs.md, sh and dh)
#include "sched/buckets.h"
#include "sched/scheduler.h"

namespace fairlead::sched {
namespace {

constexpr uint32_t kDhBuckets = 256;

}  // namespace

Tables Dh::Build(std::span<const RealInput> newest_first) {
  Tables tables;
  if (newest_first.empty()) return tables;
  for (size_t bucket = 0; bucket < kDhBuckets; ++bucket) {
    tables.slots.push_back(static_cast<uint16_t>(bucket % newest_first.size()));
  }
  return tables;
}

State Dh::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Dh::Pick(const Plan& plan, State*, const Request& request, const LoadBoard& board) noexcept {
  const auto& buckets = plan.tables().slots;
  if (buckets.empty()) return {};
  const Plan::Real& home = plan.real(buckets[BucketOf<8>(request.destination.Fold())]);
  return IsEligible(home, board) ? Choice{home.id} : Choice{};
}

}  // namespace fairlead::sched
