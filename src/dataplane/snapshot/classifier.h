// Firewall-mark rules (iptables MARK): the first rule that matches a packet gives it a mark or
// drops it.
//
//   ClassifierBuilder b;
//   const int set = b.AddSet(prefixes);
//   b.AddRule({.protocol = 6, .source_set = set, .destination_ports = {{80, 80}}, .mark = 1});
//   const Classifier c = b.Build();
//   Classification r = c.Classify(fields);
//
// Rules apply to packets that belong to no connection yet: a connection keeps its real server when
// rules change. Threads: immutable after Build; copies share what Build made; Classify allocates
// nothing. Cost: a few rules are passed over in order (Scan, the definition); of more, an index
// names the candidates (classifier_index.h). A look-up per distinct address set named by the rules
// that are reached; the set results are remembered for the packet.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/snapshot/classifier_index.h"
#include "dataplane/snapshot/classifier_rule.h"
#include "dataplane/snapshot/prefix_map.h"

namespace fairlead::dataplane {

// A set of addresses, which classifiers may share.
struct ClassifierSet {
  PrefixMap<uint8_t> prefixes;  // the value says nothing; being there does
  std::vector<Prefix> few;      // the same, when they are few enough to be keys of the index

  [[nodiscard]] bool Holds(const IpAddress& a) const noexcept {
    return prefixes.Find(a) != nullptr;
  }
};

struct Classification {
  enum class Kind : uint8_t { kNoRule, kMark, kDrop };
  Kind kind = Kind::kNoRule;
  uint32_t mark = 0;
  int32_t rule = -1;  // index in file order

  friend bool operator==(const Classification&, const Classification&) = default;
};

class Classifier {
 public:
  static constexpr size_t kScanned = 16;  // up to this many rules a pass is as fast

  // Rules in file order; the first that matches decides.
  [[nodiscard]] Classification Classify(const ClassifierFields& fields) const noexcept {
    if (parts_ == nullptr) return {};
    return parts_->rules.size() <= kScanned ? Scan(fields) : Search(fields);
  }
  // The same by a pass over all rules: what Classify must say.
  [[nodiscard]] Classification Scan(const ClassifierFields& fields) const noexcept;
  [[nodiscard]] size_t rule_count() const { return parts_ == nullptr ? 0 : parts_->rules.size(); }

 private:
  friend class ClassifierBuilder;
  struct Parts {
    std::vector<std::shared_ptr<const ClassifierSet>> sets;
    std::vector<ClassifierRule> rules;
    ClassifierIndex index;
  };
  class Matcher;

  [[nodiscard]] Classification Search(const ClassifierFields& fields) const noexcept;
  [[nodiscard]] Classification Of(int32_t rule) const noexcept;

  std::shared_ptr<const Parts> parts_;  // null: no rules
};

class ClassifierBuilder {
 public:
  // Returns the set's number for source_set and destination_set.
  int AddSet(const std::vector<Prefix>& prefixes) { return AddSet(BuildSet(prefixes)); }
  // A set that an earlier classifier may have too.
  int AddSet(std::shared_ptr<const ClassifierSet> set);
  static std::shared_ptr<const ClassifierSet> BuildSet(const std::vector<Prefix>& prefixes);
  void AddRule(ClassifierRule rule) { parts_.rules.push_back(std::move(rule)); }
  Classifier Build();

 private:
  Classifier::Parts parts_;
};

}  // namespace fairlead::dataplane
