// What IPVS answers, as bytes: messages packed into one record of bounded size.
//
//   RecordWriter record;
//   while (record.HasRoom() && …there is another…) PutService(&record, to, NLM_F_MULTI, entry);
//   PutDone(&record, to);
//   socket.send(record.Take());
//
// Threads: values. Invariant: a record is never longer than it was allowed to be.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "control/api/ipvs/message.h"
#include "control/api/ipvs/requests.h"
#include "control/api/ipvs/wire.h"

struct nlmsghdr;

namespace fairlead::ipvs {

using Record = std::vector<uint8_t>;

class RecordWriter {
 public:
  // No service and no real server takes more.
  static constexpr size_t kMostEntryBytes = 1024;

  explicit RecordWriter(size_t most_bytes = kMostAnswerBytes)
      : most_bytes_(most_bytes), bytes_(most_bytes) {}

  [[nodiscard]] bool HasRoom(size_t bytes = kMostEntryBytes) const {
    return used_ + bytes <= most_bytes_;
  }
  [[nodiscard]] bool empty() const { return used_ == 0; }

  // A message with the numbers of the one it answers. The caller puts attributes behind it, for
  // which there must be room, and then calls End.
  nlmsghdr* Begin(uint16_t type, uint16_t flags, const Message& to);
  nlmsghdr* BeginCommand(uint16_t type, uint8_t command, uint8_t version, uint16_t flags,
                         const Message& to);
  void End(const nlmsghdr* message);

  // What has been put so far, once.
  [[nodiscard]] Record Take();

 private:
  const size_t most_bytes_;
  Record bytes_;
  size_t used_ = 0;
};

struct Statistics {
  uint64_t connections = 0, in_packets = 0, out_packets = 0, in_bytes = 0, out_bytes = 0;
};

struct ServiceEntry {
  ServiceKey key{};
  std::string scheduler{};
  std::string engine{};
  uint32_t flags = 0;
  uint32_t timeout_seconds = 0;
  uint32_t netmask = 0;  // as in ServiceRequest
  Statistics total{}, rate{};
};

struct DestEntry {
  IpAddress address{};
  uint16_t port = 0;
  uint32_t method = 0;
  int32_t weight = 0;
  uint32_t upper_threshold = 0, lower_threshold = 0;
  uint8_t tunnel_type = 0;
  uint16_t tunnel_port = 0, tunnel_flags = 0;
  uint32_t active = 0, inactive = 0, persistent = 0;
  Statistics total{}, rate{};
};

// What IPVS_CMD_GET_INFO says: of the size of a table it is what a kernel has that nobody has told
// otherwise.
inline constexpr uint32_t kConnectionTableSize = 4096;

void PutService(RecordWriter* record, const Message& to, uint16_t flags, const ServiceEntry& entry);
void PutDest(RecordWriter* record, const Message& to, uint16_t flags, const DestEntry& entry);
void PutInfo(RecordWriter* record, const Message& to);
void PutTimeouts(RecordWriter* record, const Message& to, const TimeoutsRequest& timeouts);
// What the controller of generic netlink says of the family.
void PutFamily(RecordWriter* record, const Message& to);
void PutFileText(RecordWriter* record, const Message& to, std::string_view text);
void PutDaemon(RecordWriter* record, const Message& to, const DaemonRequest& daemon);
// The end of a dump.
void PutDone(RecordWriter* record, const Message& to);

// The answer to a request that was refused, or (0) carried out, in a record of its own. A refused
// request is sent back with it, unless it is a long one.
Record ErrorRecord(const Message& to, int number);

}  // namespace fairlead::ipvs
