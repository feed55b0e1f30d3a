#include "control/drain.h"

#include <algorithm>
#include <set>

#include "control/config/units.h"
#include "control/id_map.h"
#include "control/intent.h"
#include "control/model_diff.h"
#include "sched/load_board.h"

namespace fairlead::control {
namespace {

// A UDP flow has no states and is never active (ipvs.md, statistics), so there all are waited for.
bool WaitsForAll(const DrainPlan& plan, const ServiceConfig& service) {
  return plan.waits_for_all ||
         (!service.is_mark() && !HasStates(static_cast<Transport>(service.protocol)));
}

void Count(const DrainPlan& plan, const ServiceConfig& service, const sched::Load& load,
           DrainCount* count) {
  const bool waits_for_all = WaitsForAll(plan, service);
  count->awaited = uint64_t{load.active} + (waits_for_all ? load.inactive : 0);
  // After the deadline those that were cut are closed too.
  if (!plan.is_over) count->left = waits_for_all ? 0 : load.inactive;
  // A handshake that was under way has become a connection.
  count->begun = std::max(count->begun, count->awaited);
}

std::optional<DrainStep::Kind> DueNow(const DrainPlan& plan, const DrainCount& count,
                                      TimePoint now) {
  const bool is_finished = plan.is_over || count.awaited == 0;
  if (plan.then_remove && is_finished) return DrainStep::Kind::kRemove;
  if (is_finished && !count.is_ended) return DrainStep::Kind::kFinish;
  if (plan.until && !is_finished && now >= *plan.until) return DrainStep::Kind::kReset;
  return std::nullopt;
}

}  // namespace

std::vector<DrainStep> DrainBook::Due(const Intent& intent, const IdMap& ids,
                                      const sched::LoadBoard& loads, TimePoint now) {
  std::vector<DrainStep> due;
  std::erase_if(entries_, [&](const auto& entry) {
    return intent.overlay.FindDrain(entry.first) == nullptr;
  });
  if (intent.overlay.drains().empty()) return due;
  std::set<ServiceIdentity> draining;
  for (const auto& [key, plan] : intent.overlay.drains()) draining.insert(key.first);
  for (const ServiceConfig& service : intent.model->services) {
    const ServiceIdentity service_key = KeyOf(service);
    if (!draining.contains(service_key)) continue;
    for (const RealConfig& real : service.reals) {
      const Key key{service_key, {real.address, real.port}};
      const DrainPlan* plan = intent.overlay.FindDrain(key);
      if (plan == nullptr || real.state != AdminState::kDrain) continue;
      const RealId id = ids.FindReal(ids.FindService(service_key), key.second);
      if (id.is_none()) continue;
      Entry& entry = entries_[key];
      if (entry.plan != *plan) {  // asked for again, or its deadline has passed
        entry.plan = *plan;
        entry.count.is_ended = false;
        if (!plan->is_over) entry.count.cut = 0;
      }
      Count(*plan, service, loads.Sum(id), &entry.count);
      const auto kind = DueNow(*plan, entry.count, now);
      if (!kind) continue;
      if (*kind == DrainStep::Kind::kReset) entry.count.cut = entry.count.awaited;
      if (*kind == DrainStep::Kind::kFinish) entry.count.is_ended = true;
      due.push_back({*kind, service.name, NameOf(real), entry.count});
      due.back().count.is_ended = *kind != DrainStep::Kind::kReset;
    }
  }
  return due;
}

std::vector<std::string> DescribeEdit(const Intent& before, const Intent& after, TimePoint now) {
  std::vector<std::string> all = DescribeChanges(*before.model, *after.model);
  for (const auto& [key, plan] : after.overlay.drains()) {
    const DrainPlan* const old = before.overlay.FindDrain(key);
    if (old != nullptr && *old == plan) continue;
    const ServiceConfig* service = nullptr;
    for (size_t i = 0; i < after.model->services.size() && service == nullptr; ++i) {
      if (KeyOf(after.model->services[i]) == key.first) service = &after.model->services[i];
    }
    if (service == nullptr) continue;
    const std::string drain =
        "service " + service->name + ": drain of real " +
        Endpoint{key.second.address, Be16::FromHost(key.second.port)}.ToString();
    if (plan.until && (old == nullptr || old->until != plan.until)) {
      const auto left = std::chrono::duration_cast<Duration>(*plan.until - now);
      all.push_back(drain + ": after " + FormatDuration(left) +
                    " each connection that is left is reset "
                    "with its next packet");
    }
    if (plan.then_remove && (old == nullptr || !old->then_remove)) {
      all.push_back(drain + ": the real is removed once " +
                    (WaitsForAll(plan, *service) ? "no connection" : "no active connection") +
                    " is left" + (plan.until ? ", or the deadline has passed" : ""));
    }
  }
  return all;
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
