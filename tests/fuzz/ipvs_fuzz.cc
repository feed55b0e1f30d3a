// Any bytes as a record on the socket of ipvs: nothing outside it is read, and a service or a real
// server that is read is the same when it is written and read again.
#include <linux/ip_vs.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "control/api/ipvs/replies.h"
#include "control/api/ipvs/requests.h"

namespace {

using namespace fairlead;
using namespace fairlead::ipvs;

void Require(bool claim) {
  if (!claim) std::abort();
}

Attributes CommandOf(const Message& message) {
  Attributes command;
  Require(!ReadCommand(message, &command));
  return command;
}

void LookAtService(const Message& message, const Attributes& command) {
  ServiceRequest service;
  if (ReadService(command, Depth::kWhole, &service)) return;
  Require(!service.key.ToString().empty());
  RecordWriter record;
  PutService(&record, message, 0,
             {.key = service.key,
              .scheduler = service.scheduler,
              .engine = service.engine,
              .flags = service.flags,
              .timeout_seconds = service.timeout_seconds,
              .netmask = service.netmask});
  const Record written = record.Take();
  Require(written.size() <= RecordWriter::kMostEntryBytes);
  ServiceRequest again;
  Require(!ReadService(CommandOf(*RecordReader(written).Next()), Depth::kWhole, &again));
  Require(again.scheduler == service.scheduler && again.engine == service.engine);
  Require(again.flags == service.flags && again.netmask == service.netmask);
  Require(again.key == service.key);
}

void LookAtDest(const Message& message, const Attributes& command, Family family) {
  DestRequest dest;
  if (ReadDest(command, Depth::kWhole, family, &dest)) return;
  RecordWriter record;
  PutDest(&record, message, 0,
          {.address = dest.address,
           .port = dest.port,
           .method = dest.method,
           .weight = dest.weight,
           .upper_threshold = dest.upper_threshold,
           .lower_threshold = dest.lower_threshold});
  const Record written = record.Take();
  Require(written.size() <= RecordWriter::kMostEntryBytes);
  DestRequest again;
  Require(!ReadDest(CommandOf(*RecordReader(written).Next()), Depth::kWhole, family, &again));
  Require(again.address == dest.address && again.port == dest.port);
  Require(again.weight == dest.weight && again.upper_threshold == dest.upper_threshold);
}

void LookAt(const Message& message) {
  const Record refused = ErrorRecord(message, 22);
  Require(RecordReader(refused).Next().has_value());
  std::string name;
  uint16_t id = 0;
  (void)ReadFamilyQuestion(message, &name, &id);
  FileRequest file;
  if (!ReadFile(message, &file)) Require(file.path.size() <= kMostPathBytes);
  Attributes command;
  if (ReadCommand(message, &command)) return;
  DaemonRequest daemon;
  (void)ReadDaemon(command, Depth::kWhole, &daemon);
  (void)ReadTimeouts(command);
  LookAtService(message, command);
  LookAtDest(message, command, Family::kIpv4);
  LookAtDest(message, command, Family::kIpv6);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMostRequestBytes) return 0;
  // A copy of its exact size: ASan sees a read behind it. It begins where numbers may.
  const std::vector<uint8_t> record(data, data + size);
  RecordReader reader(record);
  while (const auto message = reader.Next()) {
    Require(message->whole.data() >= record.data() &&
            message->whole.data() + message->whole.size() <= record.data() + record.size());
    LookAt(*message);
  }
  return 0;
}
