// Source hashing: 256 buckets filled in list order, each real taking as many in a row as its weight
// (at least one) until all are taken; a client's address, with sh-port also its port, names a
// bucket.
//
// A bucket keeps naming a real that is quiesced or overloaded, and its clients then get none:
// without sh-fallback they are not moved. Lists whose weights sum beyond 256 leave late reals
// without a bucket. (ipvs.md, sh and dh)
#include <algorithm>

#include "sched/buckets.h"
#include "sched/scheduler.h"

namespace fairlead::sched {
namespace {

constexpr uint32_t kShBuckets = 256;

}  // namespace

Tables Sh::Build(std::span<const RealInput> newest_first) {
  Tables tables;
  if (newest_first.empty()) return tables;
  tables.slots.reserve(kShBuckets);
  for (size_t position = 0; tables.slots.size() < kShBuckets;
       position = (position + 1) % newest_first.size()) {
    const auto wanted = static_cast<size_t>(std::max(newest_first[position].weight, 1));
    const size_t taken = std::min(wanted, kShBuckets - tables.slots.size());
    tables.slots.insert(tables.slots.end(), taken, static_cast<uint16_t>(position));
  }
  return tables;
}

State Sh::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Sh::Pick(const Plan& plan, State*, const Request& request, const LoadBoard& board) noexcept {
  const auto& buckets = plan.tables().slots;
  if (buckets.empty()) return {};
  const uint32_t port = plan.flags().port ? request.client_port : 0u;
  const uint32_t bucket = BucketOf<8>(port + request.client_fold);
  const Plan::Real& home = plan.real(buckets[bucket]);
  if (IsEligible(home, board)) return {home.id};
  if (!plan.flags().fallback) return {};
  for (uint32_t offset = 0; offset < kShBuckets; ++offset) {
    const uint32_t round = (offset + bucket) % kShBuckets;
    const Plan::Real& real = plan.real(buckets[(round + bucket) % kShBuckets]);
    if (IsEligible(real, board)) return {real.id};
  }
  return {};
}

}  // namespace fairlead::sched
