// Addresses, ports and masks as ipvsadm reads them (ipvs.md, ipvsadm grammar).
//
//   ReadEndpoint("192.0.2.10:http", kTcp, names);   // 192.0.2.10:80
//   ReadEndpoint("[2001:db8::1]:80", kTcp, names);  // brackets need the port
//   ReadEndpoint("1234:80", kTcp, names);           // error: a number is no host
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"
#include "cli/ipvsadm/resolver.h"

namespace fairlead::cli::ipvsadm {

// HOST[:PORT], host being an address or a name, port a number or a name; none: 0.
Result<Endpoint> ReadEndpoint(const std::string& text, uint8_t protocol, Resolver& names);

// "[2001:db8::80]:80" for "2001:db8::80:80", which is an address without a port, but may have been
// meant as one with a port; empty when it can be nothing else.
std::string InBrackets(const std::string& text);

// An IPv4 mask, host order: "255.255.255.0", the 32 bits as a number, or a host's name.
std::optional<uint32_t> ReadMask(const std::string& text, Resolver& names);

// A whole decimal number in the range.
std::optional<uint32_t> ReadNumber(const std::string& text, uint32_t least, uint32_t most);

// "192.0.2.10:80", "[2001:db8::1]:http" …, with names unless numeric.
std::string EndpointText(const Endpoint& endpoint, uint8_t protocol, Resolver& names,
                         bool is_numeric);

}  // namespace fairlead::cli::ipvsadm
