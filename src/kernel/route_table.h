// Routes of the main table that lead out of some interfaces, as the kernel's messages tell of them.
//
//   RouteTable table({3, 4}, 20000);         // indexes of the interfaces; at most so many
//   table.Apply(message);                    // RTM_NEWROUTE, RTM_DELROUTE; anything else is
//   nothing table.BeginList(); …Apply…; table.EndList();   // what a whole list did not name is
//   gone for (const RouteTable::Entry& entry : table.entries()) …
//
// Left out: what the director itself has put there, connected networks (protocol kernel), routes
// that are not unicast, and those for one type of service or one source. Of several next hops those
// out of other interfaces.
//
// A route has its network and metric for a name. What the kernel tells of two routes with one name
// (`ip route append`) cannot be followed message by message: is_doubtful() then asks for a list.
//
// Pure: bytes in, values out. Threads: one. Invariant: at most `most` entries; what is more is
// counted in refused(), and taken in by the next list that has room for it.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ip_address.h"

struct nlmsghdr;

namespace fairlead::kernel {

class RouteTable {
 public:
  static constexpr size_t kMostHops = 64;  // of one route

  struct Hop {
    unsigned interface = 0;
    IpAddress via;  // unspecified: on link
    friend bool operator==(const Hop&, const Hop&) = default;
  };
  struct Entry {
    Prefix to;
    uint32_t metric = 0;
    std::vector<Hop> hops;  // in the kernel's order
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  RouteTable(std::vector<unsigned> interfaces, size_t most)
      : interfaces_(std::move(interfaces)), most_(most) {}

  void Apply(const nlmsghdr& message);
  void BeginList();
  void EndList();

  // By network, then by metric.
  [[nodiscard]] std::vector<Entry> entries() const;
  [[nodiscard]] size_t size() const { return known_.size(); }
  // Rises with each change of the entries, and when it begins to refuse or a list has refused
  // others.
  [[nodiscard]] uint64_t revision() const { return revision_; }
  // Routes that found no room since the last list began.
  [[nodiscard]] uint64_t refused() const { return refused_; }
  // True: a list is needed to know what is there. Until the next one begins.
  [[nodiscard]] bool is_doubtful() const { return is_doubtful_; }
  void set_most(size_t most) { most_ = most; }

 private:
  using Key = std::tuple<IpAddress, int, uint32_t>;  // network, length, metric
  struct Known {
    std::vector<Hop> hops;
    uint64_t list = 0;  // the last one that named it
  };

  bool Read(const nlmsghdr& message, Key* key, std::vector<Hop>* hops) const;
  void Add(const Key& key, std::vector<Hop> hops, uint16_t flags);
  void Remove(const Key& key, const std::vector<Hop>& hops);

  const std::vector<unsigned> interfaces_;
  size_t most_;
  std::map<Key, Known> known_;
  uint64_t list_ = 0;
  uint64_t revision_ = 0;
  uint64_t refused_ = 0;
  uint64_t refused_before_ = 0;  // the last list
  bool is_doubtful_ = false;
};

}  // namespace fairlead::kernel
