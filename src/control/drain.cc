#include "control/drain.h"

#include <set>

#include "control/id_map.h"
#include "control/intent.h"
#include "control/model_diff.h"
#include "sched/load_board.h"

namespace fairlead::control {

std::vector<DrainStep> DueDrains(const Intent& intent, const IdMap& ids,
                                 const sched::LoadBoard& loads, TimePoint now) {
  std::vector<DrainStep> due;
  if (intent.overlay.drains().empty()) return due;
  std::set<ServiceIdentity> draining;
  for (const auto& [key, plan] : intent.overlay.drains()) draining.insert(key.first);
  for (const ServiceConfig& service : intent.model->services) {
    const ServiceIdentity key = KeyOf(service);
    if (!draining.contains(key)) continue;
    for (const RealConfig& real : service.reals) {
      const DrainPlan* plan = intent.overlay.FindDrain({key, {real.address, real.port}});
      if (plan == nullptr || real.state != AdminState::kDrain) continue;
      const RealId id = ids.FindReal(ids.FindService(key), {real.address, real.port});
      if (id.is_none()) continue;
      const sched::Load load = loads.Sum(id);
      DrainStep step{.service = service.name,
                     .real = NameOf(real),
                     .connections_left = uint64_t{load.active} + load.inactive};
      if (plan->then_remove && (plan->is_over || step.connections_left == 0)) {
        step.kind = DrainStep::Kind::kRemove;
        due.push_back(step);
      } else if (plan->until && !plan->is_over && now >= *plan->until) {
        due.push_back(step);
      }
    }
  }
  return due;
}

Intent WithDrainOver(const Intent& intent, const DrainStep& step) {
  Intent next = intent;
  for (const ServiceConfig& service : intent.model->services) {
    if (service.name != step.service) continue;
    for (const RealConfig& real : service.reals) {
      if (NameOf(real) != step.real) continue;
      const Overlay::Key key{KeyOf(service), {real.address, real.port}};
      DrainPlan plan = *next.overlay.FindDrain(key);
      plan.is_over = true;
      next.overlay.SetDrain(key, plan);
    }
  }
  return next;
}

}  // namespace fairlead::control
