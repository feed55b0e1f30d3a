#include "kernel/route_table.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <optional>

#include "kernel/addressing.h"
#include "kernel/attributes.h"

namespace fairlead::kernel {
namespace {

// None: nothing that can be followed, as a gateway of the other IP version.
std::optional<IpAddress> GatewayIn(const RouteAttributes& read, unsigned char family) {
  if (read.other_via != nullptr) return std::nullopt;
  if (read.via == nullptr) return AnyOf(family);
  if (!IsAddress(read.via, family)) return std::nullopt;
  return AddressIn(read.via);
}

// Calls visit(interface, gateway) for each next hop of RTA_MULTIPATH that is not dead.
template <typename Visit>
void ForEachNextHop(const nlattr* multipath, unsigned char family, Visit visit) {
  const auto* at = static_cast<const char*>(mnl_attr_get_payload(multipath));
  size_t left = mnl_attr_get_payload_len(multipath);
  while (left >= sizeof(rtnexthop)) {
    const auto* hop = reinterpret_cast<const rtnexthop*>(at);
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > left) return;
    RouteAttributes read;
    const size_t length = hop->rtnh_len - sizeof(rtnexthop);
    if (mnl_attr_parse_payload(at + sizeof(rtnexthop), length, ReadRouteAttribute, &read) < 0)
      return;
    const std::optional<IpAddress> via = GatewayIn(read, family);
    if (via && (hop->rtnh_flags & RTNH_F_DEAD) == 0) {
      visit(static_cast<unsigned>(hop->rtnh_ifindex), *via);
    }
    const size_t step = std::min<size_t>(RTNH_ALIGN(hop->rtnh_len), left);
    at += step;
    left -= step;
  }
}

bool IsFollowed(const rtmsg& header) {
  return (header.rtm_family == AF_INET || header.rtm_family == AF_INET6) &&
         header.rtm_type == RTN_UNICAST && header.rtm_protocol != kOurProtocol &&
         header.rtm_protocol != RTPROT_KERNEL && header.rtm_protocol != RTPROT_REDIRECT &&
         header.rtm_tos == 0 && header.rtm_src_len == 0 && (header.rtm_flags & RTM_F_CLONED) == 0;
}

}  // namespace

bool RouteTable::Read(const nlmsghdr& message, Key* key, std::vector<Hop>* hops) const {
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(rtmsg))) return false;
  const auto& header = *static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
  if (!IsFollowed(header)) return false;
  const unsigned char family = header.rtm_family;
  RouteAttributes read{.table = header.rtm_table};
  if (mnl_attr_parse(&message, sizeof(rtmsg), ReadRouteAttribute, &read) < 0) return false;
  if (read.table != RT_TABLE_MAIN || (read.to != nullptr && !IsAddress(read.to, family))) {
    return false;
  }
  const IpAddress to = read.to == nullptr ? AnyOf(family) : AddressIn(read.to);
  if (header.rtm_dst_len > to.bit_length() || to.is_multicast()) return false;
  *key = {to.Masked(header.rtm_dst_len), header.rtm_dst_len, read.metric};
  const auto add = [&](unsigned interface, const IpAddress& via) {
    const bool is_ours = std::ranges::find(interfaces_, interface) != interfaces_.end();
    if (is_ours && hops->size() < kMostHops) hops->push_back({interface, via});
  };
  if (read.multipath != nullptr) {
    ForEachNextHop(read.multipath, family, add);
  } else if (const std::optional<IpAddress> via = GatewayIn(read, family)) {
    add(read.interface, *via);
  }
  return true;
}

void RouteTable::Apply(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWROUTE && message.nlmsg_type != RTM_DELROUTE) return;
  Key key;
  std::vector<Hop> hops;
  if (!Read(message, &key, &hops)) return;
  if (message.nlmsg_type == RTM_DELROUTE) return Remove(key, hops);
  Add(key, std::move(hops), message.nlmsg_flags);
}

void RouteTable::Add(const Key& key, std::vector<Hop> hops, uint16_t flags) {
  const auto found = known_.find(key);
  if (found == known_.end()) {
    if (hops.empty()) return;
    if (known_.size() >= most_) {
      if (refused_++ == 0) ++revision_;
      return;
    }
    ++revision_;
    known_.emplace(key, Known{std::move(hops), list_});
    return;
  }
  Known& known = found->second;
  const bool is_listed = (flags & NLM_F_MULTI) != 0;
  // The first of a list is the one that the kernel uses; news since it began is newer still.
  if (is_listed && known.list == list_) return;
  known.list = list_;
  if (known.hops == hops) return;
  // Of IPv6 all next hops are told each time that one is added.
  const bool is_complete = !std::get<0>(key).is_v4() && hops.size() > 1;
  const bool is_other = !is_listed && (flags & NLM_F_REPLACE) == 0 && !is_complete;
  if (is_other) {
    is_doubtful_ = true;
    return;
  }
  ++revision_;
  if (hops.empty()) {
    known_.erase(found);
  } else {
    known.hops = std::move(hops);
  }
}

// IPv6 tells of one next hop of several that goes by itself.
void RouteTable::Remove(const Key& key, const std::vector<Hop>& hops) {
  const auto found = known_.find(key);
  if (found == known_.end() || hops.empty()) return;
  std::vector<Hop>& left = found->second.hops;
  const size_t removed = std::erase_if(
      left, [&hops](const Hop& hop) { return std::ranges::find(hops, hop) != hops.end(); });
  if (removed != hops.size() || !left.empty()) is_doubtful_ = true;
  if (removed > 0) ++revision_;
  if (left.empty()) known_.erase(found);
  // There is room for some that were refused.
  if (refused_ > 0 && known_.size() < most_ - most_ / 10) is_doubtful_ = true;
}

void RouteTable::BeginList() {
  ++list_;
  refused_before_ = std::exchange(refused_, 0);
  is_doubtful_ = false;
}

void RouteTable::EndList() {
  if (refused_ != refused_before_) ++revision_;
  revision_ += std::erase_if(known_, [this](const auto& each) { return each.second.list < list_; });
}

std::vector<RouteTable::Entry> RouteTable::entries() const {
  std::vector<Entry> entries;
  entries.reserve(known_.size());
  for (const auto& [key, known] : known_) {
    const auto& [network, length, metric] = key;
    entries.push_back({{network, length}, metric, known.hops});
  }
  return entries;
}

}  // namespace fairlead::kernel
