#include "dataplane/wire/multicast_listener.h"

#include "dataplane/wire/icmp_error.h"
#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/neighbour_discovery.h"

namespace fairlead::dataplane {
namespace {

constexpr uint8_t kReportHopLimit = 1;
constexpr uint8_t kReport1 = 131;
constexpr uint8_t kDone1 = 132;
constexpr uint8_t kReport2 = 143;
constexpr Ipv6Address kAllRouters{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
constexpr Ipv6Address kAllListenerRouters{
    {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16}};

constexpr uint8_t kOptionPad1 = 0;
constexpr uint8_t kOptionRouterAlert = 5;  // RFC 2711

// RFC 2710 section 3, and the beginning of RFC 3810 section 5.1.
struct QueryHeader {
  uint8_t type;
  uint8_t code;
  Wire<Be16> checksum;
  Wire<Be16> maximum_response;
  Wire<Be16> reserved;
  Wire<Ipv6Address> group;
};
static_assert(sizeof(QueryHeader) == 24 && alignof(QueryHeader) == 1);

struct Query2Header {
  QueryHeader first;
  uint8_t flags_and_robustness;
  uint8_t query_interval;
  Wire<Be16> sources;
};
static_assert(sizeof(Query2Header) == 28 && alignof(Query2Header) == 1);

struct Report2Header {
  uint8_t type;
  uint8_t reserved;
  Wire<Be16> checksum;
  Wire<Be16> flags;
  Wire<Be16> records;
};
static_assert(sizeof(Report2Header) == 8 && alignof(Report2Header) == 1);

struct RecordHeader {
  uint8_t type;
  uint8_t auxiliary_length;
  Wire<Be16> sources;
  Wire<Ipv6Address> group;
};
static_assert(sizeof(RecordHeader) == kListenerRecordLength && alignof(RecordHeader) == 1);

// A hop-by-hop header of 8 bytes: Router Alert for MLD, and padding.
constexpr uint8_t kRouterAlert[8] = {kProtocolIcmpv6, 0, kOptionRouterAlert, 2, 0, 0, 1, 0};
constexpr uint32_t kMessageOffset = kEthernetHeaderLength + sizeof(Ipv6Header) + 8;
static_assert(kMessageOffset + sizeof(Report2Header) == kListenerReportOverhead);
static_assert(kMessageOffset + sizeof(QueryHeader) == kListenerMessageLength);

// Precondition: Parse has found the extension headers whole.
bool HasRouterAlert(const uint8_t* frame, const ParsedPacket& parsed) {
  if (HeaderAt<Ipv6Header>(frame, parsed.l3_offset)->next_header != kProtocolHopByHop) return false;
  const uint32_t begin = parsed.l3_offset + static_cast<uint32_t>(sizeof(Ipv6Header));
  const uint32_t end = begin + (frame[begin + 1] + 1u) * 8u;
  for (uint32_t at = begin + 2; at < end;) {
    if (frame[at] == kOptionPad1) {
      ++at;
      continue;
    }
    if (end - at < 2) return false;
    const uint32_t length = 2u + frame[at + 1];
    if (length > end - at) return false;
    if (frame[at] == kOptionRouterAlert) return length == 4;
    at += length;
  }
  return false;
}

// RFC 3810 section 5.1.3: above 32,767 a floating point number.
uint32_t DelayMs(uint16_t code) {
  if (code < 0x8000) return code;
  return ((code & 0xfffu) | 0x1000u) << (((code >> 12) & 7u) + 3u);
}

void Begin(uint8_t* frame, const MacAddress& our_mac, const Ipv6Address& source,
           const Ipv6Address& destination, uint32_t message_length) {
  WriteEthernet(frame, our_mac, MulticastMac(destination), kEtherTypeIpv6);
  IpFields fields;
  fields.protocol = kProtocolHopByHop;
  fields.ttl = kReportHopLimit;
  fields.payload_length = static_cast<uint32_t>(sizeof kRouterAlert) + message_length;
  WriteIpHeader(frame + kEthernetHeaderLength, source, destination, fields);
  std::memcpy(frame + kEthernetHeaderLength + sizeof(Ipv6Header), kRouterAlert,
              sizeof kRouterAlert);
}

Be16 Sum(const uint8_t* frame, const Ipv6Address& source, const Ipv6Address& destination,
         uint32_t length) {
  return Checksum(frame + kMessageOffset, length,
                  PseudoHeaderSum(source, destination, kProtocolIcmpv6, length));
}

}  // namespace

bool ParseMulticastQuery(const uint8_t* frame, const ParsedPacket& parsed,
                         MulticastQuery* query) noexcept {
  *query = MulticastQuery{};
  const uint32_t length = parsed.l4_length();
  if (parsed.ttl != kReportHopLimit || length < sizeof(QueryHeader) ||
      !parsed.Source<Ipv6Address>(frame).is_link_local() || !HasRouterAlert(frame, parsed) ||
      !HasGoodIcmpChecksum(frame, parsed)) {
    return false;
  }
  const auto* header = HeaderAt<QueryHeader>(frame, parsed.l4_offset);
  query->group = header->group;
  if (!query->group.is_unspecified() && !query->group.is_multicast()) return false;
  query->is_version_1 = length == sizeof(QueryHeader);
  const uint16_t code = header->maximum_response.get().host();
  query->delay_ms = query->is_version_1 ? code : DelayMs(code);
  if (query->is_version_1) return true;
  if (length < sizeof(Query2Header)) return false;
  const uint32_t sources = HeaderAt<Query2Header>(frame, parsed.l4_offset)->sources.get().host();
  return sizeof(Query2Header) + sources * sizeof(Ipv6Address) <= length;
}

Ipv6Address LinkLocalAddress(const MacAddress& mac) noexcept {
  const auto& m = mac.bytes;
  return {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(m[0] ^ 2), m[1], m[2], 0xff, 0xfe,
           m[3], m[4], m[5]}};
}

uint32_t BuildListenerReport(uint8_t* frame, const MacAddress& our_mac, const Ipv6Address& source,
                             std::span<const ListenerRecord> records) noexcept {
  const auto count = static_cast<uint32_t>(records.size());
  const auto length = static_cast<uint32_t>(sizeof(Report2Header)) + count * kListenerRecordLength;
  Begin(frame, our_mac, source, kAllListenerRouters, length);
  auto* header = HeaderAt<Report2Header>(frame, kMessageOffset);
  *header = Report2Header{};
  header->type = kReport2;
  header->records = Be16::FromHost(static_cast<uint16_t>(count));
  for (uint32_t i = 0; i < count; ++i) {
    auto* record =
        HeaderAt<RecordHeader>(frame, kListenerReportOverhead + i * kListenerRecordLength);
    *record = RecordHeader{};
    record->type = static_cast<uint8_t>(records[i].change);
    record->group = records[i].group;
  }
  header->checksum = Sum(frame, source, kAllListenerRouters, length);
  return kMessageOffset + length;
}

uint32_t BuildListenerMessage(uint8_t* frame, const MacAddress& our_mac, const Ipv6Address& source,
                              const ListenerRecord& record) noexcept {
  const bool is_done = record.change == ListenerChange::kLeft;
  const Ipv6Address destination = is_done ? kAllRouters : record.group;
  Begin(frame, our_mac, source, destination, sizeof(QueryHeader));
  auto* header = HeaderAt<QueryHeader>(frame, kMessageOffset);
  *header = QueryHeader{};
  header->type = is_done ? kDone1 : kReport1;
  header->group = record.group;
  header->checksum = Sum(frame, source, destination, sizeof(QueryHeader));
  return kListenerMessageLength;
}

}  // namespace fairlead::dataplane
