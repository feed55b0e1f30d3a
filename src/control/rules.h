// The classifier's rules: from the model to what workers match, and to a line a person can read.
//
//   ClassifierBuilder classifiers;                    // remembers the last one
//   dataplane::Classifier classifier = classifiers.Build(model);
//   DescribeRule(rule);       // "mark 1 tcp from @aol-proxies to 192.0.2.80 ports 80,443"
//
// Rule i of the classifier is rule i of the model. Address sets are shared: rules that name the
// same prefix set, or list the same prefixes, look it up once; and what the model before had is not
// made again, so that a million prefixes are not sorted because a rule has changed. Threads: the
// control core.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/config/model.h"
#include "dataplane/snapshot/classifier.h"

namespace fairlead::control {

class ClassifierBuilder {
 public:
  // Precondition: the model is valid; input ports name ports of it.
  const dataplane::Classifier& Build(const ConfigModel& model);

 private:
  friend class SetPool;
  struct Made {  // a set, and the named prefix sets that are part of it
    std::vector<SharedVector<Prefix>> parts;
    std::shared_ptr<const dataplane::ClassifierSet> set;
  };

  std::vector<ClassifierRule> rules_;
  std::vector<PrefixSet> sets_;
  std::map<std::string, Made> made_;  // by the text of the address match
  dataplane::Classifier classifier_;
};

std::string DescribeRule(const ClassifierRule& rule);

}  // namespace fairlead::control
