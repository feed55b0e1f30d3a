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

#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/config/problems.h"

namespace fairlead::control {

void Validate(const ConfigModel& model, Problems& problems);

// Its three parts.
void ValidateNetwork(const ConfigModel& model, Problems& problems);
void ValidateClassifier(const ConfigModel& model, Problems& problems);
void ValidateServices(const ConfigModel& model, Problems& problems);

// What is allowed but will hardly do what was meant. Precondition: the model is valid. `places` is
// only asked where things stand.
std::vector<Error> FindWarnings(const ConfigModel& model, const Problems& places);

}  // namespace fairlead::control
