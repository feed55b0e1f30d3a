// What is where in the records that outlive a process: the lists of their fields, and a number for
// each list. An arena (arena.h) keeps the numbers, so a program knows whether the records in it
// are as its own are.
//
//   ArenaSection{"connections4", sizeof(Connection4), capacity, kConnection4Layout}
//
// A number says sizes and offsets, and a revision: raise that when bytes stay where they are and
// mean something else (a flag gets another bit, a state another number). Names of fields are not in
// it. Whoever changes a number writes a converter from the number before: docs/arena.md.
// Invariant: a list names every byte of its record (record_page_test.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/side_record.h"
#include "dataplane/tables/snat_record.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::dataplane {

struct RecordField {
  std::string_view name;
  size_t at, bytes;
};

// FNV-1a, 64 bits, over numbers of eight bytes.
class LayoutHash {
 public:
  constexpr LayoutHash& Add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      hash_ = (hash_ ^ (number >> shift & 0xff)) * 0x100000001b3;
    }
    return *this;
  }
  constexpr LayoutHash& Add(std::span<const RecordField> fields) {
    Add(fields.size());
    for (const RecordField& field : fields) Add(field.at).Add(field.bytes);
    return *this;
  }
  [[nodiscard]] constexpr uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

template <typename R>
inline constexpr auto kConnectionFields = std::to_array<RecordField>({
    {"client_address", offsetof(R, client_address), sizeof(R::client_address)},
    {"virtual_address", offsetof(R, virtual_address), sizeof(R::virtual_address)},
    {"real_address", offsetof(R, real_address), sizeof(R::real_address)},
    {"client_port", offsetof(R, client_port), sizeof(R::client_port)},
    {"virtual_port", offsetof(R, virtual_port), sizeof(R::virtual_port)},
    {"real_port", offsetof(R, real_port), sizeof(R::real_port)},
    {"protocol", offsetof(R, protocol), sizeof(R::protocol)},
    {"method", offsetof(R, method), sizeof(R::method)},
    {"state", offsetof(R, state), sizeof(R::state)},
    {"sync", offsetof(R, sync), sizeof(R::sync)},
    {"flags", offsetof(R, flags), sizeof(R::flags)},
    {"real_id", offsetof(R, real_id), sizeof(R::real_id)},
    {"side_slot", offsetof(R, side_slot), sizeof(R::side_slot)},
    {"deadline", offsetof(R, deadline), sizeof(R::deadline)},
    {"timeout", offsetof(R, timeout), sizeof(R::timeout)},
    {"packets", offsetof(R, packets), sizeof(R::packets)},
    {"wheel_next", offsetof(R, wheel_next), sizeof(R::wheel_next)},
    {"wheel_prev", offsetof(R, wheel_prev), sizeof(R::wheel_prev)},
    {"children", offsetof(R, children), sizeof(R::children)},
    {"generation", offsetof(R, generation), sizeof(R::generation)},
    {"template_ref.slot", offsetof(R, template_ref.slot), sizeof(TemplateRef::slot)},
    {"template_ref.generation", offsetof(R, template_ref.generation),
     sizeof(TemplateRef::generation)},
    {"template_ref.owner", offsetof(R, template_ref.owner), sizeof(TemplateRef::owner)},
    {"template_ref.reserved", offsetof(R, template_ref.reserved), sizeof(TemplateRef::reserved)},
});
// Behind the others, in IPv6 only: Connection4 has none left.
inline constexpr RecordField kConnection6Reserved{"reserved", offsetof(Connection6, reserved),
                                                  sizeof(Connection6::reserved)};

