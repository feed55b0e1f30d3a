// The director's state as IPVS lists it.
//
//   for (const auto& service : view.services) PutService(&record, to, 0, EntryOf(fabric, service));
//
// Threads: any; pure but for the boards' figures.
#pragma once

#include <cstdint>

#include "control/api/ipvs/replies.h"
#include "control/api/ipvs/requests.h"

namespace fairlead::control {
struct RealInfo;
struct ServiceInfo;
}  // namespace fairlead::control
namespace fairlead::dataplane {
class Fabric;
}

namespace fairlead::ipvs {

// 31 days: the longest time that ipvsadm can say stands for one without end.
inline constexpr uint32_t kMostSeconds = 2'678'400;

ServiceKey KeyOf(const control::ServiceInfo& service);
// IP_VS_SVC_F_PERSISTENT …
uint32_t FlagsOf(const control::ServiceInfo& service);
ServiceEntry EntryOf(const dataplane::Fabric& fabric, const control::ServiceInfo& service);

// Not a removed one, which connections alone refer to, and a fallback only while it is in use.
bool IsListed(const control::RealInfo& real);
DestEntry EntryOf(const dataplane::Fabric& fabric, const control::RealInfo& real);

}  // namespace fairlead::ipvs
