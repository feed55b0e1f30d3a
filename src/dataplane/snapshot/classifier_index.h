// Which rules of a classifier a packet could match, without asking all of them: tuple space search
// (Srinivasan, Suri, Varghese, SIGCOMM 1999).
//
//   const auto index = ClassifierIndex::Build(rules, prefixes_of_set);
//   const int32_t rule = index.First(fields, [&](uint32_t number) { return …rules[number] matches…;
//   });
//
// A rule is filed under keys made of what it asks for exactly: whole bytes of the source and of the
// destination prefix, the protocol, the destination port. Rules that ask for the same parts form a
// tuple, and a packet is looked up once in each tuple, by the hash of those parts of it. What a key
// leaves out (big sets, wide port ranges, source ports, input port) is asked of the rules found, so
// a key may be coarse and hashes may collide: a key never decides.
//
// The lowest number wins, as in a pass over all rules: the rules of a key stand in order, and
// tuples in the order of their lowest rule, so the search ends once no lower one can come. Tuples
// of few rules are joined to the one that asks for nothing, which is a list.
//
// Cost: a hash a tuple (at most a few dozen in practice; whole bytes keep them few), and the rules
// that share the packet's key. Threads: immutable after Build; First allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <vector>

#include "base/hash.h"
#include "dataplane/snapshot/classifier_rule.h"

namespace fairlead::dataplane {

class ClassifierIndex {
 public:
  // A rule is filed under at most this many keys; parts with more values are left out of its keys.
  static constexpr size_t kKeysPerRule = 16;
  static constexpr size_t kFewRules = 4;  // in a tuple

  // The prefixes of a set, or null when there are more than kKeysPerRule.
  using PrefixesOf = std::function<const std::vector<Prefix>*(int set)>;
  static ClassifierIndex Build(const std::vector<ClassifierRule>& rules,
                               const PrefixesOf& prefixes_of);

  // The lowest rule for which `matches(number)` holds, or -1. Asks it of candidates only.
  template <typename Matches>
  [[nodiscard]] int32_t First(const ClassifierFields& fields, Matches&& matches) const noexcept {
    uint32_t best = kNoRule;
    for (const Tuple& tuple : tuples_) {
      if (tuple.lowest_rule >= best) break;
      const Group* group = Find(tuple.HashOf(fields));
      if (group == nullptr) continue;
      for (uint32_t i = group->begin; i < group->end && candidates_[i] < best; ++i) {
        if (matches(candidates_[i])) best = candidates_[i];
      }
    }
    return best == kNoRule ? -1 : static_cast<int32_t>(best);
  }

  [[nodiscard]] size_t tuple_count() const noexcept { return tuples_.size(); }

 private:
  static constexpr uint32_t kNoRule = 0x7fff'ffff;

  using Words = std::array<uint64_t, 2>;  // an address
  static Words WordsOf(const IpAddress& address) noexcept {
    Words words;
    std::memcpy(words.data(), address.bytes().data(), sizeof words);
    return words;
  }

  // Which parts of a packet make the key. A part that is left out has mask 0; the family counts
  // with each address that has a prefix, so that 0.0.0.0/0 and ::/0 differ.
  struct Tuple {
    Words source_mask{}, destination_mask{};
    uint64_t tail_mask = 0;  // {source family, destination family, protocol, destination port}
    uint32_t lowest_rule = kNoRule;

    friend bool operator<(const Tuple& a, const Tuple& b) {
      return std::tie(a.source_mask, a.destination_mask, a.tail_mask) <
             std::tie(b.source_mask, b.destination_mask, b.tail_mask);
    }
    [[nodiscard]] uint64_t HashOf(const ClassifierFields& fields) const noexcept;
  };
  struct Part;
  struct Entry;

  // The rules of a key are candidates_[begin…end). Empty: begin == end.
  struct Group {
    uint64_t hash = 0;
    uint32_t begin = 0, end = 0;
  };
  [[nodiscard]] const Group* Find(uint64_t hash) const noexcept {
    for (size_t slot = hash & (groups_.size() - 1);; slot = (slot + 1) & (groups_.size() - 1)) {
      const Group& group = groups_[slot];
      if (group.begin == group.end) return nullptr;
      if (group.hash == hash) return &group;
    }
  }
  static std::vector<Part> PartsOf(int set, const PrefixesOf& prefixes_of);
  void File(std::vector<Entry> entries);

  std::vector<Tuple> tuples_;         // by lowest rule
  std::vector<Group> groups_;         // open addressing, a power of two, at least half empty
  std::vector<uint32_t> candidates_;  // rule numbers, rising in each group
};

inline uint64_t ClassifierIndex::Tuple::HashOf(const ClassifierFields& fields) const noexcept {
  constexpr uint64_t kSalt[4] = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u,
                                 0xd6e8feb86659fd93u};
  const Words source = WordsOf(fields.source), destination = WordsOf(fields.destination);
  const uint64_t tail = static_cast<uint64_t>(fields.source.family()) << 40 |
                        static_cast<uint64_t>(fields.destination.family()) << 32 |
                        static_cast<uint64_t>(fields.protocol) << 16 | fields.destination_port;
  const uint64_t from = MixMultiply((source[0] & source_mask[0]) ^ kSalt[0],
                                    (source[1] & source_mask[1]) ^ kSalt[1] ^ source_mask[0]);
  const uint64_t to =
      MixMultiply((destination[0] & destination_mask[0]) ^ kSalt[2],
                  (destination[1] & destination_mask[1]) ^ kSalt[3] ^ destination_mask[0]);
  return MixMultiply(from ^ (tail & tail_mask) ^ kSalt[2], to ^ tail_mask ^ kSalt[0]);
}

}  // namespace fairlead::dataplane