inline constexpr auto kTemplateFields = std::to_array<RecordField>({
    {"key.client", offsetof(TemplateRecord, key.client), sizeof(TemplateKey::client)},
    {"key.virtual_address", offsetof(TemplateRecord, key.virtual_address),
     sizeof(TemplateKey::virtual_address)},
    {"key.virtual_port", offsetof(TemplateRecord, key.virtual_port),
     sizeof(TemplateKey::virtual_port)},
    {"key.family", offsetof(TemplateRecord, key.family), sizeof(TemplateKey::family)},
    {"key.protocol", offsetof(TemplateRecord, key.protocol), sizeof(TemplateKey::protocol)},
    {"key.scope", offsetof(TemplateRecord, key.scope), sizeof(TemplateKey::scope)},
    {"key.spread", offsetof(TemplateRecord, key.spread), sizeof(TemplateKey::spread)},
    {"state", offsetof(TemplateRecord, state), sizeof(TemplateRecord::state)},
    {"flags", offsetof(TemplateRecord, flags), sizeof(TemplateRecord::flags)},
    {"generation", offsetof(TemplateRecord, generation), sizeof(TemplateRecord::generation)},
    {"destination_port", offsetof(TemplateRecord, destination_port),
     sizeof(TemplateRecord::destination_port)},
    {"real_id", offsetof(TemplateRecord, real_id), sizeof(TemplateRecord::real_id)},
    {"children", offsetof(TemplateRecord, children), sizeof(TemplateRecord::children)},
    {"deadline", offsetof(TemplateRecord, deadline), sizeof(TemplateRecord::deadline)},
    {"timeout", offsetof(TemplateRecord, timeout), sizeof(TemplateRecord::timeout)},
    {"renew", offsetof(TemplateRecord, renew), sizeof(TemplateRecord::renew)},
    {"client_prefix_length", offsetof(TemplateRecord, client_prefix_length),
     sizeof(TemplateRecord::client_prefix_length)},
    {"origin", offsetof(TemplateRecord, origin), sizeof(TemplateRecord::origin)},
    {"created", offsetof(TemplateRecord, created), sizeof(TemplateRecord::created)},
    {"wheel_next", offsetof(TemplateRecord, wheel_next), sizeof(TemplateRecord::wheel_next)},
    {"wheel_prev", offsetof(TemplateRecord, wheel_prev), sizeof(TemplateRecord::wheel_prev)},
    {"service_timeout", offsetof(TemplateRecord, service_timeout),
     sizeof(TemplateRecord::service_timeout)},
    {"step", offsetof(TemplateRecord, step), sizeof(TemplateRecord::step)},
    {"lifetime_end", offsetof(TemplateRecord, lifetime_end), sizeof(TemplateRecord::lifetime_end)},
    {"client_mask", offsetof(TemplateRecord, client_mask), sizeof(TemplateRecord::client_mask)},
    {"side_slot", offsetof(TemplateRecord, side_slot), sizeof(TemplateRecord::side_slot)},
    {"origin_created", offsetof(TemplateRecord, origin_created),
     sizeof(TemplateRecord::origin_created)},
    {"creator", offsetof(TemplateRecord, creator), sizeof(TemplateRecord::creator)},
    {"sync", offsetof(TemplateRecord, sync), sizeof(TemplateRecord::sync)},
    {"engine_length", offsetof(TemplateRecord, engine_length),
     sizeof(TemplateRecord::engine_length)},
    {"reserved", offsetof(TemplateRecord, reserved), sizeof(TemplateRecord::reserved)},
});

// The head that all side records have; then the body of each kind.
inline constexpr auto kSideFields = std::to_array<RecordField>({
    {"next", offsetof(SideRecord, next), sizeof(SideRecord::next)},
    {"owner_slot", offsetof(SideRecord, owner_slot), sizeof(SideRecord::owner_slot)},
    {"owner_generation", offsetof(SideRecord, owner_generation),
     sizeof(SideRecord::owner_generation)},
    {"owner_table", offsetof(SideRecord, owner_table), sizeof(SideRecord::owner_table)},
    {"kind", offsetof(SideRecord, kind), sizeof(SideRecord::kind)},
});
inline constexpr auto kFlowSideFields = std::to_array<RecordField>({
    {"to_real.initial", offsetof(SideRecord, flow.to_real.initial), sizeof(SequenceShift::initial)},
    {"to_real.delta", offsetof(SideRecord, flow.to_real.delta), sizeof(SequenceShift::delta)},
    {"to_real.previous_delta", offsetof(SideRecord, flow.to_real.previous_delta),
     sizeof(SequenceShift::previous_delta)},
    {"to_client.initial", offsetof(SideRecord, flow.to_client.initial),
     sizeof(SequenceShift::initial)},
    {"to_client.delta", offsetof(SideRecord, flow.to_client.delta), sizeof(SequenceShift::delta)},
    {"to_client.previous_delta", offsetof(SideRecord, flow.to_client.previous_delta),
     sizeof(SequenceShift::previous_delta)},
    {"local_address", offsetof(SideRecord, flow.local_address), sizeof(FlowSide::local_address)},
    {"local_port", offsetof(SideRecord, flow.local_port), sizeof(FlowSide::local_port)},
    {"local_family", offsetof(SideRecord, flow.local_family), sizeof(FlowSide::local_family)},
    {"client_told", offsetof(SideRecord, flow.client_told), sizeof(FlowSide::client_told)},
    {"header_bytes", offsetof(SideRecord, flow.header_bytes), sizeof(FlowSide::header_bytes)},
    {"helper", offsetof(SideRecord, flow.helper), sizeof(FlowSide::helper)},
    {"reserved", offsetof(SideRecord, flow.reserved), sizeof(FlowSide::reserved)},
    {"timestamp_shift", offsetof(SideRecord, flow.timestamp_shift),
     sizeof(FlowSide::timestamp_shift)},
});
inline constexpr auto kSyncSideFields = std::to_array<RecordField>({
    {"mark", offsetof(SideRecord, sync.mark), sizeof(SyncSide::mark)},
    {"sent_end", offsetof(SideRecord, sync.sent_end), sizeof(SyncSide::sent_end)},
    {"real_address", offsetof(SideRecord, sync.real_address), sizeof(SyncSide::real_address)},
    {"reserved", offsetof(SideRecord, sync.reserved), sizeof(SyncSide::reserved)},
});
inline constexpr auto kTextSideFields = std::to_array<RecordField>({
    {"length", offsetof(SideRecord, text.length), sizeof(TextSide::length)},
    {"text", offsetof(SideRecord, text.text), sizeof(TextSide::text)},
});

