// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
//
//   ChecksumDelta d;
//   d.Replace(old_ip.value, new_ip.value);           // any Be16/Be32/address pair
//   d.Replace(old_port, new_port);
//   header->checksum = d.Apply(header->checksum);
//
// Sums are kept in memory order: ones-complement addition does not care (RFC 1071 section 2 (B)).
// Threads: values, no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/byte_order.h"
#include "base/ip_address.h"

namespace fairlead {

constexpr uint16_t FoldChecksum(uint64_t sum) {
  // 64 bits to 33, to 18, to 17, to 16.
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// The unfolded ones-complement sum of `length` bytes added to `sum`. Not yet complemented.
inline uint64_t ChecksumAdd(const void* data, size_t length, uint64_t sum = 0) {
  const auto* p = static_cast<const uint8_t*>(data);
  for (; length >= 4; length -= 4, p += 4) {
    uint32_t word;
    std::memcpy(&word, p, 4);
    sum += word;
  }
  if (length >= 2) {
    uint16_t half;
    std::memcpy(&half, p, 2);
    sum += half;
    p += 2;
    length -= 2;
  }
  if (length == 1) {
    uint16_t half = 0;
    std::memcpy(&half, p, 1);
    sum += half;
  }
  return sum;
}

inline Be16 FinishChecksum(uint64_t sum) {
  return Be16::FromRaw(static_cast<uint16_t>(~FoldChecksum(sum)));
}

// The checksum of a header whose own checksum field holds zero.
inline Be16 Checksum(const void* data, size_t length, uint64_t sum = 0) {
  return FinishChecksum(ChecksumAdd(data, length, sum));
}

// The same over exactly 20 bytes, an IPv4 header without options: three loads.
inline Be16 HeaderSum20(const void* header) {
  uint64_t a, b;
  uint32_t c;
  std::memcpy(&a, header, 8);
  std::memcpy(&b, static_cast<const uint8_t*>(header) + 8, 8);
  std::memcpy(&c, static_cast<const uint8_t*>(header) + 16, 4);
  // Halves of 32 bits: five of them do not overflow.
  return FinishChecksum((a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) + c);
}

// Pseudo header of TCP, UDP and ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1). `length` of
// the L4 part, bytes.
template <typename Address>
uint64_t PseudoHeaderSum(const Address& source, const Address& destination, uint8_t protocol,
                         uint32_t length) {
  uint64_t sum = ChecksumAdd(&source, sizeof source);
  sum = ChecksumAdd(&destination, sizeof destination, sum);
  return sum + Be32::FromHost(length).raw() + Be32::FromHost(protocol).raw();
}

// HC' = ~(~HC + ~m + m'), gathered over any number of replaced fields (RFC 1624 equation 3).
class ChecksumDelta {
 public:
  void Replace(Be16 from, Be16 to) {
    sum_ += static_cast<uint16_t>(~from.raw());
    sum_ += to.raw();
  }
  void Replace(Be32 from, Be32 to) {
    sum_ += static_cast<uint32_t>(~from.raw());
    sum_ += to.raw();
  }
  void Replace(Ipv4Address from, Ipv4Address to) { Replace(from.value, to.value); }
  void Replace(const Ipv6Address& from, const Ipv6Address& to) {
    for (size_t i = 0; i < 16; i += 4) {
      Replace(Be32::Load(from.bytes.data() + i), Be32::Load(to.bytes.data() + i));
    }
  }

  [[nodiscard]] Be16 Apply(Be16 checksum) const {
    return Be16::FromRaw(
        static_cast<uint16_t>(~FoldChecksum(sum_ + static_cast<uint16_t>(~checksum.raw()))));
  }

 private:
  uint64_t sum_ = 0;
};

}  // namespace fairlead
