#include "control/snat_watch.h"

#include "base/log.h"

namespace fairlead::control {

size_t SnatWatch::Look(const ConfigModel& model, const dataplane::Snapshot& snapshot,
                       const dataplane::StatsBoard& stats, TimePoint now) {
  if (snapshot.snat == nullptr || snapshot.snat->rules.size() != model.snat.size()) return 0;
  size_t named = 0;
  for (size_t i = 0; i < model.snat.size(); ++i) {
    const uint16_t slot = snapshot.snat->rules[i].slot;
    Seen& seen = seen_[slot];
    const dataplane::SnatSum sum = stats.SumSnat(slot);
    if (sum.exhausted < seen.exhausted) seen.exhausted = 0;  // another rule has begun
    if (sum.exhausted == seen.exhausted || now < seen.next) continue;
    LogWarning("source NAT: a rule has no port left for new flows",
               {{"rule", TextOf(model.snat[i])},
                {"flows", sum.flows},
                {"refused", sum.exhausted - seen.exhausted},
                {"remedy", "give it more addresses or a wider range of ports"}});
    seen = {sum.exhausted, now + kSnatWarningInterval};
    ++named;
  }
  return named;
}

}  // namespace fairlead::control
