// A set of addresses that says no quickly: most packets come from addresses that are not in it.
//
//   filter.Clear();
//   for (const IpAddress& own : …) filter.Add(own);     // once a snapshot
//   if (!filter.MayContain(source)) [[likely]] …        // certainly not in the set
//
// 4,096 bits, one for each address by a cheap hash; with some hundred addresses one stranger in ten
// is looked up all the same, with many thousand all are. One that was never built says maybe to
// everything. Threads: a value, written before its snapshot is published.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "base/ip_address.h"

namespace fairlead::dataplane {

class AddressFilter {
 public:
  AddressFilter() { words_.fill(~uint64_t{0}); }

  void Clear() noexcept { words_.fill(0); }
  void Add(const IpAddress& address) noexcept {
    const uint32_t bit = BitOf(address);
    words_[bit / 64] |= uint64_t{1} << bit % 64;
  }
  // False: the address was not added since Clear.
  [[nodiscard]] bool MayContain(const IpAddress& address) const noexcept {
    return Has(BitOf(address));
  }
  [[nodiscard]] bool MayContain(Ipv4Address address) const noexcept {
    return Has(BitOf(address.value.raw()));
  }

 private:
  static constexpr uint32_t kLogBits = 12;

  static uint32_t BitOf(const IpAddress& address) noexcept {
    uint64_t high, low;
    std::memcpy(&high, address.bytes().data(), sizeof high);
    std::memcpy(&low, address.bytes().data() + sizeof high, sizeof low);
    return BitOf(high ^ low);
  }
  static uint32_t BitOf(uint64_t word) noexcept {
    return static_cast<uint32_t>(word * uint64_t{0x9e3779b97f4a7c15} >> (64 - kLogBits));
  }
  [[nodiscard]] bool Has(uint32_t bit) const noexcept {
    return (words_[bit / 64] >> bit % 64 & 1) != 0;
  }

  std::array<uint64_t, (1u << kLogBits) / 64> words_;
};

}  // namespace fairlead::dataplane
