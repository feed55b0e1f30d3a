// What must hold between the parts of a model: names that exist, keys that are unique, IPVS's
// rules.
//
//   Problems problems("web.yaml");        // with the places noted while reading, or none
//   Validate(model, problems);
//   // web.yaml:31:20: classifier[0].source[0]: there is no prefix set "aol"; did you mean ...
//
// Works on a model from any source; with a model that did not come from a file the places are
// paths. What reading has already found wrong (Problems::IsBroken) is not reported a second time,
// nor what follows from it. Threads: pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/config/problems.h"

namespace fairlead::control {

void Validate(const ConfigModel& model, Problems& problems);

// Its parts.
void ValidateNetwork(const ConfigModel& model, Problems& problems);
void ValidateClassifier(const ConfigModel& model, Problems& problems);
void ValidateServices(const ConfigModel& model, Problems& problems);
void ValidateSnat(const ConfigModel& model, Problems& problems);  // validate_snat.cc

// Service `place` by itself, as ValidateServices does it: all but its key and name being taken.
void ValidateService(const ConfigModel& model, size_t place, Problems& problems);
// That no service has an address that the network needs itself. After a change of routes alone.
void ValidateServiceAddresses(const ConfigModel& model, Problems& problems);
// The addresses that FULLNAT speaks from (validate_fullnat.cc); of one service, what its reals and
// its transport need of them.
void ValidateLocalAddresses(const ConfigModel& model, Problems& problems);
// After a change of services alone: the addresses of FULLNAT and of source NAT, which a service may
// have taken.
void ValidateTakenAddresses(const ConfigModel& model, Problems& problems);
void CheckFullnat(const ConfigModel& model, const ServiceConfig& service, const std::string& path,
                  Problems& problems);
void CheckFullnat(const ConfigModel& model, Problems& problems);  // of every service

// Whether every service has a key and a name of its own. As ValidateServices does it, in linear
// time and without a word.
bool AreDistinct(const SharedList<ServiceConfig>& services);

// What is allowed but will hardly do what was meant. Precondition: the model is valid. `where`
// says where a path stands, as Problems::Where does.
std::vector<Error> FindWarnings(const ConfigModel& model,
                                const std::function<std::string(const std::string&)>& where);

// Those about the service at `place` and its reals, for who has just changed it; the places are
// its keys: "mark", "reals[1].address". That it has no reals yet is none of them.
std::vector<Error> FindWarningsOfService(const ConfigModel& model, size_t place);
// Those about a real of this address.
std::vector<Error> FindWarningsOfReal(const ConfigModel& model, const IpAddress& address);

}  // namespace fairlead::control
