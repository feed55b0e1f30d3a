#include "sync_text.h"

#include <sstream>

#include "hex.h"
#include "sync/ipvs/datagram_reader.h"

namespace fairlead::sync {
namespace {

Bytes IpOf(const dataplane::Frame& frame) { return {frame.begin() + 14, frame.end()}; }

}  // namespace

std::string LineOf(const SyncEntry& e) {
  std::ostringstream line;
  line << (e.is_template() ? "template " : "") << static_cast<unsigned>(e.protocol) << ' '
       << Endpoint{e.client, e.client_port}.ToString() << ' '
       << Endpoint{e.virtual_address, e.virtual_port}.ToString() << ' '
       << Endpoint{e.real, e.real_port}.ToString() << " state " << e.state << " flags " << std::hex
       << e.flags << std::dec << " mark " << e.mark << " timeout " << e.timeout_seconds;
  return line.str();
}

std::vector<SyncEntry> EntriesOf(const Bytes& payload) {
  DatagramReader reader(payload, kAnySyncid);
  std::vector<SyncEntry> entries;
  SyncEntry entry;
  while (reader.Next(&entry)) entries.push_back(entry);
  return entries;
}

std::string ShortOf(const SyncEntry& e) {
  static constexpr const char* kStates[] = {"NONE",     "ESTABLISHED", "SYN_SENT", "SYN_RECV",
                                            "FIN_WAIT", "TIME_WAIT",   "CLOSE",    "CLOSE_WAIT",
                                            "LAST_ACK", "LISTEN",      "SYNACK"};
  std::ostringstream text;
  if (e.protocol == kProtocolTcp) {
    text << kStates[e.state];
  } else {
    text << e.state;
  }
  text << " 0x" << std::hex << e.flags << std::dec << ' ' << e.timeout_seconds;
  return text.str();
}

// The director's own outer header has its own identification and sum.
std::string Comparable(const Bytes& packet) {
  Bytes copy = packet;
  if (copy.size() > 20 && copy[0] >> 4 == 4 && copy[9] == 4) {
    for (const size_t at : {4u, 5u, 10u, 11u}) copy[at] = 0;
    for (const size_t at : {12u, 13u, 14u, 15u}) copy[at] = 0;  // its address towards the server
  }
  return ToHex(copy);
}

Bytes Tcp(const IpAddress& from, Be16 from_port, const IpAddress& to, Be16 to_port, uint8_t flags) {
  return IpOf(
      dataplane::Tcp(from.ToString(), from_port.host(), to.ToString(), to_port.host(), flags));
}
Bytes Udp(const IpAddress& from, Be16 from_port, const IpAddress& to, Be16 to_port) {
  return IpOf(dataplane::Udp(from.ToString(), from_port.host(), to.ToString(), to_port.host()));
}
Bytes TcpFrom(uint16_t port, uint16_t service, uint8_t flags) {
  return IpOf(dataplane::Tcp("10.8.0.1", port, "10.100.0.1", service, flags));
}
Bytes TcpBack(uint16_t port, uint16_t service, uint8_t flags) {
  return IpOf(dataplane::Tcp("10.1.0.11", service, "10.8.0.1", port, flags));
}
Bytes UdpFrom(uint16_t port, uint16_t service) {
  return IpOf(dataplane::Udp("10.8.0.1", port, "10.100.0.1", service));
}
Bytes UdpBack(uint16_t port, uint16_t service) {
  return IpOf(dataplane::Udp("10.1.0.11", service, "10.8.0.1", port));
}

}  // namespace fairlead::sync
