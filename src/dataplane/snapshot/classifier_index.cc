#include "dataplane/snapshot/classifier_index.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace fairlead::dataplane {

// One value of an address in a key: whole bytes of a prefix, or nothing.
struct ClassifierIndex::Part {
  bool is_any = true;
  IpAddress network{};
  int bytes = 0;

  friend bool operator==(const Part&, const Part&) = default;
  [[nodiscard]] Words Mask() const {
    std::array<uint8_t, 16> mask{};
    std::fill_n(mask.begin(), bytes, uint8_t{0xff});
    Words words;
    std::memcpy(words.data(), mask.data(), sizeof words);
    return words;
  }
};

struct ClassifierIndex::Entry {
  Tuple tuple;
  uint64_t hash = 0;
  uint32_t rule = 0;
};

namespace {

constexpr uint64_t kFamilyMask = 0xff, kProtocolMask = 0xff0000, kPortMask = 0xffff;

// The single ports of the ranges; nothing when there are too many, one that says "any" then.
std::vector<int> PortsOf(const std::vector<PortRange>& ranges, size_t most) {
  std::set<int> ports;
  for (const PortRange& range : ranges) {
    for (int port = range.first; port <= range.last && ports.size() <= most; ++port) {
      ports.insert(port);
    }
  }
  if (ranges.empty() || ports.size() > most) return {-1};
  return {ports.begin(), ports.end()};
}

}  // namespace

std::vector<ClassifierIndex::Part> ClassifierIndex::PartsOf(int set,
                                                            const PrefixesOf& prefixes_of) {
  const std::vector<Prefix>* prefixes = set < 0 ? nullptr : prefixes_of(set);
  if (prefixes == nullptr) return {Part{}};
  std::vector<Part> parts;
  for (const Prefix& prefix : *prefixes) {
    const int bytes = prefix.length / 8;
    const Part part{false, prefix.address.Masked(bytes * 8), bytes};
    if (std::ranges::find(parts, part) == parts.end()) parts.push_back(part);
  }
  return parts;
}

ClassifierIndex ClassifierIndex::Build(const std::vector<ClassifierRule>& rules,
                                       const PrefixesOf& prefixes_of) {
  std::vector<Entry> entries;
  for (uint32_t number = 0; number < rules.size(); ++number) {
    const ClassifierRule& rule = rules[number];
    std::vector<Part> sources = PartsOf(rule.source_set, prefixes_of);
    std::vector<Part> destinations = PartsOf(rule.destination_set, prefixes_of);
    std::vector<int> ports = PortsOf(rule.destination_ports, kKeysPerRule);
    // The part with most values goes first: it says least for each key.
    while (sources.size() * destinations.size() * ports.size() > kKeysPerRule) {
      if (sources.size() >= std::max(destinations.size(), ports.size())) {
        sources = {Part{}};
      } else if (ports.size() >= destinations.size()) {
        ports = {-1};
      } else {
        destinations = {Part{}};
      }
    }
    for (const Part& source : sources) {
      for (const Part& destination : destinations) {
        for (const int port : ports) {
          Tuple tuple{.source_mask = source.Mask(), .destination_mask = destination.Mask()};
          if (!source.is_any) tuple.tail_mask |= kFamilyMask << 40;
          if (!destination.is_any) tuple.tail_mask |= kFamilyMask << 32;
          if (rule.protocol != 0) tuple.tail_mask |= kProtocolMask;
          if (port >= 0) tuple.tail_mask |= kPortMask;
          const ClassifierFields key{.source = source.network,
                                     .destination = destination.network,
                                     .destination_port = static_cast<uint16_t>(std::max(port, 0)),
                                     .protocol = rule.protocol,
                                     .input_port = PortId{}};
          entries.push_back({tuple, tuple.HashOf(key), number});
        }
      }
    }
  }
  ClassifierIndex index;
  index.File(std::move(entries));
  return index;
}

void ClassifierIndex::File(std::vector<Entry> entries) {
  std::map<Tuple, size_t> sizes;
  for (const Entry& entry : entries) ++sizes[entry.tuple];
  for (Entry& entry : entries) {
    if (sizes[entry.tuple] < kFewRules) entry = {Tuple{}, Tuple{}.HashOf({}), entry.rule};
  }
  std::map<Tuple, uint32_t> lowest;
  for (const Entry& entry : entries) {
    const auto [it, is_new] = lowest.try_emplace(entry.tuple, entry.rule);
    it->second = std::min(it->second, entry.rule);
  }
  for (const auto& [tuple, rule] : lowest) {
    tuples_.push_back(tuple);
    tuples_.back().lowest_rule = rule;
  }
  std::ranges::sort(tuples_, {}, &Tuple::lowest_rule);

  const auto order = [](const Entry& e) { return std::pair(e.hash, e.rule); };
  std::ranges::sort(entries, {}, order);
  const auto is_same = [&](const Entry& a, const Entry& b) { return order(a) == order(b); };
  entries.erase(std::unique(entries.begin(), entries.end(), is_same), entries.end());
  size_t keys = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    keys += i == 0 || entries[i].hash != entries[i - 1].hash;
  }
  groups_.resize(std::bit_ceil(2 * keys + 1));
  candidates_.reserve(entries.size());
  for (size_t i = 0; i < entries.size();) {
    Group group{entries[i].hash, static_cast<uint32_t>(i), static_cast<uint32_t>(i)};
    for (; i < entries.size() && entries[i].hash == group.hash; ++i, ++group.end) {
      candidates_.push_back(entries[i].rule);
    }
    size_t slot = group.hash & (groups_.size() - 1);
    while (groups_[slot].begin != groups_[slot].end) slot = (slot + 1) & (groups_.size() - 1);
    groups_[slot] = group;
  }
}

}  // namespace fairlead::dataplane
