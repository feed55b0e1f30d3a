// One director of a recording: bytes in, bytes out, and both daemons of the kernel's sync protocol,
// driven by the command lines that were recorded.
//
//   SyncBed bed(1);
//   bed.Ipvsadm("-A -t 10.100.0.1:80 -s rr");
//   bed.Ipvsadm("--start-daemon master --mcast-interface y0 --syncid 7");
//   bed.Sysctl("sync_threshold", "3 50");
//   bed.AdvanceTo(0.4);
//   bed.Packet("client", FromHex("4500…"));     // what comes out, from the IP header on
//   bed.TakeDatagrams();                        // sent since it was asked last
//   bed.Hear(payload);                          // as the backup daemon
//   bed.Table();
//
// Threads: one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "byte_director.h"
#include "control/sync/intake.h"
#include "control/sync/outgoing.h"
#include "control/sync/unknown_reals.h"

namespace fairlead::sync {

using Bytes = std::vector<uint8_t>;

struct WireOut {
  std::string port;  // client, server
  Bytes packet;
};

struct SentDatagram {
  double at = 0;
  Bytes payload;
};

struct BedRow {
  std::string name;  // "TCP 10.8.0.1:2000 10.100.0.1:80 10.1.0.11:80"
  std::string state;
  int64_t seconds = 0;
  bool is_from_sync = false;
};

class SyncBed {
 public:
  explicit SyncBed(size_t workers);

  // Throws std::invalid_argument for what no recording says.
  void Ipvsadm(const std::string& arguments);
  void Sysctl(const std::string& key, const std::string& value);
  void MarkRule(uint8_t protocol, const std::vector<uint16_t>& ports, uint32_t mark);
  void AdvanceTo(double at);
  [[nodiscard]] double now() const { return now_; }
  std::vector<WireOut> Packet(const std::string& port, const Bytes& packet);
  std::vector<SentDatagram> TakeDatagrams();
  void Hear(const Bytes& payload);
  std::vector<BedRow> Table();
  // {active, inactive} of the real server, "10.1.0.11:80".
  std::pair<uint32_t, uint32_t> LoadOf(const std::string& real);

  [[nodiscard]] bool has_master() const { return has_master_; }
  [[nodiscard]] uint64_t RefusedFor(dataplane::SyncFault fault) const {
    return intake_.counts().faults[static_cast<size_t>(fault)];
  }
  [[nodiscard]] const control::IntakeCounts& received() const { return intake_.counts(); }
  // Real servers that messages name and no command line did.
  [[nodiscard]] size_t unknown_count() const { return ids_.unknown_count(); }
  // Connections that the master daemon has sent, or will.
  [[nodiscard]] uint64_t connections_sent() const { return connections_sent_; }

 private:
  struct Words;
  void AddService(Words& words);
  void AddReal(Words& words);
  void EndReal(Words& words);
  ServiceId ServiceOf(const dataplane::ServiceSpec& spec);
  control::UnknownReals::Outcome NameReal(const SyncEntry& entry);
  void SetTimeouts(Words& words);
  void StartDaemon(Words& words);
  void Configure();
  void SetTimes(dataplane::ServiceView* service);
  void CollectNews();
  template <typename Address>
  void AddRows(dataplane::Shard& shard, std::vector<BedRow>* rows);
  void AddTemplateRows(dataplane::Shard& shard, std::vector<BedRow>* rows);

  dataplane::ByteDirector d_;
  control::IdMap ids_{256};  // gives the ids that d_ does, which has room for as many
  control::UnknownReals unknown_;
  std::map<std::string, ServiceId> services_;         // by "-t 10.100.0.1:80"
  std::map<std::string, std::vector<RealId>> reals_;  // by "10.1.0.11:80"
  control::IpvsSyncConfig config_;
  bool has_master_ = false, has_backup_ = false;
  uint8_t backup_id_ = 0;
  std::vector<std::pair<size_t, dataplane::Command*>> commands_;
  control::Intake intake_;
  std::optional<control::Outgoing> outgoing_;
  std::vector<SentDatagram> sent_;
  std::optional<std::array<uint32_t, 3>> timeouts_;
  uint64_t connections_sent_ = 0;
  double now_ = 0;
};

}  // namespace fairlead::sync
