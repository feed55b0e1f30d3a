// The addresses of some interfaces, as the kernel's messages tell of them.
//
//   AddressTable table({3, 4});              // indexes of the interfaces
//   table.Apply(message);                    // RTM_NEWADDR, RTM_DELADDR; anything else is nothing
//   table.BeginList(); …Apply…; table.EndList();   // what a whole list did not name is gone
//   for (const AddressTable::Entry& entry : table.entries()) …
//
// An IPv6 address that is still being checked for duplicates (tentative), or has failed the check,
// is none: nobody may answer for it. With a peer, or without a route to its network
// (noprefixroute), an address is taken for itself alone, so its length is that of a host.
//
// Pure: bytes in, values out. Threads: one. Invariant: at most kMost entries; what is more is
// counted in refused().
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "base/ip_address.h"

struct nlmsghdr;

namespace fairlead::kernel {

class AddressTable {
 public:
  static constexpr size_t kMost = 32768;

  struct Entry {
    unsigned interface = 0;
    Prefix prefix;         // host bits are the address
    uint64_t arrival = 0;  // another number each time that the address comes
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  explicit AddressTable(std::vector<unsigned> interfaces) : interfaces_(std::move(interfaces)) {}

  void Apply(const nlmsghdr& message);
  // Between the two comes a complete list, and news may come as well.
  void BeginList();
  void EndList();

  // By interface, then by address.
  [[nodiscard]] std::vector<Entry> entries() const;
  // Rises with each change of the entries, and when it begins to refuse.
  [[nodiscard]] uint64_t revision() const { return revision_; }
  // How often an address found no room.
  [[nodiscard]] uint64_t refused() const { return refused_; }

 private:
  // The kernel tells IPv4 addresses apart by the length of their prefix, too.
  using Key = std::tuple<unsigned, IpAddress, int>;
  struct Known {
    int length = 0;
    uint64_t arrival = 0;
    uint64_t list = 0;  // the last one that named it
  };

  void Set(const Key& key, int length);
  void Remove(const Key& key);

  const std::vector<unsigned> interfaces_;
  std::map<Key, Known> known_;
  uint64_t list_ = 0;
  uint64_t revision_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace fairlead::kernel
