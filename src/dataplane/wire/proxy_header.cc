#include "dataplane/wire/proxy_header.h"

#include <arpa/inet.h>

#include <charconv>
#include <string_view>

namespace fairlead::dataplane {
namespace {

void AppendText(ProxyHeader* header, std::string_view text) noexcept {
  header->Append(text.data(), text.size());
}

void AppendAddress(ProxyHeader* header, const IpAddress& address) noexcept {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.bytes().data(), text, sizeof text);
  AppendText(header, text);
}

void AppendPort(ProxyHeader* header, Be16 port) noexcept {
  char text[5];
  const auto end = std::to_chars(text, text + sizeof text, port.host()).ptr;
  header->Append(text, static_cast<size_t>(end - text));
}

// proxy-protocol.txt section 2.1. At most 107 bytes: 39 for each address.
void MakeVersion1(const Endpoint& client, const Endpoint& service, ProxyHeader* header) noexcept {
  AppendText(header, client.address.is_v4() ? "PROXY TCP4 " : "PROXY TCP6 ");
  AppendAddress(header, client.address);
  AppendText(header, " ");
  AppendAddress(header, service.address);
  AppendText(header, " ");
  AppendPort(header, client.port);
  AppendText(header, " ");
  AppendPort(header, service.port);
  AppendText(header, "\r\n");
}

// proxy-protocol.txt section 2.2.
struct Version2Header {
  uint8_t signature[12];
  uint8_t version_and_command;   // version 4 bits, command 4 bits
  uint8_t family_and_transport;  // address family 4 bits, protocol 4 bits
  Wire<Be16> length;             // bytes that follow
};
static_assert(sizeof(Version2Header) == 16);

constexpr uint8_t TransportNibble(Transport transport) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return 1;
    case Transport::kUdp:
      return 2;
  }
  return 0;
}

void MakeVersion2(Transport transport, const Endpoint& client, const Endpoint& service,
                  ProxyHeader* header) noexcept {
  constexpr uint8_t kProxied = 0x21;  // version 2, command PROXY
  const bool is_v4 = client.address.is_v4();
  const size_t address_bytes = is_v4 ? 4 : 16;
  Version2Header fixed{
      .signature = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'},
      .version_and_command = kProxied,
      .family_and_transport =
          static_cast<uint8_t>((is_v4 ? 0x10 : 0x20) | TransportNibble(transport)),
      .length = {}};
  fixed.length = Be16::FromHost(static_cast<uint16_t>(2 * address_bytes + 4));
  header->Append(&fixed, sizeof fixed);
  header->Append(client.address.bytes().data(), address_bytes);
  header->Append(service.address.bytes().data(), address_bytes);
  header->Append(&client.port, 2);
  header->Append(&service.port, 2);
}

}  // namespace

void MakeProxyHeader(ProxyVersion version, Transport transport, const Endpoint& client,
                     const Endpoint& service, ProxyHeader* header) noexcept {
  switch (version) {
    case ProxyVersion::k1:
      return MakeVersion1(client, service, header);
    case ProxyVersion::k2:
      return MakeVersion2(transport, client, service, header);
  }
}

}  // namespace fairlead::dataplane
