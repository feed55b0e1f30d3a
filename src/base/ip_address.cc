#include "base/ip_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

namespace fairlead {
namespace {

// A decimal number of 0…max without sign, blanks or leading zeros.
std::optional<unsigned> ParseNumber(std::string_view text, unsigned max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string copy(text);  // inet_pton wants a terminating zero
  uint8_t raw[16];
  if (inet_pton(AF_INET, copy.c_str(), raw) == 1) return IpAddress(Ipv4Address::Load(raw));
  if (inet_pton(AF_INET6, copy.c_str(), raw) == 1) return IpAddress(Ipv6Address::Load(raw));
  return std::nullopt;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

IpAddress IpAddress::Masked(int length) const {
  IpAddress masked = *this;
  for (int i = 0; i < 16; ++i) {
    const int keep = length - 8 * i;
    if (keep >= 8) continue;
    auto& byte = masked.bytes_[static_cast<size_t>(i)];
    byte = keep <= 0 ? uint8_t{0} : static_cast<uint8_t>(byte & (0xff00 >> keep));
  }
  return masked;
}

std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
  if (a.family_ != b.family_) return a.family_ <=> b.family_;
  return std::memcmp(a.bytes_.data(), b.bytes_.data(), 16) <=> 0;
}

std::optional<Prefix> Prefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix{*address, address->bit_length()};
  const auto length =
      ParseNumber(text.substr(slash + 1), static_cast<unsigned>(address->bit_length()));
  if (!length) return std::nullopt;
  return Prefix{*address, static_cast<int>(*length)};
}

std::string Prefix::ToString() const { return address.ToString() + "/" + std::to_string(length); }

std::optional<Endpoint> Endpoint::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::Parse(host);
  const auto port = ParseNumber(text.substr(colon + 1), 65535);
  if (!address || !port || address->is_v4() == bracketed) return std::nullopt;
  return Endpoint{*address, Be16::FromHost(static_cast<uint16_t>(*port))};
}

std::string Endpoint::ToString() const {
  const std::string host = address.ToString();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port.host());
}

std::optional<MacAddress> MacAddress::Parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const char* first = text.data() + 3 * i;
    if (i > 0 && first[-1] != ':') return std::nullopt;
    if (std::from_chars(first, first + 2, mac.bytes[i], 16).ptr != first + 2) return std::nullopt;
  }
  return mac;
}

std::string MacAddress::ToString() const {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                bytes[3], bytes[4], bytes[5]);
  return text;
}

}  // namespace fairlead
