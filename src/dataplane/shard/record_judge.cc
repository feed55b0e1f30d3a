#include "dataplane/shard/record_judge.h"

#include <algorithm>
#include <optional>

#include "base/forward_method.h"
#include "base/transport.h"
#include "dataplane/tables/slot.h"
#include "dataplane/tables/tcp_state.h"
#include "dataplane/tables/template_table.h"
#include "dataplane/tables/timeouts.h"

namespace fairlead::dataplane {
namespace {

constexpr Judgement kGood{RecordFate::kGood, {}};

constexpr Judgement Bad(TakeUpCause cause) noexcept { return {RecordFate::kBad, cause}; }

// Neither unspecified nor multicast nor broadcast.
bool IsHost(const Ipv4Address& a) noexcept {
  const uint32_t value = a.value.host();
  return value != 0 && value >> 28 != 0xe && value != 0xffff'ffff;
}
bool IsHost(const Ipv6Address& a) noexcept { return !a.is_unspecified() && a.bytes[0] != 0xff; }

// Some flow of any kind may have this state.
bool IsState(Transport transport, uint8_t state) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return state < kTcpStateCount;
    case Transport::kUdp:
      return state == 0;
  }
  return false;
}

bool IsInactive(Transport transport, uint8_t state) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return !IsActive(static_cast<TcpState>(state));
    case Transport::kUdp:
      break;
  }
  return true;
}

bool IsDuration(TickCount ticks) noexcept { return ticks == kForever || ticks <= kMaxTimeout; }

// What is wrong with the side record apart from its place in a list.
bool IsWhole(const SideRecord& record, const SideOwner& owner) noexcept {
  if (record.owner_table != owner.table || record.owner_slot != owner.slot ||
      record.owner_generation != owner.generation) {
    return false;
  }
  switch (record.kind) {
    case SideKind::kFlow: {
      const Family family = record.flow.local_family;
      return owner.table != SideOwner::Table::kTemplates &&
             (record.flow.local_port == Be16{} || family == Family::kIpv4 ||
              family == Family::kIpv6);
    }
    case SideKind::kSync:
      return true;
    case SideKind::kText:
      return record.text.length <= TextSide::kBytes;
    case SideKind::kFree:
      break;
  }
  return false;
}

std::optional<TakeUpCause> FaultOfKey(const TemplateKey& key) noexcept {
  constexpr unsigned kScopes = static_cast<unsigned>(TemplateScope::kClientGroup) |
                               static_cast<unsigned>(TemplateScope::kServiceGroup) |
                               static_cast<unsigned>(TemplateScope::kOwn) |
                               static_cast<unsigned>(TemplateScope::kEngine);
  if (key.protocol != 0 && !IsTransport(key.protocol)) return TakeUpCause::kProtocol;
  if ((key.scope & ~kScopes) != 0) return TakeUpCause::kFlags;
  if (key.family != Family::kIpv4 && key.family != Family::kIpv6) return TakeUpCause::kEndpoint;
  return std::nullopt;
}

}  // namespace

std::string_view CauseName(TakeUpCause cause) noexcept {
  switch (cause) {
    case TakeUpCause::kGeneration:
      return "generation";
    case TakeUpCause::kProtocol:
      return "protocol";
    case TakeUpCause::kMethod:
      return "method";
    case TakeUpCause::kState:
      return "state";
    case TakeUpCause::kFlags:
      return "flags";
    case TakeUpCause::kEndpoint:
      return "endpoint";
    case TakeUpCause::kReal:
      return "real";
    case TakeUpCause::kTime:
      return "time";
    case TakeUpCause::kOwner:
      return "owner";
    case TakeUpCause::kLocalEndpoint:
      return "local_endpoint";
    case TakeUpCause::kSideList:
      return "side_list";
    case TakeUpCause::kDuplicate:
      return "duplicate";
    case TakeUpCause::kNoRoom:
      return "no_room";
    case TakeUpCause::kTemplateReference:
      return "template_reference";
    case TakeUpCause::kTemplateText:
      return "template_text";
  }
  return "?";
}

