#include "dataplane/wire/arp.h"

#include "dataplane/wire/ip_header.h"

namespace fairlead::dataplane {
namespace {

constexpr uint16_t kHardwareEthernet = 1;

uint32_t Write(uint8_t* frame, const MacAddress& ethernet_destination, uint16_t operation,
               const MacAddress& sender_mac, Ipv4Address sender, const MacAddress& target_mac,
               Ipv4Address target) {
  WriteEthernet(frame, sender_mac, ethernet_destination, kEtherTypeArp);
  auto* arp = HeaderAt<ArpHeader>(frame, kEthernetHeaderLength);
  arp->hardware_type = Be16::FromHost(kHardwareEthernet);
  arp->protocol_type = Be16::FromHost(kEtherTypeIpv4);
  arp->hardware_length = sizeof(MacAddress);
  arp->protocol_length = sizeof(Ipv4Address);
  arp->operation = Be16::FromHost(operation);
  arp->sender_mac = sender_mac;
  arp->sender_ip = sender;
  arp->target_mac = target_mac;
  arp->target_ip = target;
  return kArpFrameLength;
}

}  // namespace

bool ParseArp(const uint8_t* frame, uint32_t length, ArpMessage* arp) noexcept {
  if (length < kArpFrameLength) return false;
  const auto* header = HeaderAt<ArpHeader>(frame, kEthernetHeaderLength);
  const uint16_t operation = header->operation.get().host();
  if (header->hardware_type.get().host() != kHardwareEthernet ||
      header->protocol_type.get().host() != kEtherTypeIpv4 ||
      header->hardware_length != sizeof(MacAddress) ||
      header->protocol_length != sizeof(Ipv4Address) ||
      (operation != ArpHeader::kRequest && operation != ArpHeader::kReply)) {
    return false;
  }
  arp->is_request = operation == ArpHeader::kRequest;
  arp->sender_mac = header->sender_mac;
  arp->sender = header->sender_ip;
  arp->target = header->target_ip;
  const uint32_t net = arp->sender.value.host() >> 24;
  return (arp->sender_mac.bytes[0] & 1) == 0 && arp->sender_mac != MacAddress{} && net != 127 &&
         net < 224;
}

uint32_t BuildArpRequest(uint8_t* frame, const MacAddress& our_mac, Ipv4Address our_address,
                         Ipv4Address target) noexcept {
  return Write(frame, kBroadcastMac, ArpHeader::kRequest, our_mac, our_address, MacAddress{},
               target);
}

uint32_t BuildGratuitousArp(uint8_t* frame, const MacAddress& our_mac,
                            Ipv4Address address) noexcept {
  // RFC 5227 section 3: announcements are requests; more receivers learn from those.
  return BuildArpRequest(frame, our_mac, address, address);
}

uint32_t WriteArpReply(uint8_t* frame, const MacAddress& our_mac) noexcept {
  const ArpHeader request = *HeaderAt<ArpHeader>(frame, kEthernetHeaderLength);
  return Write(frame, request.sender_mac, ArpHeader::kReply, our_mac, request.target_ip,
               request.sender_mac, request.sender_ip);
}

}  // namespace fairlead::dataplane
