// How a service sticks a client to a real, as workers see it: who counts as one client, how long,
// and with which other services it shares the client's place.
//
//   PersistenceView p;
//   p.is_enabled = true;  p.timeout = TicksFromSeconds(1800);
//   p.clients.mask4 = Be32::FromHost(0xffffff00);
//   ClientIdentity who = Identify(p.clients, source);      // 198.51.100.0, prefix length 24
//
// Every worker computes the same identity from the same snapshot: it decides which worker owns the
// client's template. Threads: immutable once published; the prefix maps are shared by snapshots.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/ip_address.h"
#include "dataplane/snapshot/prefix_map.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::dataplane {

// A rule of `persistence.netmasks`, by its source prefix.
struct ClientNetmask {
  Be32 mask4 = Be32::FromHost(0xffffffff);
  uint8_t prefix_length6 = 128;
  uint16_t rule = 0;  // its place in the list
};

// Who counts as one client: a client group, else the address under the netmask of the longest
// prefix, else under the service's netmask.
struct ClientKeying {
  Be32 mask4 = Be32::FromHost(0xffffffff);  // may have holes; ipvs.md, template key
  uint8_t prefix_length6 = 128;             // 1…128
  std::shared_ptr<const PrefixMap<ClientNetmask>> netmasks{};  // null: none
  std::shared_ptr<const PrefixMap<GroupNumber>> groups{};      // null: none
};

// What besides the client's address says which template a packet is about.
enum class PersistenceEngine : uint8_t {
  kNone,
  kSip,  // the Call-ID of the SIP message (ipvs.md, SIP engine)
};

struct PersistenceView {
  bool is_enabled = false;
  RenewMode renew = RenewMode::kLinux;
  PersistenceEngine engine = PersistenceEngine::kNone;
  uint8_t spread = 1;     // keys a client is spread over
  TickCount timeout = 0;  // 1 s … 31 d, or kForever
  TickCount step = 0;
  TickCount max_lifetime = 0;  // 0: none
  GroupNumber group{};         // services of one group share their clients' reals
  ClientKeying clients{};
  // The keying before the last change of it, and for how long after the change a client's old
  // template still tells its real (0: not at all). `keying_edits` rises with each change.
  std::shared_ptr<const ClientKeying> previous{};
  TickCount rekey = 0;
  uint32_t keying_edits = 0;
};

// The client's part of a template key.
struct ClientIdentity {
  std::array<uint8_t, 16> bytes{};
  uint8_t prefix_length = 0;  // of a mask with holes the number of its ones
  Be32 mask;                  // IPv4
  bool is_group = false;
  int32_t rule = -1;  // of `netmasks`; -1: the service's own netmask
};

inline ClientIdentity MaskedIdentity(const IpAddress& client, Be32 mask4,
                                     uint8_t prefix_length6) noexcept {
  if (!client.is_v4())
    return {.bytes = client.Masked(prefix_length6).bytes(),
            .prefix_length = prefix_length6,
            .mask = {}};
  const IpAddress masked = Ipv4Address{Be32::FromRaw(client.v4().value.raw() & mask4.raw())};
  return {.bytes = masked.bytes(),
          .prefix_length = static_cast<uint8_t>(__builtin_popcount(mask4.raw())),
          .mask = mask4};
}

inline ClientIdentity Identify(const ClientKeying& keying, const IpAddress& client) noexcept {
  if (keying.groups != nullptr) {
    if (const GroupNumber* group = keying.groups->Find(client)) {
      return {.bytes = TemplateKey::BytesOf(*group), .mask = {}, .is_group = true};
    }
  }
  if (keying.netmasks != nullptr) {
    if (const ClientNetmask* rule = keying.netmasks->Find(client)) {
      ClientIdentity identity = MaskedIdentity(client, rule->mask4, rule->prefix_length6);
      identity.rule = rule->rule;
      return identity;
    }
  }
  return MaskedIdentity(client, keying.mask4, keying.prefix_length6);
}

}  // namespace fairlead::dataplane
