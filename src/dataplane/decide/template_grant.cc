#include "dataplane/decide/admission.h"

namespace fairlead::dataplane {

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

RealId Commit::Pick(const ServiceView& service, const FlowFields& flow, NoTrace& trace) noexcept {
  return DecideReal(shard, service, flow, &shard.scheduler_states[service.id.index()], trace);
}

Grant Commit::Join(uint32_t slot, RealId real) noexcept {
  TemplateTable& templates = shard.templates();
  const TemplateRef ref = templates.RefOf(slot);
  const Tick before = templates.at(slot).deadline;
  templates.AddChild(ref);
  templates.Renew(slot, shard.now);
  if (shard.tells != 0) [[unlikely]]
    shard.TellOfTemplate(slot, before);
  return {real, ref, {}};
}

void Commit::Invalidate(uint32_t slot) noexcept {
  if ((shard.tells & kTellsStream) != 0) [[unlikely]]
    shard.StreamTemplate(slot, sync::StreamEvent::kGone);
  shard.templates().Invalidate(slot, shard.now);
}

Grant Commit::Bind(const ServiceView& service, const TemplateIdentity& identity,
                   RealId real) noexcept {
  const InsertOutcome inserted = shard.templates().Insert(
      identity.key, BindingFor(snapshot, service, identity, real), shard.now);
  if (!inserted.ok()) return {RealId{}, {}, DropReason::kTemplateTableFull};
  shard.fabric.loads.AddTemplates(shard.me, real, 1);
  const TemplateRef ref = shard.templates().RefOf(inserted.slot);
  shard.templates().AddChild(ref);
  if (shard.tells != 0) [[unlikely]]
    shard.TellOfTemplate(inserted.slot, std::nullopt);
  return {real, ref, {}};
}

template Grant BindClient(Commit&, const ServiceView&, const FlowFields&, TemplateIdentity, RealId,
                          NoTrace&) noexcept;

// Adopting a snapshot in which the keying differs begins a grace (Shard::Adopt).
bool Preview::IsInGrace(const ServiceView& service) const noexcept {
  const ServiceView* known = ServiceOf(*shard.snapshot, service.id);
  if (known == nullptr) return false;
  const PersistenceView& persistence = service.persistence;
  if (known->persistence.keying_edits == persistence.keying_edits) return shard.IsInGrace(service);
  return persistence.rekey != 0 && persistence.previous != nullptr;
}

}  // namespace fairlead::dataplane