template <typename Address>
Judgement RecordJudge::Of(const Connection<Address>& record) const noexcept {
  if (!record.Has(ConnectionFlag::kLive)) return {};
  if (record.generation == 0) return Bad(TakeUpCause::kGeneration);
  if (!IsTransport(record.protocol)) return Bad(TakeUpCause::kProtocol);
  if (!fairlead::internal::IsMethod(static_cast<unsigned>(record.method)))
    return Bad(TakeUpCause::kMethod);
  if (!IsState(record.transport(), record.state)) return Bad(TakeUpCause::kState);
  // Nothing sets kHasParent yet: template_ref would be no template.
  const bool has_any_port = record.Has(ConnectionFlag::kNoClientPort);
  if (record.Has(ConnectionFlag::kHasParent) || (has_any_port && record.client_port != Be16{})) {
    return Bad(TakeUpCause::kFlags);
  }
  // An IPv6 real of an IPv4 client (AddressInRecord).
  const bool has_other_real = record.method == ForwardMethod::kTun &&
                              Address::kFamily == Family::kIpv4 &&
                              record.real_address.is_unspecified();
  if (!IsHost(record.client_address) || !IsHost(record.virtual_address) ||
      !(IsHost(record.real_address) || has_other_real)) {
    return Bad(TakeUpCause::kEndpoint);
  }
  if (!IsKnown(record.real_id)) return Bad(TakeUpCause::kReal);
  if (record.timeout > kMaxTimeout || !IsWithin(record.deadline, kMaxTimeout)) {
    return Bad(TakeUpCause::kTime);
  }
  // Hidden, or waiting only to tell its template.
  if (!record.Has(ConnectionFlag::kIndexed) || record.Has(ConnectionFlag::kReleasePending)) {
    return {RecordFate::kEnded, {}};
  }
  return record.deadline.HasPassed(now_) ? Judgement{RecordFate::kExpired, {}} : kGood;
}

template <typename Address>
Judgement RecordJudge::Of(const SnatFlow<Address>& flow) const noexcept {
  if (flow.protocol == 0) return {};
  constexpr bool kIsV4 = Address::kFamily == Family::kIpv4;
  const bool is_ping = flow.protocol == (kIsV4 ? kProtocolIcmp : kProtocolIcmpv6);
  if (!is_ping && !IsTransport(flow.protocol)) return Bad(TakeUpCause::kProtocol);
  const bool is_state =
      is_ping ? flow.state == 0 : IsState(static_cast<Transport>(flow.protocol), flow.state);
  if (!is_state) return Bad(TakeUpCause::kState);
  if (flow.is_answered > 1) return Bad(TakeUpCause::kFlags);
  if (!IsHost(flow.client) || !IsHost(flow.local) || !IsHost(flow.remote) ||
      (is_ping && !flow.remote_port.is_zero())) {
    return Bad(TakeUpCause::kEndpoint);
  }
  if (flow.timeout > kMaxTimeout || !IsWithin(flow.deadline, kMaxTimeout)) {
    return Bad(TakeUpCause::kTime);
  }
  return flow.deadline.HasPassed(now_) ? Judgement{RecordFate::kExpired, {}} : kGood;
}
template Judgement RecordJudge::Of(const SnatFlow<Ipv4Address>&) const noexcept;
template Judgement RecordJudge::Of(const SnatFlow<Ipv6Address>&) const noexcept;

