// One worker: a shard of connections and templates, and the turn of its loop, without the ports.
//
//   Worker<P> worker(fabric, me, now);
//   for (;;) {                                 // the edge's loop (dpdk/worker_loop), or a test's
//     worker.BeginTurn(now);                   // one clock read, one snapshot load
//     worker.ProcessBurst(burst, &out);        // packets from a port, meta().input_port set
//     worker.ProcessFromHost(burst, &out);     // packets of the kernel twin
//     worker.ProcessHandedIn(&out);            // packets and messages of other workers
//     worker.RunCommands(pool, &out);          // API and control mailboxes
//     worker.ReleaseHeld(&out);                // packets whose neighbour answered, or did not
//     worker.Expire();
//   }                                          // `out` is carried out and cleared between calls
//
// Threads: one thread. Every call is noexcept, bounded, and allocates nothing.
// Counting: the worker counts received, handed_in, originated, handed_off, dropped and held; the
// edge counts what it carries out (sent, delivered_to_host, and the drops it causes).
#pragma once

#include <bit>
#include <span>
#include <utility>

#include "dataplane/decide/explain.h"
#include "dataplane/path/pipeline.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/shard/shard.h"
#include "dataplane/shard/verdict.h"
#include "dataplane/wire/packet.h"
#include "dataplane/worker/commands.h"

namespace fairlead::dataplane {

// Where a worker gets an empty packet for a frame it must originate.
template <typename Pool, typename P>
concept PacketPool = requires(Pool pool) {
  { pool.Allocate() }
  noexcept->std::same_as<P*>;  // nullptr: none left
};

// Starts and ends on cache lines of its own: workers are made one after the other.
template <Packet P>
class alignas(kCacheLine) Worker {
 public:
  // The shard's tables are allocated here; throws std::bad_alloc at start, never later.
  Worker(Fabric& fabric, WorkerId me, Tick now) : shard_(fabric, me, now) {}

  // False until the control core has published a snapshot: nothing else may be called in that turn.
  bool BeginTurn(Tick now) noexcept {
    shard_.now = now;
    shard_.snapshot = shard_.fabric.publisher.Enter(
        shard_.me,
        [this](const Snapshot* before, const Snapshot* next) { shard_.Adopt(before, *next); });
    return shard_.snapshot != nullptr;
  }

  // Where packets come from that the worker makes in answer to others; outlives the worker. Without
  // it they are left out.
  template <PacketPool<P> Pool>
  void UsePool(Pool& pool) noexcept {
    source_ = {&pool,
               [](void* from) noexcept -> P* { return static_cast<Pool*>(from)->Allocate(); }};
  }

  // At most kBurst packets.
  void ProcessBurst(std::span<P* const> burst, Output<P>* out) noexcept {
    shard_.counters.received.Add(burst.size());
    Turn<P> turn = TurnTo(out);
    ProcessPackets(turn, burst, false);
    PublishHandedOff();
  }

  // What the kernel sends through its twin: routed and resolved here, since its frames carry no
  // useful MAC.
  void ProcessFromHost(std::span<P* const> burst, Output<P>* out) noexcept {
    shard_.counters.originated.Add(burst.size());
    Turn<P> turn = TurnTo(out);
    turn.need = NeighbourNeed::kHost;
    for (P* packet : burst) SendFromHost(turn, packet);
  }

  // Packets and messages of other workers. Returns how many there were.
  size_t ProcessHandedIn(Output<P>* out) noexcept;

  // Of each mailbox at most one command that looks at records, and before it a few frames. Returns
  // how many were run.
  template <PacketPool<P> Pool>
  size_t RunCommands(Pool& pool, Output<P>* out) noexcept {
    const size_t mine = shard_.me.index();
    return RunMailbox(*shard_.fabric.control[mine], pool, out) +
           RunMailbox(*shard_.fabric.api[mine], pool, out);
  }

  // Held packets whose neighbour has answered, or will not: looks when a neighbour has changed and
  // ten times a second. And fragments whose first has come, or has not in time.
  size_t ReleaseHeld(Output<P>* out) noexcept;

