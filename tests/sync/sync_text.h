// Entries of the kernel's sync protocol as lines, and packets of a recording's hosts as bytes.
#pragma once

#include <string>
#include <vector>

#include "sync/ipvs/entry.h"
#include "sync_bed.h"

namespace fairlead::sync {

std::vector<SyncEntry> EntriesOf(const Bytes& payload);
std::string LineOf(const SyncEntry& entry);
// "ESTABLISHED 0x83 900", as sync-prefix has it.
std::string ShortOf(const SyncEntry& entry);
// A packet without what each director chooses for itself in an outer header.
std::string Comparable(const Bytes& packet);

// From the IP header on; TcpFrom and UdpFrom: of the client 10.8.0.1, TcpBack and UdpBack:
// of 10.1.0.11.
Bytes Tcp(const IpAddress& from, Be16 from_port, const IpAddress& to, Be16 to_port, uint8_t flags);
Bytes Udp(const IpAddress& from, Be16 from_port, const IpAddress& to, Be16 to_port);
Bytes TcpFrom(uint16_t port, uint16_t service, uint8_t flags);
Bytes TcpBack(uint16_t port, uint16_t service, uint8_t flags);
Bytes UdpFrom(uint16_t port, uint16_t service);
Bytes UdpBack(uint16_t port, uint16_t service);

}  // namespace fairlead::sync