Judgement RecordJudge::Of(const TemplateRecord& record) const noexcept {
  if (!record.Has(TemplateFlag::kLive)) return {};
  // Out of the index is who has been renamed, and who was on the way there or to its end.
  const bool is_indexed = record.Has(TemplateFlag::kIndexed);
  const bool is_invalidated = record.Has(TemplateFlag::kInvalidated);
  if (!is_indexed && !is_invalidated) return {RecordFate::kEnded, {}};
  if (record.generation == 0) return Bad(TakeUpCause::kGeneration);
  if (const auto fault = FaultOfKey(record.key)) return Bad(*fault);
  if (record.state != TemplateState::kNone && record.state != TemplateState::kAssured) {
    return Bad(TakeUpCause::kState);
  }
  constexpr unsigned kUnknown = 0x80;
  if (is_indexed == is_invalidated || (record.flags & kUnknown) != 0 ||
      record.renew > RenewMode::kFixed) {
    return Bad(TakeUpCause::kFlags);
  }
  if (record.client_prefix_length > 128) return Bad(TakeUpCause::kEndpoint);
  if (!IsKnown(record.real_id)) return Bad(TakeUpCause::kReal);
  const bool has_durations = IsDuration(record.timeout) && IsDuration(record.service_timeout) &&
                             IsDuration(record.step) && record.service_timeout != 0;
  const bool has_end =
      !record.Has(TemplateFlag::kHasLifetime) || IsWithin(record.lifetime_end, kMaxTimeout);
  // While its policy is changed, one that never ends may have a deadline of one that does, and the
  // other way round.
  if (!has_durations || !has_end || !IsWithin(record.deadline, TemplateTable::kFarAhead)) {
    return Bad(TakeUpCause::kTime);
  }
  return kGood;
}

template <typename Address>
void Mend(Connection<Address>* record) noexcept {
  record->children = 0;  // nothing sets kHasParent yet
  record->Clear(ConnectionFlag::kAside);
  record->Clear(ConnectionFlag::kForced);
  // The state and the flag are two stores; an entry of a peer counts as inactive in any state.
  if (record->Has(ConnectionFlag::kFromSync)) {
    record->Set(ConnectionFlag::kInactive);
  } else if ((record->sync & kSyncLearnt) == 0) {
    record->Clear(ConnectionFlag::kInactive);
    if (IsInactive(record->transport(), record->state)) record->Set(ConnectionFlag::kInactive);
  }
  if (!record->Has(ConnectionFlag::kHasTemplate)) {
    record->Clear(ConnectionFlag::kOwesTemplate);
    record->Clear(ConnectionFlag::kAssuredOwed);
    record->template_ref = {};
  }
}

void Mend(TemplateRecord* record) noexcept {
  // The mode is stored before the step.
  if (record->renew == RenewMode::kStep && record->step == 0)
    record->step = record->service_timeout;
  if (!record->Has(TemplateFlag::kSideTable)) record->engine_length = 0;
}

template <typename Address>
bool HasAssured(const Connection<Address>& record) noexcept {
  if (record.Has(ConnectionFlag::kOwesTemplate)) return record.Has(ConnectionFlag::kAssuredOwed);
  // Who owes nothing has paid, unless it never owed (decide/connection_draft.h).
  return HasStates(record.transport()) || RewritesReplies(record.method) ||
         !record.Has(ConnectionFlag::kNoOutput);
}

bool SideLists::Take(const SideOwner& owner, uint32_t first) noexcept {
  uint32_t count = 0;
  uint32_t slot = first;
  bool is_good = first != kEnd;
  // Ends: each step takes one that was free.
  while (slot != kEnd && is_good) {
    is_good = slot < records_.size() && !is_taken_[slot] && IsWhole(records_[slot], owner);
    if (!is_good) break;
    is_taken_[slot] = true;
    ++count;
    slot = records_[slot].next;
  }
  if (is_good) return true;
  for (slot = first; count > 0; --count) {
    is_taken_[slot] = false;
    slot = records_[slot].next;
  }
  return false;
}

void SideLists::Return(uint32_t first) noexcept {
  for (uint32_t slot = first; slot != kEnd; slot = records_[slot].next) is_taken_[slot] = false;
}

#define FAIRLEAD_JUDGE(Address)                                                         \
  template Judgement RecordJudge::Of(const Connection<Address>& record) const noexcept; \
  template void Mend(Connection<Address>* record) noexcept;                             \
  template bool HasAssured(const Connection<Address>& record) noexcept;
FAIRLEAD_JUDGE(Ipv4Address)
FAIRLEAD_JUDGE(Ipv6Address)
#undef FAIRLEAD_JUDGE

}  // namespace fairlead::dataplane
