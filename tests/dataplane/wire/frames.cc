#include "frames.h"

#include <cctype>

namespace fairlead::dataplane::test {
namespace {

// Ones-complement sum by big-endian pairs: slow, and on purpose not the product's.
uint32_t Sum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 ? bytes[i] : uint32_t{bytes[i]} << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

void Put16(Bytes* bytes, size_t at, uint32_t value) {
  (*bytes)[at] = static_cast<uint8_t>(value >> 8);
  (*bytes)[at + 1] = static_cast<uint8_t>(value);
}

void Append16(Bytes* bytes, uint32_t value) {
  bytes->push_back(static_cast<uint8_t>(value >> 8));
  bytes->push_back(static_cast<uint8_t>(value));
}

void Append32(Bytes* bytes, uint32_t value) {
  Append16(bytes, value >> 16);
  Append16(bytes, value & 0xffff);
}

Bytes BytesOf(const IpAddress& address) {
  return {address.bytes().begin(), address.bytes().begin() + address.bit_length() / 8};
}

Bytes PseudoHeader(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                   size_t length) {
  Bytes pseudo = BytesOf(source) + BytesOf(destination);
  Append32(&pseudo, static_cast<uint32_t>(length));
  Append32(&pseudo, protocol);
  return pseudo;
}

// Fills the checksum at `at` of a transport message.
void Complete(Bytes* message, size_t at, const Bytes& pseudo) {
  const uint32_t sum = ~Sum(pseudo + *message) & 0xffff;
  Put16(message, at, sum);
}

}  // namespace

Bytes Hex(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (!std::isspace(static_cast<unsigned char>(c))) digits += c;
  }
  Bytes bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string ToHex(std::span<const uint8_t> bytes) {
  std::string text;
  for (uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes Ethernet(uint16_t ethertype, const Bytes& rest, const MacAddress& source,
               const MacAddress& destination) {
  Bytes frame(destination.bytes.begin(), destination.bytes.end());
  frame.insert(frame.end(), source.bytes.begin(), source.bytes.end());
  Append16(&frame, ethertype);
  return frame + rest;
}

Bytes Ip(const IpAddress& source, const IpAddress& destination, const IpOptions& options,
         const Bytes& payload) {
  Bytes ip;
  const size_t added = options.extensions.size();
  if (source.is_v4()) {
    ip = {static_cast<uint8_t>(0x45 + added / 4), options.tos};
    Append16(&ip, static_cast<uint32_t>(20 + added + payload.size()));
    Append16(&ip, 0x1234);
    Append16(&ip, options.fragment);
    Append16(&ip, static_cast<uint32_t>(options.ttl << 8 | options.protocol));
    Append16(&ip, 0);
    ip = ip + BytesOf(source) + BytesOf(destination) + options.extensions;
    Put16(&ip, 10, ~Sum(ip));
    return Ethernet(0x0800, ip + payload);
  }
  Append32(&ip, 6u << 28 | static_cast<uint32_t>(options.tos) << 20);
  Append16(&ip, static_cast<uint32_t>(added + payload.size()));
  ip.push_back(added > 0 ? options.next_header : options.protocol);
  ip.push_back(options.ttl);
  ip = ip + BytesOf(source) + BytesOf(destination) + options.extensions;
  return Ethernet(0x86dd, ip + payload);
}

Bytes Udp(const Endpoint& source, const Endpoint& destination, const Bytes& data,
          IpOptions options) {
  Bytes udp;
  Append16(&udp, source.port.host());
  Append16(&udp, destination.port.host());
  Append16(&udp, static_cast<uint32_t>(8 + data.size()));
  Append16(&udp, 0);
  udp = udp + data;
  Complete(&udp, 6, PseudoHeader(source.address, destination.address, 17, udp.size()));
  if (udp[6] == 0 && udp[7] == 0) Put16(&udp, 6, 0xffff);
  options.protocol = 17;
  return Ip(source.address, destination.address, options, udp);
}

Bytes Tcp(const Endpoint& source, const Endpoint& destination, uint8_t flags, const Bytes& data,
          uint32_t sequence, uint32_t acknowledgement, const Bytes& options) {
  Bytes tcp;
  Append16(&tcp, source.port.host());
  Append16(&tcp, destination.port.host());
  Append32(&tcp, sequence);
  Append32(&tcp, acknowledgement);
  Append16(&tcp, static_cast<uint32_t>((5 + options.size() / 4) << 12 | flags));
  Append16(&tcp, 0xffff);
  Append32(&tcp, 0);
  tcp = tcp + options + data;
  Complete(&tcp, 16, PseudoHeader(source.address, destination.address, 6, tcp.size()));
  return Ip(source.address, destination.address, {.protocol = 6}, tcp);
}

Bytes Icmp(const IpAddress& source, const IpAddress& destination, uint8_t type, uint8_t code,
           uint32_t rest, const Bytes& data, uint8_t ttl) {
  Bytes icmp{type, code, 0, 0};
  Append32(&icmp, rest);
  icmp = icmp + data;
  const uint8_t protocol = source.is_v4() ? 1 : 58;
  Complete(&icmp, 2,
           source.is_v4() ? Bytes{} : PseudoHeader(source, destination, protocol, icmp.size()));
  return Ip(source, destination, {.protocol = protocol, .ttl = ttl}, icmp);
}

std::string ChecksumProblem(std::span<const uint8_t> frame) {
  const auto ip = frame.subspan(14);
  const bool is_v4 = ip[0] >> 4 == 4;
  size_t header_length = is_v4 ? (ip[0] & 15u) * 4u : 40u;
  uint8_t protocol = is_v4 ? ip[9] : ip[6];
  const size_t total = is_v4 ? ip[2] * 256u + ip[3] : 40u + ip[4] * 256u + ip[5];
  if (total != ip.size()) return "total length";
  if (is_v4 && Sum(ip.first(header_length)) != 0xffff) return "IPv4 header checksum";
  while (!is_v4 && (protocol == 0 || protocol == 43 || protocol == 60)) {
    protocol = ip[header_length];
    header_length += (ip[header_length + 1] + 1u) * 8u;
  }
  const auto message = ip.subspan(header_length);
  const size_t address_length = is_v4 ? 4 : 16;
  const auto addresses = ip.subspan(is_v4 ? 12 : 8, 2 * address_length);
  Bytes covered(addresses.begin(), addresses.end());
  Append32(&covered, static_cast<uint32_t>(message.size()));
  Append32(&covered, protocol);
  if (protocol == 1) covered.clear();
  covered.insert(covered.end(), message.begin(), message.end());
  if (protocol == 17) {
    if (message[6] == 0 && message[7] == 0) return is_v4 ? "" : "UDP checksum 0 in IPv6";
    return Sum(covered) == 0xffff ? "" : "UDP checksum";
  }
  if (protocol == 6) return Sum(covered) == 0xffff ? "" : "TCP checksum";
  if (protocol == 1 || protocol == 58) return Sum(covered) == 0xffff ? "" : "ICMP checksum";
  return "";
}

}  // namespace fairlead::dataplane::test