  // Timers. Returns the records that went.
  size_t Expire() noexcept {
    const size_t gone = shard_.Expire();
    shard_.RunDefence();
    shard_.UpdateGauges();
    return gone;
  }

  // Gives back every held packet with DropReason::kShutdown; call again until nothing comes.
  size_t Shutdown(Output<P>* out) noexcept {
    Turn<P> turn = TurnTo(out);
    size_t count = 0;
    held_.Visit([&](const auto& item) {
      if (out->room() == 0) return false;
      turn.Drop(item.packet, DropReason::kShutdown);
      ++count;
      return true;
    });
    shard_.fragments.Clear(DropReason::kShutdown);
    count += DropGivenUp(turn, 0);
    turn.CountHeld();
    return count;
  }

  WorkerCounters& counters() noexcept { return shard_.counters; }
  Shard& shard() noexcept { return shard_; }
  [[nodiscard]] const Snapshot* snapshot() const { return shard_.snapshot; }

 private:
  static constexpr size_t kHandedInRounds = 8;
  static constexpr size_t kFramesPerTurn = 16;  // of the control core
  static constexpr TickCount kHeldInterval = kTicksPerSecond / 10;

  // Packets for connections of this worker, gathered over all peers: a full burst has more look-ups
  // in flight than a few packets of each.
  class SteeredPackets {
   public:
    // True: a burst is full.
    bool Add(P* packet) noexcept {
      packets_[count_++] = packet;
      return count_ == kBurst;
    }
    std::span<P* const> Take() noexcept { return {packets_.data(), std::exchange(count_, 0)}; }

   private:
    std::array<P*, kBurst> packets_;
    size_t count_ = 0;
  };

  Turn<P> TurnTo(Output<P>* out) noexcept {
    return {shard_, *shard_.snapshot, held_, out, source_};
  }
  // A burst may come out with what is gathered already, and a grant must find its queue open.
  [[nodiscard]] bool MayTake(const Output<P>& out) const noexcept {
    return out.room() >= 2 * kBurst && !shard_.HasPendingGrants();
  }
  size_t TakeFrom(WorkerId peer, Turn<P>& turn, SteeredPackets* steered) noexcept;
  void PublishHandedOff() noexcept {
    for (uint64_t to = std::exchange(shard_.handed_to, 0); to != 0; to &= to - 1) {
      shard_.fabric.packets(shard_.me, WorkerId{static_cast<uint8_t>(std::countr_zero(to))})
          .Publish();
    }
  }
  size_t ReleaseFragments(Output<P>* out) noexcept;
  void SendFromHost(Turn<P>& turn, P* packet) noexcept;
  template <typename Pool>
  size_t RunMailbox(Mailbox& mailbox, Pool& pool, Output<P>* out) noexcept;
  template <typename Pool>
  void RunCommand(Command& command, Pool& pool, Output<P>* out) noexcept;
  template <typename Pool>
  void Run(TransmitFrame* frame, Pool& pool, Output<P>* out) noexcept;

