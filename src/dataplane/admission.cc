#include "dataplane/admission.h"

namespace fairlead::dataplane {

RealId Schedule(Shard& shard, const ServiceView& service, const FlowFields& flow) noexcept {
  NoTrace silent;
  return DecideReal(shard, service, flow, &shard.scheduler_states[service.id.index()], silent);
}

Grant GrantTemplate(Shard& shard, const ServiceView& service, const FlowFields& flow) noexcept {
  TemplateTable& templates = shard.templates();
  const TemplateIdentity identity = IdentifyTemplate(service, flow);
  const uint64_t hash = templates.Hash(identity.key);
  NoTrace silent;
  const TemplateDecision found = DecideTemplate(shard, service, identity.key, hash, silent);
  uint32_t slot = found.slot;
  if (!found.is_valid) {
    if (slot != kNoSlot) templates.Invalidate(slot);
    const RealId real = Schedule(shard, service, flow);
    if (real.is_none()) return {RealId{}, {}, DropReason::kNoReal};
    const RealView& view = shard.snapshot->reals[real.index()];
    const InsertOutcome inserted = templates.Insert(
        identity.key,
        {real, identity.covers_one_port ? view.port : Be16{}, service.persistence.timeout},
        shard.now);
    if (!inserted.ok()) return {RealId{}, {}, DropReason::kTemplateTableFull};
    shard.fabric.loads.AddTemplates(shard.me, real, 1);
    slot = inserted.slot;
  }
  const TemplateRef ref = templates.RefOf(slot);
  templates.AddChild(ref);
  templates.Renew(slot, shard.now);
  return {templates.at(slot).real_id, ref, {}};
}

}  // namespace fairlead::dataplane
