// A packet as look-ups and decisions see it, and the way to another worker.
//
//   table.Find(ForwardKey<Ipv4Address>(frame, parsed), …)
//   DecideService(snapshot, FieldsOf(frame, parsed, input_port), silent)
//   HandTo(turn, packet, owner, HandOff::kSteered);
//
// Threads: the worker's.
#pragma once

#include "dataplane/decide/admission.h"
#include "dataplane/decide/connection_draft.h"
#include "dataplane/decide/engine_data.h"
#include "dataplane/path/forward.h"
#include "dataplane/wire/sip.h"

namespace fairlead::dataplane {

template <typename Address>
FlowKey<Address> ForwardKey(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  return FlowKey<Address>::Forward(parsed.protocol, parsed.Source<Address>(frame),
                                   parsed.source_port, parsed.Destination<Address>(frame),
                                   parsed.destination_port);
}
template <typename Address>
FlowKey<Address> ReplyKey(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  return FlowKey<Address>::Reply(parsed.protocol, parsed.Destination<Address>(frame),
                                 parsed.destination_port, parsed.Source<Address>(frame),
                                 parsed.source_port);
}

inline FlowFields FieldsOf(const uint8_t* frame, const ParsedPacket& parsed,
                           PortId input_port) noexcept {
  return {{.source = parsed.source(frame),
           .destination = parsed.destination(frame),
           .source_port = parsed.source_port.host(),
           .destination_port = parsed.destination_port.host(),
           .protocol = parsed.protocol,
           .input_port = input_port}};
}

// Lets the service's persistence engine look into the packet. False: it cannot use it; the packet
// is to be dropped without an answer (ipvs.md, SIP engine).
template <Packet P>
bool ReadEngineData(Turn<P>& t, P* packet, const ParsedPacket& parsed, const ServiceView& service,
                    FlowFields* flow) noexcept {
  if (service.persistence.engine == PersistenceEngine::kNone) [[likely]]
    return true;
  if (parsed.protocol != kProtocolUdp) return false;
  const std::string_view payload(
      reinterpret_cast<const char*>(packet->data()) + parsed.payload_offset,
      packet->length() - parsed.payload_offset);
  const std::string_view call_id = FindCallId(payload);
  if (call_id.empty()) return false;
  flow->engine = EngineDataOf(call_id, t.shard.fabric.config.hash_secret);
  return true;
}

// Sends the packet to another worker, who sees it when this worker publishes what it handed over,
// at the end of a burst (worker.h). False: the ring was full and the packet has been dropped.
template <Packet P>
bool HandTo(Turn<P>& t, P* packet, WorkerId to, HandOff purpose) noexcept {
  packet->meta().hand_off = purpose;
  packet->meta().from = t.shard.me;
  if (!t.shard.fabric.packets(t.shard.me, to).Stage(packet)) {
    t.Drop(packet, DropReason::kHandOffRingFull);
    return false;
  }
  if (t.shard.fragment_fate != nullptr) [[unlikely]] {
    // A hand-shake comes back here; what was steered, or begins a dialog, does not.
    const bool is_away = purpose == HandOff::kSteered || purpose == HandOff::kDialog;
    t.shard.fragment_fate->kind =
        is_away ? FragmentFate::Kind::kElsewhere : FragmentFate::Kind::kAsked;
    t.shard.fragment_fate->worker = to;
  }
  t.shard.handed_to |= uint64_t{1} << to.index();
  t.shard.counters.handed_off.Add(1);
  return true;
}

}  // namespace fairlead::dataplane
