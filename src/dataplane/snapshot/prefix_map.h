// Longest prefix match over immutable sets of prefixes: routes, and the named prefix sets of the
// classifier.
//
//   auto map = PrefixMap<RouteView>::Build({{*Prefix::Parse("0.0.0.0/0"), gateway}, …});
//   if (const RouteView* route = map.Find(address)) …
//
// The prefixes of a family are flattened into disjoint ranges in rising order, each with the value
// of its longest prefix; where there are many, a table over the first 16 bits (256 KiB) narrows the
// search to the few ranges that share them. 100,000 prefixes cost about 12 bytes each for IPv4 and
// a look-up of one table load and a short binary search. Threads: immutable after Build. Build
// allocates; Find does not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/ip_address.h"

namespace fairlead::dataplane {

// Ranges of one family. A range starts at starts_[i] and ends before starts_[i + 1]; values_[i] < 0
// means none.
template <typename Address>
class PrefixRanges {
 public:
  struct Item {
    Address network;
    int length;
    int32_t value;
  };

  void Build(std::vector<Item> items);
  // The value of the longest prefix that holds `a`, or -1.
  [[nodiscard]] int32_t Find(const Address& a) const noexcept {
    if (starts_.empty()) return -1;
    auto begin = starts_.begin(), end = starts_.end();
    if (!buckets_.empty()) {
      const uint32_t first = First16(a);
      end = begin + buckets_[first + 1];
      begin += buckets_[first];
    }
    // The range that holds `a` is the last that starts at or before it; it may start in an earlier
    // bucket.
    const auto after = std::upper_bound(begin, end, a);
    if (after == starts_.begin()) return -1;
    return values_[static_cast<size_t>(after - starts_.begin()) - 1];
  }
  [[nodiscard]] size_t bytes() const {
    return starts_.size() * (sizeof(Address) + sizeof(int32_t)) +
           buckets_.size() * sizeof(uint32_t);
  }

 private:
  static constexpr size_t kSearched = 1024;  // up to this many ranges a table is not worth its size

  static uint32_t First16(const Address& a) noexcept {
    uint8_t head[sizeof(Address)];
    a.Store(head);
    return static_cast<uint32_t>(head[0]) << 8 | head[1];
  }

  std::vector<Address> starts_;
  std::vector<int32_t> values_;
  // [h]: first range that starts in a block whose first 16 bits are ≥ h; empty when they are few.
  std::vector<uint32_t> buckets_;
};

extern template class PrefixRanges<Ipv4Address>;
extern template class PrefixRanges<Ipv6Address>;

template <typename Value>
class PrefixMap {
 public:
  using Entry = std::pair<Prefix, Value>;

  PrefixMap() = default;
  // Host bits of a prefix are ignored. Of equal prefixes the last one counts.
  static PrefixMap Build(const std::vector<Entry>& entries) {
    PrefixMap map;
    std::vector<PrefixRanges<Ipv4Address>::Item> v4;
    std::vector<PrefixRanges<Ipv6Address>::Item> v6;
    for (const auto& [prefix, value] : entries) {
      const auto index = static_cast<int32_t>(map.values_.size());
      const IpAddress network = prefix.network();
      if (network.is_v4()) {
        v4.push_back({network.v4(), prefix.length, index});
      } else {
        v6.push_back({network.v6(), prefix.length, index});
      }
      map.values_.push_back(value);
    }
    map.v4_.Build(std::move(v4));
    map.v6_.Build(std::move(v6));
    return map;
  }

  [[nodiscard]] const Value* Find(const IpAddress& a) const noexcept {
    return a.is_v4() ? Find(a.v4()) : Find(a.v6());
  }
  [[nodiscard]] const Value* Find(Ipv4Address a) const noexcept { return At(v4_.Find(a)); }
  [[nodiscard]] const Value* Find(const Ipv6Address& a) const noexcept { return At(v6_.Find(a)); }
  [[nodiscard]] size_t size() const { return values_.size(); }
  [[nodiscard]] size_t bytes() const {
    return v4_.bytes() + v6_.bytes() + values_.size() * sizeof(Value);
  }

 private:
  const Value* At(int32_t index) const noexcept {
    return index < 0 ? nullptr : &values_[static_cast<size_t>(index)];
  }

  std::vector<Value> values_;
  PrefixRanges<Ipv4Address> v4_;
  PrefixRanges<Ipv6Address> v6_;
};

}  // namespace fairlead::dataplane