template <typename R>
inline constexpr auto kSnatFields = std::to_array<RecordField>({
    {"client", offsetof(R, client), sizeof(R::client)},
    {"local", offsetof(R, local), sizeof(R::local)},
    {"remote", offsetof(R, remote), sizeof(R::remote)},
    {"client_port", offsetof(R, client_port), sizeof(R::client_port)},
    {"local_port", offsetof(R, local_port), sizeof(R::local_port)},
    {"remote_port", offsetof(R, remote_port), sizeof(R::remote_port)},
    {"protocol", offsetof(R, protocol), sizeof(R::protocol)},
    {"state", offsetof(R, state), sizeof(R::state)},
    {"slot", offsetof(R, slot), sizeof(R::slot)},
    {"is_answered", offsetof(R, is_answered), sizeof(R::is_answered)},
    {"reserved", offsetof(R, reserved), sizeof(R::reserved)},
    {"deadline", offsetof(R, deadline), sizeof(R::deadline)},
    {"timeout", offsetof(R, timeout), sizeof(R::timeout)},
    {"wheel_next", offsetof(R, wheel_next), sizeof(R::wheel_next)},
    {"wheel_prev", offsetof(R, wheel_prev), sizeof(R::wheel_prev)},
    {"next", offsetof(R, next), sizeof(R::next)},
});

// Revisions are the first number of each. Two changes of meaning need none, because bytes from
// before them mean the same now:
//   creator of a template was sync_end. Nothing wrote it, nor origin_created: both are 0 in old
//   arenas, which says that nobody has been told yet;
//   kFromSync (0x0200) of a connection was in rows of lists only, so no old record has it.
inline constexpr uint64_t kConnection4Layout =
    LayoutHash{}.Add(1).Add(sizeof(Connection4)).Add(kConnectionFields<Connection4>).value();
inline constexpr uint64_t kConnection6Layout = LayoutHash{}
                                                   .Add(1)
                                                   .Add(sizeof(Connection6))
                                                   .Add(kConnectionFields<Connection6>)
                                                   .Add({&kConnection6Reserved, 1})
                                                   .value();
inline constexpr uint64_t kTemplateLayout =
    LayoutHash{}.Add(1).Add(sizeof(TemplateRecord)).Add(kTemplateFields).value();
inline constexpr uint64_t kSideLayout = LayoutHash{}
                                            .Add(1)
                                            .Add(sizeof(SideRecord))
                                            .Add(kSideFields)
                                            .Add(kFlowSideFields)
                                            .Add(kSyncSideFields)
                                            .Add(kTextSideFields)
                                            .value();
template <typename Address>
inline constexpr uint64_t kSnatLayout =
    LayoutHash{}.Add(1).Add(sizeof(SnatFlow<Address>)).Add(kSnatFields<SnatFlow<Address>>).value();

}  // namespace fairlead::dataplane
