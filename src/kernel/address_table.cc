#include "kernel/address_table.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "base/loopback.h"
#include "kernel/attributes.h"

namespace fairlead::kernel {
void AddressTable::Apply(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWADDR && message.nlmsg_type != RTM_DELADDR) return;
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(ifaddrmsg))) return;
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
  if (std::ranges::find(interfaces_, header->ifa_index) == interfaces_.end()) return;
  if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6) return;
  AddressAttributes read{.flags = header->ifa_flags};
  if (mnl_attr_parse(&message, sizeof(ifaddrmsg), ReadAddressAttribute, &read) < 0) return;
  const nlattr* own = read.own();
  if (own == nullptr || !IsAddress(own, header->ifa_family)) return;
  const IpAddress address = AddressIn(own);
  if (address.is_unspecified() || address.is_multicast() || IsLoopback(address)) return;
  if (header->ifa_prefixlen > address.bit_length()) return;
  const Key key{header->ifa_index, address, header->ifa_prefixlen};
  const bool is_unusable = (read.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0;
  if (message.nlmsg_type == RTM_DELADDR || is_unusable) return Remove(key);
  const bool has_peer = read.local != nullptr && read.address != nullptr &&
                        IsAddress(read.address, header->ifa_family) &&
                        !(AddressIn(read.address) == address);
  const bool is_alone = has_peer || (read.flags & IFA_F_NOPREFIXROUTE) != 0;
  Set(key, is_alone ? address.bit_length() : header->ifa_prefixlen);
}

void AddressTable::BeginList() { ++list_; }

void AddressTable::EndList() {
  revision_ += std::erase_if(known_, [this](const auto& each) { return each.second.list < list_; });
}

std::vector<AddressTable::Entry> AddressTable::entries() const {
  std::vector<Entry> entries;
  entries.reserve(known_.size());
  for (const auto& [key, known] : known_) {
    entries.push_back({std::get<0>(key), {std::get<1>(key), known.length}, known.arrival});
  }
  return entries;
}

void AddressTable::Set(const Key& key, int length) {
  const auto found = known_.find(key);
  if (found != known_.end()) {
    found->second.list = list_;
    if (found->second.length != length) ++revision_;
    found->second.length = length;
    return;
  }
  if (known_.size() >= kMost) {
    if (refused_++ == 0) ++revision_;
    return;
  }
  ++revision_;
  known_.emplace(key, Known{.length = length, .arrival = revision_, .list = list_});
}

void AddressTable::Remove(const Key& key) { revision_ += known_.erase(key); }

}  // namespace fairlead::kernel
