// How the API thread and the control core talk to a worker: commands go in, the same commands come
// back done.
//
//   auto* list = new ListConnections;                     // the sender owns it throughout
//   if (!mailbox.Submit(list)) …busy, try later…
//   …                                                     // the worker fills it: a bounded slice
//   while (Command* done = mailbox.TakeBack()) …
//
// Threads: one mailbox per {sender thread, worker}: the sender calls Submit, TakeBack and out, the
// worker RunNext. A command belongs to the worker from Submit until TakeBack. Invariants: at most
// kCapacity commands are out, which is what the ring of answers holds; a command is begun only when
// its answer has a place; so each comes back exactly once, and in order. A worker looks at no more
// than kSliceRecords records a turn for a mailbox, so a listing never stops forwarding.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "base/spsc_ring.h"
#include "dataplane/shard/client_sketch.h"
#include "dataplane/shard/explanation.h"
#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/template_record.h"
#include "dataplane/wire/drop_reason.h"
#include "dataplane/wire/packet.h"

namespace fairlead::dataplane {

inline constexpr size_t kSliceRecords = 2048;  // records looked at per command and turn
inline constexpr size_t kMaxFrameBytes = 1514;

enum class CommandKind : uint8_t {
  kListConnections,
  kListTemplates,
  kExplain,
  kTransmitFrame,
  kFlushConnections,
  kFlushTemplates,
  kSweepConnections,
  kSweepTemplates,
  kPinTemplate,
  kRetimeTemplates,
  kTakeSyncEntries,
  kTellStream,
  kTakeStreamEntries,
  kWalkStream,
  kDigestStream,
  kWatchClients,
  kListDrops,
};

struct Command {
  explicit Command(CommandKind k) : kind(k) {}
  const CommandKind kind;
};

// What a listing asks for. Unset members match everything.
struct RecordFilter {
  bool has_client = false;
  Prefix client;
  ServiceId service;
  RealId real;
  int state = -1;  // connections: TcpState, with protocol TCP
  // Templates only; unset: either way.
  std::optional<bool> pinned, assured, valid;
  GroupNumber client_group;
};

struct ConnectionRow {
  uint8_t protocol = 0;
  uint8_t state = 0;  // TcpState; UDP: 0
  uint16_t flags = 0;
  ForwardMethod method = ForwardMethod::kNat;
  Endpoint client, virtual_endpoint, real_endpoint;
  std::optional<Endpoint> local_endpoint;  // FULLNAT: what the real server sees of the client
  RealId real;
  ServiceId service;
  TickCount remaining = 0;
  TickCount timeout = 0;
  uint32_t packets = 0;  // from the client
};

struct TemplateRow {
  Family family = Family::kIpv4;
  uint8_t protocol = 0;       // 0: a mark
  IpAddress client;           // masked
  IpAddress virtual_address;  // the mark as 0.0.0.M for mark services
  Be16 virtual_port;
  RealId real;
  ServiceId service;
  Be16 real_port;
  bool is_assured = false;
  bool is_invalid = false;  // renamed (ipvs.md, template validity)
  bool is_pinned = false;
  RenewMode renew = RenewMode::kLinux;
  // Of the client, as when the template was made; of a mask with holes the number of its ones.
  uint8_t client_prefix_length = 0;
  Be32 client_mask;           // IPv4: its netmask, which may have holes
  GroupNumber client_group;   // none: `client` is an address
  GroupNumber service_group;  // none: a service's own template
  uint32_t children = 0;
  TickCount age = 0;
  TickCount remaining = 0;             // or kForever
  TickCount timeout = 0;               // template.timeout, sticky 60 s included, or kForever
  uint8_t engine_length = 0;           // of an engine's data (SIP Call-ID), in bytes; 0: none
  std::array<char, 35> engine_text{};  // how it begins
};

// A slice of a listing. Send it again with the returned cursor until is_complete.
template <typename Row, CommandKind kKind>
struct ListCommand : Command {
  ListCommand() : Command(kKind) {}
  RecordFilter filter;
  uint64_t cursor = 0;    // 0 starts; opaque
  uint32_t limit = 100;   // rows at the most; `rows` has that much reserved by the sender
  std::vector<Row> rows;  // the worker appends up to rows.capacity(), never reallocates
  uint64_t visited = 0;   // records looked at
  bool is_complete = false;
};
using ListConnections = ListCommand<ConnectionRow, CommandKind::kListConnections>;
using ListTemplates = ListCommand<TemplateRow, CommandKind::kListTemplates>;

// Expires what matches, a slice at a time.
template <CommandKind kKind>
struct FlushCommand : Command {
  FlushCommand() : Command(kKind) {}
  RecordFilter filter;
  uint64_t cursor = 0;
  uint64_t flushed = 0;
  bool is_trial = false;  // only count what would go
  bool is_complete = false;
};
using FlushConnections = FlushCommand<CommandKind::kFlushConnections>;
using FlushTemplates = FlushCommand<CommandKind::kFlushTemplates>;

// Ends what a removed real leaves behind where connections expire with it (expire_nodest_conn):
// its connections, then its templates without children. A slice at a time, as a flush.
template <CommandKind kKind>
struct SweepCommand : Command {
  SweepCommand() : Command(kKind) {}
  uint64_t cursor = 0;
  uint64_t swept = 0;
  bool is_complete = false;
};
using SweepConnections = SweepCommand<CommandKind::kSweepConnections>;
using SweepTemplates = SweepCommand<CommandKind::kSweepTemplates>;

// Gives the templates that match the policy their services have now.
using RetimeTemplates = FlushCommand<CommandKind::kRetimeTemplates>;

// Binds a client to a real by hand. Every worker is asked; those that own a key of the client act.
struct PinTemplate : Command {
  PinTemplate() : Command(CommandKind::kPinTemplate) {}
  ServiceId service;
  IpAddress client;
  RealId real;
  TickCount ttl = kForever;
  bool is_trial = false;  // only say who the client is
  // The answer. More than one key when the service spreads its clients.
  uint32_t pinned = 0;
  uint32_t refused = 0;   // keys for which the table had no room
  bool is_stale = false;  // the worker's configuration has not this service or real
  TemplateRow row;        // who the client is to the service; the same from every worker
};

struct ExplainCommand : Command {
  ExplainCommand() : Command(CommandKind::kExplain) {}
  ExplainQuestion question;
  ExplainAnswer answer;
};

// What is counted of a client; bytes are those of IP packets, of both directions as packets are.
enum class ClientMeasure : uint8_t { kPackets, kBytes, kNew };
inline constexpr size_t kClientLooks = 4;  // at the same time

// Begins a look at clients, with the sketch to count in, or ends it, without one (client_watch.h).
struct WatchClients : Command {
  WatchClients() : Command(CommandKind::kWatchClients) {}
  size_t place = 0;  // below kClientLooks; the sender sees to it that a place has one look
  ClientMeasure measure = ClientMeasure::kPackets;
  TickCount time = 0;                    // nothing is counted any more after it
  std::unique_ptr<ClientSketch> sketch;  // in: to count in. Out: what was in the place before
};

// A packet that was dropped (drop_samples.h).
struct DropSample {
  uint64_t number = 0;  // of this worker, rising from 1
  Tick at{};
  DropReason reason{};
  PortId input_port{};
  uint8_t protocol = 0;     // 0: no IP packet
  uint16_t ether_type = 0;  // 0: not even a whole Ethernet header
  ServiceId service{};      // none: no service has either endpoint
  Endpoint from{}, to{};    // of an IP packet; port 0: it says none
};
inline constexpr size_t kSamplesOfReason = 8;
inline constexpr size_t kDropSamples = kSamplesOfReason * kDropReasonCount;

struct ListDrops : Command {
  ListDrops() : Command(CommandKind::kListDrops) {}
  // The answer, in whatever order. The sender reserves kDropSamples.
  std::vector<DropSample> rows;
  Tick now;  // of the worker
};

// A frame the control core made (ARP, ND). Counted as originated.
struct TransmitFrame : Command {
  TransmitFrame() : Command(CommandKind::kTransmitFrame) {}
  PortId port;
  uint16_t length = 0;
  bool is_sent = false;  // the answer; false: there was no packet for it
  std::array<uint8_t, kMaxFrameBytes> bytes{};
};

class Mailbox {
 public:
  static constexpr size_t kCapacity = 1024;

