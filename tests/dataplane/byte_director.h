// A whole director on bytes: a fabric, N workers and a snapshot built by hand, for scenarios and
// properties.
//
//   ByteDirector d({.workers = 2});
//   ServiceId web = d.AddService({.address = "192.0.2.10", .port = 80});
//   RealId r1 = d.AddReal(web, "10.0.0.11", 80);
//   d.Publish();
//   auto sent = d.Send(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, kTcpSyn));
//   sent[0].port, Text(sent[0].frame) …
//
// Network: port 0 "outside" has 192.0.2.2/24 and 2001:db8::2/64 with default gateways .1 and ::1;
// port 1 "inside" has 10.0.0.1/24 and fd00::1/64, where the real servers are. All neighbours asked
// for answer, unless told otherwise. The NIC is the worst there is: each frame arrives at a worker
// drawn at random.
#pragma once

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "byte_frames.h"
#include "dataplane/worker/worker.h"

namespace fairlead::dataplane {

inline constexpr PortId kOutside{0};
inline constexpr PortId kInside{1};

struct Sent {
  PortId port;
  Frame frame;
  bool to_host = false;
};

struct ServiceSpec {
  std::string address = "192.0.2.10";
  uint16_t port = 80;
  uint8_t protocol = kProtocolTcp;
  uint32_t mark = 0;
  sched::Kind scheduler = sched::Kind::kRr;
  sched::Flags flags = {};
  uint32_t persistence_seconds = 0;  // 0: not persistent; kForever
  uint32_t mask4 = 0xffffffff;
  bool is_one_packet = false;
  uint8_t prefix_length6 = 128;
  RenewMode renew = RenewMode::kLinux;
  uint32_t step_seconds = 0, max_lifetime_seconds = 0;
  uint64_t group = 0;  // persistence group
  uint8_t spread = 1;
};

struct RealSpec {
  ForwardMethod method = ForwardMethod::kNat;
  int32_t weight = 1;
  uint32_t upper = 0, lower = 0;
  Tunnel tunnel = {};
  // FULLNAT; none: 10.0.0.201 and .202, or fd00::201 and ::202.
  std::vector<std::string> local_addresses = {};
  uint16_t first_local_port = 1024, last_local_port = 65535;
  ClientAddress client_address = ClientAddress::kNone;
};

struct DirectorSpec {
  size_t workers = 1;
  uint64_t connections = 4096;
  uint64_t templates = 4096;
  uint64_t side_records = 4096;
  size_t ring_packets = 256;
  uint32_t seed = 1;
  bool has_fast_path = true;  // false: no real has an egress, so that each packet goes the long way
  std::vector<TableMemory> memory = {};  // where its tables lie, by worker (director_memory.h)
  Tick start = {1000};                   // ticks go on from here
};

class ByteDirector {
 public:
  explicit ByteDirector(const DirectorSpec& spec = {});
  ~ByteDirector();

  ServiceId AddService(const ServiceSpec& spec);
  RealId AddReal(ServiceId service, const std::string& address, uint16_t port, RealSpec spec = {});
  // A real leaves its service and stays as a ghost.
  void RemoveReal(RealId real, Remains remains = Remains::kHold);
  // A ghost comes back as what it was.
  void RestoreReal(RealId real);
  // Has `worker` run an API command, to its end.
  void RunCommand(size_t worker, Command* command);
  void SetWeight(RealId real, int32_t weight);
  RealView& real(RealId id) { return draft_.reals[id.index()]; }
  ServiceView& service(ServiceId id) { return draft_.services[id.index()]; }
  Snapshot& draft() { return draft_; }
  // On link when there is no gateway; `source`: our address there.
  void AddRoute(const std::string& prefix, PortId port, const std::string& gateway,
                const std::string& source);
  // Builds plans and indexes from the draft and lets every worker adopt the result.
  void Publish();
  // The first half of that: the draft is whole, and nothing is in force.
  void Prepare();

