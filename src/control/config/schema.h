// Every key of the configuration file, section by section: the only list there is. The keys of
// timeouts, policies, persistence and health come from keys.h, which says all of them.
//
//   for (const Section* section : AllSections())
//     for (const KeyInfo& key : section->keys) ...
//
// A key with a refusal is one of the design that this version does not do, or one that people try;
// its sentence says so. Tests hold this list against config/reference.yaml and docs/.
#pragma once

#include <span>
#include <string_view>

namespace fairlead::control {

struct KeyInfo {
  std::string_view name;
  std::string_view refusal = {};  // empty: the key works
  bool is_text = false;  // its value is text in JSON, also where it looks like something else
};

struct Section {
  // Where it stands, list items as []: "services[].reals[]". "*.x": every key x of any section.
  std::string_view name;
  std::span<const KeyInfo> keys;
  std::string_view example = {};  // of a short one, for who has written a single value
};

extern const Section kRootSection;
extern const Section kDirectorSection;
extern const Section kPortSection;
extern const Section kDeviceSection;  // of a port whose device is no text
extern const Section kBondSection;
extern const Section kRouteSection;
extern const Section kSnatSection;
extern const Section kPrefixSetSection;
extern const Section kRuleSection;
extern const Section kDefaultsSection;
extern const Section kTimeoutsSection;
extern const Section kForwardSection;
extern const Section kClientGroupSection;
extern const Section kPolicySection;
extern const Section kServiceSection;
extern const Section kServicePolicySection;
extern const Section kPersistenceSection;
extern const Section kNetmaskRuleSection;
extern const Section kHealthSection;
extern const Section kBodySection;     // what an answer must be like
extern const Section kReceiveSection;  // the same of any text protocol
extern const Section kStepSection;
extern const Section kFallbackSection;
extern const Section kRealSection;
extern const Section kApiSection;
extern const Section kListenSection;
extern const Section kIpvsSocketSection;
extern const Section kLogSection;
extern const Section kMailSection;
extern const Section kSyncSection;
extern const Section kIpvsSyncSection;

std::span<const Section* const> AllSections();

}  // namespace fairlead::control
