#include "cli/ipvsadm/addresses.h"

#include <algorithm>

namespace fairlead::cli::ipvsadm {

namespace {

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

Error Wrong(const std::string& text, const std::string& why) {
  return {ErrorCode::kInvalid, "\"" + text + "\": " + why, ""};
}

std::optional<uint16_t> ReadPort(const std::string& text, uint8_t protocol, Resolver& names) {
  if (IsNumber(text)) {
    const auto number = ReadNumber(text, 0, 65535);
    return number ? std::optional(static_cast<uint16_t>(*number)) : std::nullopt;
  }
  return names.PortOf(text, protocol);
}

// IPv6: "[address]:port", or the bare address.
Result<Endpoint> ReadIpv6(const std::string& text, uint8_t protocol, Resolver& names) {
  Endpoint endpoint;
  std::string host = text;
  if (text.starts_with('[')) {
    const size_t end = text.find("]:");
    if (end == std::string::npos) return Wrong(text, "brackets are followed by a colon and a port");
    host = text.substr(1, end - 1);
    const auto port = ReadPort(text.substr(end + 2), protocol, names);
    if (!port)
      return Wrong(text,
                   "the port is neither a number from 0 to 65535 nor a name in /etc/services");
    endpoint.port = Be16::FromHost(*port);
  }
  const auto address = IpAddress::Parse(host);
  if (!address || address->is_v4()) return Wrong(text, "is not an IPv6 address");
  endpoint.address = *address;
  return endpoint;
}

}  // namespace

std::optional<uint32_t> ReadNumber(const std::string& text, uint32_t least, uint32_t most) {
  const std::string digits = text.starts_with('+') ? text.substr(1) : text;
  if (!IsNumber(digits) || digits.size() > 19) return std::nullopt;
  const uint64_t number = std::stoull(digits);
  if (number < least || number > most) return std::nullopt;
  return static_cast<uint32_t>(number);
}

Result<Endpoint> ReadEndpoint(const std::string& text, uint8_t protocol, Resolver& names) {
  if (text.starts_with('[') || std::count(text.begin(), text.end(), ':') > 1) {
    return ReadIpv6(text, protocol, names);
  }
  const size_t colon = text.find(':');
  const std::string host = text.substr(0, colon);
  if (host.empty() || IsNumber(host)) return Wrong(text, "does not name a host");
  Endpoint endpoint;
  if (colon != std::string::npos) {
    const auto port = ReadPort(text.substr(colon + 1), protocol, names);
    if (!port)
      return Wrong(text,
                   "the port is neither a number from 0 to 65535 nor a name in /etc/services");
    endpoint.port = Be16::FromHost(*port);
  }
  auto address = IpAddress::Parse(host);
  if (!address) address = names.AddressOf(host, Family::kIpv4);
  if (!address) return Wrong(text, "the host is not an address, and no address was found for it");
  endpoint.address = *address;
  return endpoint;
}

std::string InBrackets(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || text.starts_with('[')) return "";
  const std::string host = text.substr(0, colon), port = text.substr(colon + 1);
  const auto address = IpAddress::Parse(host);
  const bool is_both = address && !address->is_v4() && IpAddress::Parse(text) &&
                       ReadNumber(port, 1, 65535).has_value();
  return is_both ? "[" + host + "]:" + port : "";
}

std::optional<uint32_t> ReadMask(const std::string& text, Resolver& names) {
  // A bare number is the 32 bits themselves, as ever: "24" is 0.0.0.24 and no length.
  if (const auto bits = ReadNumber(text, 0, UINT32_MAX)) return bits;
  auto mask = IpAddress::Parse(text);
  if (!mask) mask = names.AddressOf(text, Family::kIpv4);
  if (!mask || !mask->is_v4()) return std::nullopt;
  return mask->v4().value.host();
}

std::string EndpointText(const Endpoint& endpoint, uint8_t protocol, Resolver& names,
                         bool is_numeric) {
  if (is_numeric) return endpoint.ToString();
  std::string host = endpoint.address.ToString();
  const auto name = names.NameOf(endpoint.address);
  if (name) host = *name;
  if (!endpoint.address.is_v4()) host = "[" + host + "]";
  const uint16_t number = endpoint.port.host();
  std::optional<std::string> port;
  if (number != 0) port = names.PortName(number, protocol);
  return host + ":" + (port ? *port : std::to_string(number));
}

}  // namespace fairlead::cli::ipvsadm
