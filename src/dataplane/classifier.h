// Firewall-mark rules (iptables MARK): the first rule that matches a packet gives it a mark or
// drops it.
//
//   ClassifierBuilder b;
//   const int set = b.AddSet(prefixes);
//   b.AddRule({.protocol = 6, .source_set = set, .destination_ports = {{80, 80}, {443, 443}}, .mark
//   = 1}); Classifier c = b.Build(); Classification r = c.Classify(fields);
//
// Rules apply to packets that belong to no connection yet: a connection keeps its real server when
// rules change. Threads: immutable after Build; Classify allocates nothing. Cost: a look-up per
// distinct address set named by the rules that are reached, then one pass over the rules; the set
// results are remembered for the packet, so a thousand rules over one set look it up once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "dataplane/prefix_map.h"

namespace fairlead::dataplane {

struct PortRange {
  uint16_t first = 0;  // host order, inclusive
  uint16_t last = 65535;
};

struct ClassifierFields {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;  // host order; 0 without ports
  uint8_t protocol = 0;
  PortId input_port;
};

struct ClassifierRule {
  uint8_t protocol = 0;  // 0: any
  int source_set = -1;   // of AddSet; -1: any address, of either family
  int destination_set = -1;
  std::vector<PortRange> source_ports = {};       // empty: any
  std::vector<PortRange> destination_ports = {};  // empty: any
  PortId input_port = {};                         // none: any
  bool is_drop = false;
  uint32_t mark = 0;
};

struct Classification {
  enum class Kind : uint8_t { kNoRule, kMark, kDrop };
  Kind kind = Kind::kNoRule;
  uint32_t mark = 0;
  int32_t rule = -1;  // index in file order
};

class Classifier {
 public:
  // Rules in file order; the first that matches decides.
  [[nodiscard]] Classification Classify(const ClassifierFields& fields) const noexcept;
  [[nodiscard]] size_t rule_count() const { return rules_.size(); }

 private:
  friend class ClassifierBuilder;
  using AddressSet = PrefixMap<uint8_t>;  // the value says nothing; being there does

  [[nodiscard]] bool Holds(int set, const IpAddress& a, int32_t* remembered_set,
                           bool* remembered) const noexcept;

  std::vector<AddressSet> sets_;
  std::vector<ClassifierRule> rules_;
};

class ClassifierBuilder {
 public:
  // Returns the set's number for source_set and destination_set.
  int AddSet(const std::vector<Prefix>& prefixes);
  void AddRule(ClassifierRule rule) { classifier_.rules_.push_back(std::move(rule)); }
  Classifier Build() { return std::move(classifier_); }

 private:
  Classifier classifier_;
};

}  // namespace fairlead::dataplane
