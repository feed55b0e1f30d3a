// The classifier's rules: from the model to what workers match, and to a line a person can read.
//
//   dataplane::Classifier classifier = BuildClassifier(model);
//   DescribeRule(rule);       // "mark 1 tcp from @aol-proxies to 192.0.2.80 ports 80,443"
//
// Rule i of the classifier is rule i of the model. Address sets are shared: rules that name the
// same prefix set, or list the same prefixes, look it up once. Pure functions.
#pragma once

#include <string>

#include "control/config/model.h"
#include "dataplane/classifier.h"

namespace fairlead::control {

// Precondition: the model is valid; input ports name ports of it.
dataplane::Classifier BuildClassifier(const ConfigModel& model);

std::string DescribeRule(const ClassifierRule& rule);

}  // namespace fairlead::control
