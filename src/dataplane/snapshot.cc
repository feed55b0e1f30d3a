#include "dataplane/snapshot.h"

namespace fairlead::dataplane {
namespace {

constexpr uint16_t kFtpPort = 21;
constexpr uint16_t kFtpDataPort = 20;
constexpr uint16_t kFirstUnprivilegedPort = 1024;

}  // namespace

ServiceId Snapshot::FindService(uint32_t mark, const ServiceKey& key) const noexcept {
  if (mark != 0) {
    const ServiceId by_mark = FindMark(mark, key.address.family());
    if (!by_mark.is_none()) return by_mark;
  }
  if (const ServiceId exact = FindExact(key); !exact.is_none()) return exact;
  const uint16_t port = key.port.host();
  if (has_ftp_service && key.protocol == kProtocolTcp &&
      (port == kFtpDataPort || port >= kFirstUnprivilegedPort)) {
    const ServiceId ftp = FindExact({key.address, Be16::FromHost(kFtpPort), kProtocolTcp});
    if (!ftp.is_none()) return ftp;
  }
  if (has_port0_service) return FindExact({key.address, Be16{}, key.protocol});
  return ServiceId{};
}

// A real that is gone is nobody's sibling: its service has it no more.
void IndexGroups(Snapshot* snapshot) {
  for (size_t i = 0; i < snapshot->reals.size(); ++i) {
    const RealView& real = snapshot->reals[i];
    if (!real.is_available || real.service.index() >= snapshot->services.size()) continue;
    ServiceView& service = snapshot->services[real.service.index()];
    if (service.persistence.group.is_none()) continue;
    const RealId id{static_cast<uint32_t>(i)};
    const auto [it, is_new] = service.reals_by_address.try_emplace(real.address, id);
    // Several ports of one address: the service's own is meant.
    if (!is_new && real.port == service.port) it->second = id;
  }
}

}  // namespace fairlead::dataplane
