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

}  // namespace fairlead::dataplane