  // ---- the sender's

  // False: kCapacity commands are out, and this one stays the sender's.
  bool Submit(Command* command) noexcept {
    if (out_ == kCapacity || !to_worker_.Push(command)) return false;
    ++out_;
    return true;
  }
  // The oldest that is done; null: none is.
  Command* TakeBack() noexcept {
    Command* done = nullptr;
    if (from_worker_.Pop(&done)) --out_;
    return done;
  }
  // Submitted and not taken back.
  [[nodiscard]] size_t out() const noexcept { return out_; }

  // ---- the worker's

  // Calls run(command) for the oldest command and gives it back. False: there is none, or its
  // answer would have no place.
  template <typename Run>
  bool RunNext(Run&& run) noexcept {
    Command* command = nullptr;
    if (!from_worker_.HasRoom() || !to_worker_.Pop(&command)) return false;
    run(*command);
    return from_worker_.Push(command);  // always: only this side fills that ring
  }

  // ---- either's

  // Commands that the worker has not begun; exact only when both are at rest.
  [[nodiscard]] size_t waiting() const noexcept { return to_worker_.size(); }

 private:
  SpscRing<Command*> to_worker_{kCapacity};
  SpscRing<Command*> from_worker_{kCapacity};
  size_t out_ = 0;  // the sender's
};

// Who brings a worker to learn of a neighbour. Each kind has limits of its own
// (neighbour_reports.h), so that none starves another.
enum class NeighbourNeed : uint8_t {
  kRouted,  // a packet that passes through: anybody's doing
  kAnswer,  // an answer that we made ourselves: ICMP, RST
  kReply,   // a real server's reply to a client
  kHost,    // this machine: its kernel twin sends
  kSeen,    // the neighbour has spoken itself
};
inline constexpr size_t kNeighbourNeeds = 5;

// What a worker tells the control core, unasked; neighbour_reports.h says how much at most. Lost
// when the ring is full: each is told again on need.
struct Event {
  enum class Kind : uint8_t {
    kNeighbourWanted,  // resolve {port, address}; packets may wait for it
    kNeighbourSeen,    // {port, address} has `mac`
    kMulticastQuery,   // somebody on `port` asks who listens to `address`, unspecified: to anything
    kPathMtu,          // a tunnel to the real `address` meets a link of `mtu_bytes`
  };
  Kind kind = Kind::kNeighbourWanted;
  NeighbourNeed need = NeighbourNeed::kSeen;  // of kNeighbourWanted
  PortId port;
  IpAddress address;
  MacAddress mac;
  uint16_t mtu_bytes = 0;
  bool is_version_1 = false;  // kMulticastQuery: of MLDv1
  uint32_t delay_ms = 0;      // kMulticastQuery: for the answer
};
using EventRing = SpscRing<Event>;

}  // namespace fairlead::dataplane
