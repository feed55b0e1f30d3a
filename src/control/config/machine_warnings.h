// Warnings about a configuration on this machine and in its network, beside those of warnings.cc.
//
//   WarnOfListeners(model, add);     // add("api.listen[1].tokens", "cannot be used on this …")
//
// A file may be for another machine, so none of these is an error, and devices are looked for only
// where one of the ports' devices is here: what is missing beside it is probably a slip of the pen.
// Threads: any; what they read is of bounded size.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/model.h"
#include "control/config/reach.h"

namespace fairlead::control {

using AddWarning = std::function<void(const std::string& path, std::string sentence)>;

// What a start will find wrong with the listeners of `api`.
void WarnOfListeners(const ConfigModel& model, const AddWarning& add);
// Interfaces and PCI devices of ports that this machine has not.
void WarnOfMissingDevices(const ConfigModel& model, const AddWarning& add);
// Services whose virtual address is one of a port's own.
void WarnOfOwnAddresses(const ConfigModel& model, const AddWarning& add);
// Ports, networks and addresses that will not do what was meant (warn_network.cc).
void WarnOfNetworks(const ConfigModel& model, const AddWarning& add);
// Source NAT that will not do what was meant (validate_snat.cc).
void WarnOfSnat(const ConfigModel& model, const AddWarning& add);

// FULLNAT that will not do what was meant (warn_fullnat.cc).
void WarnOfFullnat(const ConfigModel& model, const Reach& reach, const AddWarning& add);
// PROXY headers that checks lack, or that links have no room for (warn_proxy.cc).
void WarnOfProxyHeaders(const ConfigModel& model, const Reach& reach, const AddWarning& add);
// What to warn of when a service is added by hand and there may be too few side records; empty:
// there are enough.
std::string WordsOfFewSideRecords(const ConfigModel& model, const ServiceConfig& service);
// As many side records as connections by FULLNAT there may be at once; 0: no service has any.
uint64_t SideRecordsFor(const DirectorConfig& director, const SharedList<ServiceConfig>& services);

// A port and device in the words of warning and doctor; empty: it is no device that could be looked
// for, or it is here.
std::string MissingDevice(const std::string& device);

// What a check and the doctor say beside the loader's own warnings, by families: NAT brings answers
// back through the director, and no route leads to clients that are not on a port's own network.
std::vector<Error> WarningsOfWaysBack(const ConfigModel& model);

}  // namespace fairlead::control