  // One frame in, all that comes out once every ring is empty.
  std::vector<Sent> Send(PortId port, const Frame& frame);
  // The same, at a worker drawn at random; nothing moves until Settle.
  void Inject(PortId port, const Frame& frame);
  // The same, at this worker and in one turn of it; the others stand still.
  std::vector<Sent> SendAt(size_t worker, PortId port, const Frame& frame) {
    return SendBurstAt(worker, port, {&frame, 1});
  }
  // The same with several frames in one burst. Range: at most kBurst.
  std::vector<Sent> SendBurstAt(size_t worker, PortId port, std::span<const Frame> frames);
  // Puts an empty packet into the ring between two workers, as a steered one.
  void HandOver(size_t from, size_t to);
  // One turn of this worker, without a packet from a port; what it sends is kept for Settle.
  void Turn(size_t worker) { Turn(worker, {}); }
  // One turn of one worker chosen at random; what it sends is kept for Settle.
  void RandomTurn();
  std::vector<Sent> Settle();
  // What has come out since it was last asked for; nothing moves.
  std::vector<Sent> TakeSent() { return std::exchange(collected_, {}); }
  void Advance(double seconds);
  // As if nothing had come for so many days, and one turn of each worker after it; below 248.
  void Sleep(uint32_t days);
  // The kernel twin of `port` sends a frame.
  std::vector<Sent> SendFromHost(PortId port, const Frame& frame);

  // From now on packets come with so much less room in front of them.
  void UseHeadroom(uint32_t bytes) { used_headroom_ = bytes; }
  // From now on a worker gets no packet to make.
  void DenyPackets() { pool_.is_empty = true; }

  Fabric& fabric() { return *fabric_; }
  Worker<BytePacket>& worker(size_t i) { return *workers_[i]; }
  [[nodiscard]] size_t worker_count() const { return workers_.size(); }
  std::vector<Shard*> shards();
  [[nodiscard]] Tick now() const { return now_; }
  // 0…below − 1, from the seed.
  uint32_t Random(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  uint64_t dropped(DropReason reason) const;
  // Empty when the conservation law holds for every worker, else what does not add up.
  [[nodiscard]] std::string CheckConservation() const;
  // Live connections, templates, children and loads: all zero after quiet time, or text saying what
  // is left.
  [[nodiscard]] std::string CheckNothingLeft();
  // Runs a question through the workers as the API thread does.
  ExplainAnswer Explain(const ExplainQuestion& question);
  // The same if the draft were in force. After Prepare.
  ExplainAnswer ExplainDraft(const ExplainQuestion& question);
  void SetNeighbour(PortId port, const std::string& address, NeighbourState state);

 private:
  struct Pool {
    ByteDirector* owner;
    bool is_empty = false;
    BytePacket* Allocate() noexcept { return is_empty ? nullptr : owner->NewPacket(); }
  } pool_{this};
  BytePacket* NewPacket();
  void Arrive(BytePacket* packet, const Frame& frame, PortId port) const;
  template <typename Ask>
  ExplainAnswer FollowQuestion(ExplainQuestion question, Ask ask);
  void Turn(size_t worker, std::span<BytePacket* const> burst);
  void Collect(size_t worker, Output<BytePacket>* out);
  NeighbourId Neighbour(PortId port, const std::string& address);
  LocalPoolId PoolOf(const RealSpec& spec, Family family);
  std::mt19937 random_;
  uint32_t used_headroom_ = 0;
  const bool has_fast_path_;
  std::unique_ptr<Fabric> fabric_;
  std::vector<std::unique_ptr<Worker<BytePacket>>> workers_;
  Snapshot draft_;
  std::vector<std::vector<RealId>> newest_first_;  // by service
  std::vector<uint32_t> edits_;
  std::vector<PrefixMap<RouteView>::Entry> routes_;
  Tick now_;
  std::vector<std::deque<std::pair<PortId, Frame>>> arrivals_;  // by worker
  std::vector<Sent> collected_;
  std::vector<std::unique_ptr<BytePacket>> packets_;
  std::vector<BytePacket*> free_packets_;
};

}  // namespace fairlead::dataplane