  Shard shard_;
  HeldQueue<P> held_;
  PacketSource<P> source_;
  Tick held_visit_;                 // next look at the held packets
  uint64_t neighbour_changes_ = 0;  // NeighbourTable::changes() at the last look
  size_t next_peer_ = 0;            // whose ring is looked at first: nobody's waits for ever
};

// A burst from each of the others in turn; and again while anybody gives a full one, since with
// several ports a peer hands over more than one in a turn of its own, but kHandedInRounds times at
// most: ports and timers wait meanwhile. What is answered goes out after each.
template <Packet P>
size_t Worker<P>::ProcessHandedIn(Output<P>* out) noexcept {
  size_t handled = shard_.RunMessages();
  Turn<P> turn = TurnTo(out);
  SteeredPackets steered;
  const size_t workers = shard_.fabric.config.workers;
  size_t idle = 0;
  for (size_t n = 0; n < kHandedInRounds * workers && idle < workers && MayTake(*out); ++n) {
    const WorkerId peer{static_cast<uint8_t>(next_peer_)};
    next_peer_ = (next_peer_ + 1) % workers;
    const size_t taken = peer == shard_.me ? 0 : TakeFrom(peer, turn, &steered);
    PublishHandedOff();
    handled += taken;
    idle = taken == kBurst ? 0 : idle + 1;
  }
  ProcessPackets(turn, steered.Take(), true);
  PublishHandedOff();
  return handled;
}

template <Packet P>
size_t Worker<P>::TakeFrom(WorkerId peer, Turn<P>& turn, SteeredPackets* steered) noexcept {
  std::array<void*, kBurst> items;
  const size_t count = shard_.fabric.packets(peer, shard_.me).PopBurst(items);
  for (size_t i = 0; i < count; ++i) static_cast<P*>(items[i])->Prefetch();
  shard_.counters.handed_in.Add(count);
  for (size_t i = 0; i < count; ++i) {
    auto* packet = static_cast<P*>(items[i]);
    if (packet->meta().hand_off != HandOff::kSteered) {
      ProcessHandShake(turn, packet);
    } else if (steered->Add(packet)) {
      ProcessPackets(turn, steered->Take(), true);
    }
  }
  return count;
}

template <Packet P>
void Worker<P>::SendFromHost(Turn<P>& turn, P* packet) noexcept {
  ParsedPacket parsed;
  const ParseOutcome outcome = Parse(*packet, &parsed);
  if (outcome.kind == PacketKind::kDropped) return turn.Drop(packet, outcome.reason);
  if (outcome.kind == PacketKind::kArp) return turn.Drop(packet, DropReason::kArpIgnored);
  const IpAddress destination = parsed.destination(packet->data());
  const PortId port = packet->meta().input_port;
  if (!destination.is_multicast()) return RouteOut(turn, packet, parsed);
  // Routing protocols and VRRP: the group's own MAC, out of the twin's port. Neighbours are the
  // control core's to ask.
  if (IsNeighbourMessage(parsed)) return turn.Drop(packet, DropReason::kArpIgnored);
  const MacAddress group =
      parsed.is_v4() ? MacAddress::FromNumber(0x01005e000000u | (destination.Fold() & 0x7fffffu))
                     : MulticastMac(destination.v6());
  WriteEthernet(packet->data(), turn.port(port).mac, group, EtherTypeOf(parsed.family));
  turn.out->Add(packet, Verdict::Transmit(port));
}

template <Packet P>
size_t Worker<P>::ReleaseHeld(Output<P>* out) noexcept {
  const size_t fragments = shard_.fragments.is_idle() ? 0 : ReleaseFragments(out);
  if (held_.size() == 0) {
    held_visit_ = shard_.now;  // or it would lie in the future after 248 days without a held packet
    return fragments;
  }
  const uint64_t changes = shard_.fabric.neighbours.changes();
  if (changes == neighbour_changes_ && !held_visit_.HasPassed(shard_.now)) return fragments;
  held_visit_ = shard_.now + kHeldInterval;
  neighbour_changes_ = changes;
  Turn<P> turn = TurnTo(out);
  size_t released = 0;
  held_.Visit([&](const auto& item) {
    if (out->room() == 0) return false;
    const NeighbourId id = shard_.fabric.neighbours.Find(item.port, item.hop);
    const Neighbour neighbour = id.is_none() ? Neighbour{} : shard_.fabric.neighbours.Load(id);
    if (neighbour.is_reachable()) {
      HeaderAt<EthernetHeader>(item.packet->data(), 0)->destination = neighbour.mac;
      out->Add(item.packet, Verdict::Transmit(item.port));
    } else if (neighbour.state == NeighbourState::kFailed || item.give_up.HasPassed(shard_.now)) {
      turn.Drop(item.packet, DropReason::kNeighbourUnresolved);
    } else {
      return false;
    }
    ++released;
    return true;
  });
  turn.CountHeld();
  return fragments + released;
}

template <Packet P>
size_t Worker<P>::ReleaseFragments(Output<P>* out) noexcept {
  Turn<P> turn = TurnTo(out);
  const size_t released = ReleaseReadyFragments(turn);
  PublishHandedOff();
  return released;
}

template <Packet P>
template <typename Pool>
void Worker<P>::Run(TransmitFrame* frame, Pool& pool, Output<P>* out) noexcept {
  P* packet = pool.Allocate();
  if (packet == nullptr) return;  // its sender tries again
  frame->is_sent = true;
  shard_.counters.originated.Add(1);
  if (!packet->Resize(frame->length)) return TurnTo(out).Drop(packet, DropReason::kNoHeadroom);
  std::memcpy(packet->data(), frame->bytes.data(), frame->length);
  out->Add(packet, Verdict::Transmit(frame->port));
}

template <Packet P>
template <typename Pool>
size_t Worker<P>::RunMailbox(Mailbox& mailbox, Pool& pool, Output<P>* out) noexcept {
  size_t count = 0;
  bool is_frame = true;
  const auto run = [&](Command& command) {
    is_frame = command.kind == CommandKind::kTransmitFrame;
    RunCommand(command, pool, out);
  };
  while (is_frame && count < kFramesPerTurn && out->room() > 0 && mailbox.RunNext(run)) ++count;
  return count;
}

template <Packet P>
template <typename Pool>
void Worker<P>::RunCommand(Command& command, Pool& pool, Output<P>* out) noexcept {
  switch (command.kind) {
    case CommandKind::kListConnections:
      RunListConnections(shard_, static_cast<ListConnections*>(&command));
      break;
    case CommandKind::kListTemplates:
      RunListTemplates(shard_, static_cast<ListTemplates*>(&command));
      break;
    case CommandKind::kExplain:
      RunExplain(shard_, static_cast<ExplainCommand*>(&command));
      break;
    case CommandKind::kTransmitFrame:
      Run(static_cast<TransmitFrame*>(&command), pool, out);
      break;
    case CommandKind::kFlushConnections:
      RunFlushConnections(shard_, static_cast<FlushConnections*>(&command));
      break;
    case CommandKind::kFlushTemplates:
      RunFlushTemplates(shard_, static_cast<FlushTemplates*>(&command));
      break;
    case CommandKind::kSweepConnections:
      RunSweepConnections(shard_, static_cast<SweepConnections*>(&command));
      break;
    case CommandKind::kSweepTemplates:
      RunSweepTemplates(shard_, static_cast<SweepTemplates*>(&command));
      break;
    case CommandKind::kPinTemplate:
      RunPinTemplate(shard_, static_cast<PinTemplate*>(&command));
      break;
    case CommandKind::kRetimeTemplates:
      RunRetimeTemplates(shard_, static_cast<RetimeTemplates*>(&command));
      break;
    case CommandKind::kTakeSyncEntries:
      RunTakeSyncEntries(shard_, static_cast<TakeSyncEntries*>(&command));
      break;
    case CommandKind::kTellStream: {
      const auto& tell = static_cast<TellStream&>(command);
      shard_.TellStreamOf(tell.clock, tell.is_on);
      break;
    }
    case CommandKind::kTakeStreamEntries:
      RunTakeStreamEntries(shard_, static_cast<TakeStreamEntries*>(&command));
      break;
    case CommandKind::kWalkStream:
      RunWalkStream(shard_, static_cast<WalkStream*>(&command));
      break;
    case CommandKind::kDigestStream:
      RunDigestStream(shard_, static_cast<DigestStream*>(&command));
      break;
    case CommandKind::kWatchClients:
      shard_.watch.Run(static_cast<WatchClients*>(&command), shard_.now);
      shard_.UpdateIsObserved();
      break;
    case CommandKind::kListDrops:
      shard_.drop_samples.FillIn(static_cast<ListDrops*>(&command), shard_.now);
      break;
  }
}

}  // namespace fairlead::dataplane
