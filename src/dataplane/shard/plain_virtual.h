// What peers are told of the virtual end of an engine's template.
//
//   news.virtual_address = PlainVirtualPart(*snapshot, real);
//
// Threads: any that has the snapshot.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/snapshot/snapshot.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::dataplane {

// The service's part of an engine's key, without the digest of the engine's data, which no other
// director can compute.
inline std::array<uint8_t, 16> PlainVirtualPart(const Snapshot& snapshot,
                                                const RealView& real) noexcept {
  if (real.service.index() >= snapshot.services.size()) return {};
  const ServiceView& service = snapshot.services[real.service.index()];
  const GroupNumber group = service.persistence.group;
  if (!group.is_none()) return TemplateKey::BytesOf(group);
  if (service.mark != 0) return IpAddress(Ipv4Address::FromHost(service.mark)).bytes();
  return service.address.bytes();
}

}  // namespace fairlead::dataplane
