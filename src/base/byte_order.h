// Integers in network byte order, as types of their own.
//
//   Be16 port = Be16::FromHost(80);
//   uint16_t host = port.host();
//   header->port = port;            // copied as it goes on the wire
//
// A Be16 never converts to an integer by itself, so a forgotten swap does not compile.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>

namespace fairlead {

constexpr uint16_t ByteSwap(uint16_t v) { return __builtin_bswap16(v); }
constexpr uint32_t ByteSwap(uint32_t v) { return __builtin_bswap32(v); }
constexpr uint64_t ByteSwap(uint64_t v) { return __builtin_bswap64(v); }

template <typename Int>
class BigEndian {
 public:
  constexpr BigEndian() = default;

  static constexpr BigEndian FromHost(Int host) { return BigEndian(Swap(host)); }
  // `raw` is the integer whose bytes in memory are already in network order.
  static constexpr BigEndian FromRaw(Int raw) { return BigEndian(raw); }
  static BigEndian Load(const void* bytes) {
    BigEndian v;
    std::memcpy(&v.raw_, bytes, sizeof(Int));
    return v;
  }

  void Store(void* bytes) const { std::memcpy(bytes, &raw_, sizeof(Int)); }
  [[nodiscard]] constexpr Int host() const { return Swap(raw_); }
  [[nodiscard]] constexpr Int raw() const { return raw_; }
  [[nodiscard]] constexpr bool is_zero() const { return raw_ == 0; }

  friend constexpr bool operator==(BigEndian, BigEndian) = default;
  // Orders by numeric value, as a person reads it, not by bytes in memory.
  friend constexpr std::strong_ordering operator<=>(BigEndian a, BigEndian b) {
    return a.host() <=> b.host();
  }

 private:
  explicit constexpr BigEndian(Int raw) : raw_(raw) {}
  static constexpr Int Swap(Int v) {
    if constexpr (std::endian::native == std::endian::little) return ByteSwap(v);
    return v;
  }

  Int raw_ = 0;
};

using Be16 = BigEndian<uint16_t>;
using Be32 = BigEndian<uint32_t>;
using Be64 = BigEndian<uint64_t>;

static_assert(sizeof(Be16) == 2 && sizeof(Be32) == 4 && sizeof(Be64) == 8);

}  // namespace fairlead
