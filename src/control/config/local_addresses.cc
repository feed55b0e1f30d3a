#include "control/config/local_addresses.h"

#include <algorithm>
#include <functional>

#include "control/config/find_set.h"

namespace fairlead::control {
namespace {

IpAddress Next(const IpAddress& address) {
  std::array<uint8_t, 16> bytes = address.bytes();
  for (int i = address.bit_length() / 8 - 1; i >= 0; --i) {
    if (++bytes[static_cast<size_t>(i)] != 0) break;
  }
  if (address.is_v4()) return Ipv4Address::Load(bytes.data());
  return Ipv6Address::Load(bytes.data());
}

void Append(const Prefix& prefix, std::vector<IpAddress>* all) {
  const int bits = prefix.address.bit_length() - prefix.length;
  const size_t count = bits > 8 ? kMaxLocalAddresses + 1 : size_t{1} << bits;
  IpAddress address = prefix.network();
  for (size_t i = 0; i < count; ++i, address = Next(address)) all->push_back(address);
}

}  // namespace

std::vector<IpAddress> ExpandLocalAddresses(const std::vector<PrefixSet>& sets,
                                            const LocalAddresses& addresses) {
  std::vector<IpAddress> all;
  const auto add = [&all](const auto& prefixes) {
    for (const Prefix& prefix : prefixes) {
      if (all.size() > 2 * kMaxLocalAddresses) return;  // some may be there twice
      Append(prefix, &all);
    }
  };
  add(addresses.prefixes);
  for (const std::string& name : addresses.sets) {
    if (const PrefixSet* const set = FindPrefixSet(sets, name)) add(set->prefixes);
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

size_t LocalAddressesHash::operator()(const LocalAddresses& addresses) const noexcept {
  size_t hash = 0;
  const auto add = [&hash](size_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15u; };
  for (const std::string& name : addresses.sets) add(std::hash<std::string>{}(name));
  for (const Prefix& prefix : addresses.prefixes) {
    add(std::hash<IpAddress>{}(prefix.address) + static_cast<size_t>(prefix.length));
  }
  return hash ^ hash >> 32;
}

}  // namespace fairlead::control
