#include "dataplane/decide/admission.h"

namespace fairlead::dataplane {

RealId Schedule(Shard& shard, const ServiceView& service, const FlowFields& flow) noexcept {
  NoTrace silent;
  return DecideReal(shard, service, flow, &shard.scheduler_states[service.id.index()], silent);
}

TemplateBinding BindingFor(const Snapshot& snapshot, const ServiceView& service,
                           const TemplateIdentity& identity, RealId real) noexcept {
  const PersistenceView& persistence = service.persistence;
  return {.real_id = real,
          .destination_port = identity.covers_one_port ? snapshot.reals[real.index()].port : Be16{},
          .service_timeout = persistence.timeout,
          .renew = persistence.renew,
          .step = persistence.step,
          .max_lifetime = persistence.max_lifetime,
          .client_bits = identity.client_prefix_length,
          .client_mask = identity.client_mask,
          .engine_text = identity.engine_text};
}

WorkerId PreviousOwner(Shard& shard, const ServiceView& service, const FlowFields& flow) noexcept {
  if (!shard.IsInGrace(service)) [[likely]]
    return WorkerId{};
  NoTrace silent;
  TemplateIdentity identity = IdentifyTemplate(service, flow);
  const TemplateIdentity previous =
      IdentifyTemplate(service, *service.persistence.previous, flow, silent);
  if (previous.key == identity.key) return WorkerId{};
  if (DecideTemplate(shard, service, &identity, silent).slot != kNoSlot) return WorkerId{};
  return shard.fabric.steering.TemplateOwner(shard.templates().Hash(previous.key));
}

Grant GrantTemplate(Shard& shard, const ServiceView& service, const FlowFields& flow,
                    RealId known) noexcept {
  TemplateTable& templates = shard.templates();
  TemplateIdentity identity = IdentifyTemplate(service, flow);
  NoTrace silent;
  const TemplateDecision found = DecideTemplate(shard, service, &identity, silent);
  uint32_t slot = found.slot;
  RealId real = found.real;
  if (!found.is_valid) {
    if (slot != kNoSlot) templates.Invalidate(slot, shard.now);
    TemplateFault fault{};
    const bool is_known =
        !known.is_none() && IsTemplateValid(*shard.snapshot, service, known, &fault);
    real = is_known ? known : Schedule(shard, service, flow);
    if (real.is_none()) return {RealId{}, {}, DropReason::kNoReal};
    const InsertOutcome inserted = templates.Insert(
        identity.key, BindingFor(*shard.snapshot, service, identity, real), shard.now);
    if (!inserted.ok()) return {RealId{}, {}, DropReason::kTemplateTableFull};
    shard.fabric.loads.AddTemplates(shard.me, real, 1);
    slot = inserted.slot;
  }
  const TemplateRef ref = templates.RefOf(slot);
  templates.AddChild(ref);
  templates.Renew(slot, shard.now);
  return {real, ref, {}};
}

}  // namespace fairlead::dataplane
