// The key `forward`: a word, or a map with what the method needs.
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

// Methods of IPVS (ipvs.md, methods) that are still to come.
constexpr std::string_view kPlannedForwards[] = {"localnode", "bypass"};

// What GRE has: a checksum, or none.
Result<TunnelChecksum> ReadGreChecksum(const YamlNode& node) {
  const Result<bool> has = ReadBool(node);
  if (!has) return WrongValue(node, "true or false with \"type: gre\"");
  return *has ? TunnelChecksum::kFull : TunnelChecksum::kNone;
}

void ReadTunnelChecksum(MapReader& reader, Tunnel& tunnel) {
  switch (tunnel.type) {
    case TunnelType::kIpip:
      if (reader.Has("checksum")) {
        reader.problems().Add(reader.PathOf("checksum"),
                              "IP in IP has no checksum of its own; leave it out, or use "
                              "\"type: gue\" or \"gre\"");
      }
      return;
    case TunnelType::kGue:
      reader.Word("checksum", &tunnel.checksum);
      return;
    case TunnelType::kGre:
      reader.Read("checksum", &tunnel.checksum, ReadGreChecksum);
      return;
  }
}

// The keys beside `method: tun`.
void ReadTunnel(MapReader& reader, Tunnel& tunnel) {
  if (reader.Has("type") && !reader.Word("type", &tunnel.type)) return;
  if (tunnel.type == TunnelType::kGue) {
    reader.Require("port", "where the real server takes GUE, usually 6080");
    reader.Number("port", &tunnel.port, 1, 65535);
  } else if (reader.Has("port")) {
    reader.problems().Add(reader.PathOf("port"), "only \"type: gue\" has a port");
  }
  ReadTunnelChecksum(reader, tunnel);
}

// What a real does not say of FULLNAT, neither with the word alone, is as its service has it.
bool Inherits(const Forwarding& inherited, ForwardMethod method) {
  return HasLocalAddresses(method) && inherited.method == method;
}

void RequireLocalAddresses(MapReader& reader, std::string_view key, const Forwarding& forward) {
  if (!HasLocalAddresses(forward.method) || !forward.local_addresses.empty()) return;
  reader.problems().Add(reader.PathOf(key),
                        "fullnat speaks to real servers from addresses of its own; write "
                        "{ method: fullnat, local_addresses: [10.0.1.0/28] }");
}

// The keys beside `method: fullnat`. `is_inherited`: so is what it does not say; when that is
// nothing, it was said where it is inherited from.
void ReadFullnat(MapReader& reader, bool is_inherited, Forwarding& forward) {
  AddressMatch addresses;
  ReadMatch(reader, "local_addresses", addresses);
  if (!addresses.is_any()) {
    forward.local_addresses = {std::move(addresses.sets), std::move(addresses.prefixes)};
  }
  reader.Word("client_address", &forward.client_address);
  if (reader.IsMeant("local_addresses")) {
    reader.problems().SetBroken(reader.PathOf("local_addresses"));
  } else if (!reader.Has("local_addresses") && !is_inherited) {
    RequireLocalAddresses(reader, "method", forward);
  }
}

// Keys of another method than the one that is written.
void RefuseForeignKeys(MapReader& reader, ForwardMethod method) {
  for (const std::string_view key : {"type", "port", "checksum"}) {
    if (IsTunnel(method) || !reader.Has(key)) continue;
    reader.problems().Add(reader.PathOf(key), "only \"method: tun\" has a " + std::string(key));
  }
  for (const std::string_view key : {"local_addresses", "client_address"}) {
    if (HasLocalAddresses(method) || !reader.Has(key)) continue;
    reader.problems().Add(reader.PathOf(key), "only \"method: fullnat\" has " +
                                                  std::string(key == "client_address" ? "a " : "") +
                                                  std::string(key));
  }
}

}  // namespace

void ReadForward(MapReader& reader, Forwarding& forward) {
  const YamlNode* const node = reader.Find("forward");
  if (node == nullptr) return;
  ForwardMethod method{};
  if (!node->is_map()) {
    if (!reader.Word("forward", &method, kPlannedForwards) || Inherits(forward, method)) return;
    forward = method;
    return RequireLocalAddresses(reader, "forward", forward);
  }
  MapReader inner(reader.problems(), *node, reader.PathOf("forward"), kForwardSection);
  if (!inner.Require("method") || !inner.Word("method", &method, kPlannedForwards)) return;
  const bool is_inherited = Inherits(forward, method);
  if (!is_inherited) forward = method;
  RefuseForeignKeys(inner, method);
  if (IsTunnel(method)) ReadTunnel(inner, forward.tunnel);
  if (HasLocalAddresses(method)) ReadFullnat(inner, is_inherited, forward);
}

}  // namespace fairlead::control
