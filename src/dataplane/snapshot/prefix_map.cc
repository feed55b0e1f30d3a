#include "dataplane/snapshot/prefix_map.h"

namespace fairlead::dataplane {
namespace {

// The first address after the prefix; false when the prefix ends at the top of the address space.
template <typename Address>
bool After(const Address& network, int length, Address* after) {
  uint8_t bytes[sizeof(Address)];
  network.Store(bytes);
  if (length == 0) return false;
  for (int i = (length - 1) / 8; i >= 0; --i) {
    const auto step = static_cast<uint8_t>(i == (length - 1) / 8 ? 0x80 >> ((length - 1) % 8) : 1);
    const int sum = bytes[i] + step;
    bytes[i] = static_cast<uint8_t>(sum);
    if (sum <= 0xff) {
      *after = Address::Load(bytes);
      return true;
    }
  }
  return false;
}

}  // namespace

// Prefixes nest or are disjoint, so walking them by {network, length} with a stack of open ones
// yields the ranges in order: a prefix opens a range; where it ends, the prefix around it goes on.
template <typename Address>
void PrefixRanges<Address>::Build(std::vector<Item> items) {
  starts_.clear();
  values_.clear();
  buckets_.clear();
  if (items.empty()) return;
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.network != b.network ? a.network < b.network : a.length < b.length;
  });

  const auto open_range = [&](const Address& start, int32_t value) {
    if (!starts_.empty() && starts_.back() == start) {
      values_.back() = value;  // the longer prefix begins where the shorter does
    } else {
      starts_.push_back(start);
      values_.push_back(value);
    }
  };
  std::vector<Item> open;
  const auto close_until = [&](const Address* limit) {
    while (!open.empty()) {
      Address after{};
      const bool ends = After(open.back().network, open.back().length, &after);
      if (limit != nullptr && (!ends || *limit < after)) return;
      open.pop_back();
      if (ends) open_range(after, open.empty() ? -1 : open.back().value);
    }
  };
  for (const Item& item : items) {
    close_until(&item.network);
    open_range(item.network, item.value);
    open.push_back(item);
  }
  close_until(nullptr);

  if (starts_.size() <= kSearched) return;
  buckets_.assign(65537, static_cast<uint32_t>(starts_.size()));
  for (size_t i = starts_.size(); i-- > 0;)
    buckets_[First16(starts_[i])] = static_cast<uint32_t>(i);
  for (size_t h = 65536; h-- > 0;) buckets_[h] = std::min(buckets_[h], buckets_[h + 1]);
}

template class PrefixRanges<Ipv4Address>;
template class PrefixRanges<Ipv6Address>;

}  // namespace fairlead::dataplane
