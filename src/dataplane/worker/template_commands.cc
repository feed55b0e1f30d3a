// Commands about templates: list, flush, pin, and the current policy for existing ones.
#include "dataplane/decide/admission.h"
#include "dataplane/decide/decision.h"
#include "dataplane/shard/table_walk.h"
#include "dataplane/worker/commands.h"

namespace fairlead::dataplane {
namespace {

bool Agrees(const std::optional<bool>& wanted, bool is) { return !wanted || *wanted == is; }

// The template of a persistence group is every member's: to a service that did not make it, it
// stands for the real that new connections would meet there.
bool IsOfService(const Snapshot& snapshot, const RecordFilter& filter,
                 const TemplateRecord& record) {
  if (MatchesReal(snapshot, filter, record.real_id)) return true;
  if (filter.service.index() >= snapshot.services.size()) return false;  // none, or gone
  const ServiceView& service = snapshot.services[filter.service.index()];
  const GroupNumber group = service.persistence.group;
  if (group.is_none() || record.key.service_group() != group ||
      record.key.Has(TemplateScope::kOwn)) {
    return false;
  }
  return filter.real.is_none() || filter.real == RealInService(snapshot, service, record.real_id);
}

// The template of one of the clients asked for, or of a network around them.
bool IsOfClient(const Prefix& asked, const TemplateRecord& record) {
  const IpAddress client = record.client();
  if (asked.Contains(client)) return true;
  if (asked.address.family() != client.family() || record.key.Has(TemplateScope::kEngine)) {
    return false;
  }
  return MaskedIdentity(asked.address, record.client_mask, record.client_prefix_length).bytes ==
         record.key.client;
}

bool Matches(const Snapshot& snapshot, const RecordFilter& filter, const TemplateRecord& record) {
  if (!IsOfService(snapshot, filter, record)) return false;
  if (!Agrees(filter.pinned, record.Has(TemplateFlag::kPinned)) ||
      !Agrees(filter.assured, record.state == TemplateState::kAssured) ||
      !Agrees(filter.valid, !record.Has(TemplateFlag::kInvalidated))) {
    return false;
  }
  const GroupNumber group = record.key.client_group();
  if (!filter.client_group.is_none() && filter.client_group != group) return false;
  // A group has no address: only its name finds it.
  return !filter.has_client || (group.is_none() && IsOfClient(filter.client, record));
}

// The key of an engine's template hides an IPv6 address; its service has it.
IpAddress VirtualAddressOf(const Shard& shard, const TemplateRecord& record) {
  const bool is_hidden = record.key.Has(TemplateScope::kEngine) && record.key.protocol != 0 &&
                         record.key.family == Family::kIpv6;
  if (!is_hidden) return record.virtual_address();
  const ServiceId id = ServiceOfReal(*shard.snapshot, record.real_id);
  const auto& services = shard.snapshot->services;
  return id.index() < services.size() ? services[id.index()].address : IpAddress(Ipv6Address{});
}

TemplateRow RowOf(Shard& shard, uint32_t slot) {
  const TemplateRecord& record = shard.templates().at(slot);
  TemplateRow row{.family = record.key.family,
                  .protocol = record.key.protocol,
                  .client = record.client(),
                  .virtual_address = VirtualAddressOf(shard, record),
                  .virtual_port = record.key.virtual_port,
                  .real = record.real_id,
                  .service = ServiceOfReal(*shard.snapshot, record.real_id),
                  .real_port = record.destination_port,
                  .is_assured = record.state == TemplateState::kAssured,
                  .is_invalid = record.Has(TemplateFlag::kInvalidated),
                  .is_pinned = record.Has(TemplateFlag::kPinned),
                  .renew = record.renew,
                  .client_prefix_length = record.client_prefix_length,
                  .client_mask = record.client_mask,
                  .client_group = record.key.client_group(),
                  .service_group = record.key.service_group(),
                  .children = record.children,
                  .age = shard.now.value - record.created.value,
                  .remaining = record.Remaining(shard.now),
                  .timeout = record.timeout,
                  .engine_length = record.engine_length};
  shard.templates().CopyEngineText(slot, row.engine_text);
  return row;
}

// What a client would meet at the service's own address.
FlowFields FieldsAt(const ServiceView& service, const IpAddress& client) {
  return {{.source = client,
           .destination = service.address,
           .destination_port = service.port.host(),
           .protocol = service.protocol,
           .input_port = {}}};
}

// To our own directors, if there are some.
void Stream(Shard& shard, uint32_t slot, sync::StreamEvent event) {
  if ((shard.tells & kTellsStream) != 0) shard.StreamTemplate(slot, event);
}

// True: a template of this key is pinned now.
bool PinKey(Shard& shard, const ServiceView& service, TemplateIdentity identity, RealId real,
            TickCount ttl) {
  TemplateTable& templates = shard.templates();
  const FindOutcome found = templates.Find(identity.key, shard.now);
  if (found.hit() && templates.at(found.slot).real_id == real) {
    templates.Pin(found.slot, ttl, shard.now);
    Stream(shard, found.slot, sync::StreamEvent::kIs);
    return true;
  }
  const InsertOutcome inserted = templates.Insert(
      identity.key, BindingFor(*shard.snapshot, service, identity, real), shard.now);
  if (!inserted.ok()) return false;
  // The client's old place goes on for its connections alone.
  if (found.hit()) {
    Stream(shard, found.slot, sync::StreamEvent::kGone);
    templates.Invalidate(found.slot, shard.now);
  }
  shard.fabric.loads.AddTemplates(shard.me, real, 1);
  templates.Pin(inserted.slot, ttl, shard.now);
  Stream(shard, inserted.slot, sync::StreamEvent::kIs);
  return true;
}

}  // namespace

void RunListTemplates(Shard& shard, ListTemplates* list) noexcept {
  list->is_complete =
      WalkTemplates(shard, &list->cursor, [&](TemplateTable& templates, uint32_t s) {
        ++list->visited;
        const TemplateRecord& record = templates.at(s);
        if (templates.IsExpired(s, shard.now) || !Matches(*shard.snapshot, list->filter, record)) {
          return true;
        }
        return AddRow(list, RowOf(shard, s));
      });
}

// A template with children stays until they are gone, as no lookup's answer; without, it goes at
// once.
void RunFlushTemplates(Shard& shard, FlushTemplates* flush) noexcept {
  flush->is_complete =
      WalkTemplates(shard, &flush->cursor, [&](TemplateTable& templates, uint32_t s) {
        const TemplateRecord& record = templates.at(s);
        if (record.Has(TemplateFlag::kInvalidated) ||
            !Matches(*shard.snapshot, flush->filter, record)) {
          return true;
        }
        ++flush->flushed;
        if (flush->is_trial) return true;
        Stream(shard, s, sync::StreamEvent::kGone);
        if (record.children > 0) {
          templates.Invalidate(s, shard.now);
        } else {
          templates.ExpireNow(s, shard.now);
        }
        return true;
      });
}

// Those of services that are persistent; others have no policy to give.
void RunRetimeTemplates(Shard& shard, RetimeTemplates* retime) noexcept {
  const Snapshot& snapshot = *shard.snapshot;
  retime->is_complete =
      WalkTemplates(shard, &retime->cursor, [&](TemplateTable& templates, uint32_t s) {
        const TemplateRecord& record = templates.at(s);
        const ServiceId id = ServiceOfReal(snapshot, record.real_id);
        if (record.Has(TemplateFlag::kInvalidated) || record.Has(TemplateFlag::kPinned) ||
            templates.IsExpired(s, shard.now) || !Matches(snapshot, retime->filter, record) ||
            id.index() >= snapshot.services.size() ||
            !snapshot.services[id.index()].persistence.is_enabled) {
          return true;
        }
        ++retime->flushed;
        if (retime->is_trial) return true;
        templates.Retime(
            s,
            BindingFor(snapshot, snapshot.services[id.index()], TemplateIdentity{}, record.real_id),
            shard.now);
        Stream(shard, s, sync::StreamEvent::kIs);
        return true;
      });
}

void RunSweepTemplates(Shard& shard, SweepTemplates* sweep) noexcept {
  sweep->is_complete =
      WalkTemplates(shard, &sweep->cursor, [&](TemplateTable& templates, uint32_t s) {
        const TemplateRecord& record = templates.at(s);
        if (record.children == 0 && IsExpiredWithReal(*shard.snapshot, record.real_id)) {
          templates.ExpireNow(s, shard.now);
          ++sweep->swept;
        }
        return true;
      });
}

void RunPinTemplate(Shard& shard, PinTemplate* pin) noexcept {
  const Snapshot& snapshot = *shard.snapshot;
  const bool is_known = pin->service.index() < snapshot.services.size() &&
                        pin->real.index() < snapshot.reals.size() &&
                        snapshot.services[pin->service.index()].persistence.is_enabled &&
                        snapshot.reals[pin->real.index()].service == pin->service;
  if (!is_known) {
    pin->is_stale = true;
    return;
  }
  const ServiceView& service = snapshot.services[pin->service.index()];
  TemplateIdentity identity = IdentifyTemplate(service, FieldsAt(service, pin->client));
  TemplateRecord shown;
  shown.key = identity.key;
  pin->row.client = shown.client();
  pin->row.client_prefix_length = identity.client_prefix_length;
  pin->row.client_mask = identity.client_mask;
  pin->row.client_group = identity.key.client_group();
  if (pin->is_trial) return;
  for (uint8_t slot = 0; slot < service.persistence.spread; ++slot) {
    identity.key.spread = slot;
    const uint64_t hash = shard.templates().Hash(identity.key);
    if (shard.fabric.steering.TemplateOwner(hash) != shard.me) continue;
    const bool is_pinned = PinKey(shard, service, identity, pin->real, pin->ttl);
    ++(is_pinned ? pin->pinned : pin->refused);
  }
}

}  // namespace fairlead::dataplane
