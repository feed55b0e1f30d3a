// IPv4 and IPv6 addresses, prefixes, endpoints and MAC addresses as values.
//
//   auto a = IpAddress::Parse("192.0.2.1");           // std::optional
//   a->ToString();                                     // "192.0.2.1"
//   Prefix::Parse("10.0.0.0/8")->Contains(*a);         // false
//   Endpoint::Parse("[2001:db8::1]:80")->ToString();   // "[2001:db8::1]:80"
//
// Text forms: IPv4 dotted quad without leading zeros, IPv6 of RFC 4291 written as RFC 5952 says. No
// zone ids. Threads: plain values. Parse and ToString allocate or format: never on the packet path.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_order.h"

namespace fairlead {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

struct Ipv4Address {
  Be32 value;

  static constexpr Family kFamily = Family::kIpv4;
  static constexpr Ipv4Address FromHost(uint32_t host) { return {Be32::FromHost(host)}; }
  static Ipv4Address Load(const void* bytes) { return {Be32::Load(bytes)}; }
  void Store(void* bytes) const { value.Store(bytes); }
  // The address as one host-order number: what sh, dh and mh call `fold` (ipvs.md, sh and dh).
  [[nodiscard]] uint32_t Fold() const { return value.host(); }
  [[nodiscard]] bool is_unspecified() const { return value.is_zero(); }

  friend constexpr bool operator==(Ipv4Address, Ipv4Address) = default;
  friend constexpr auto operator<=>(Ipv4Address, Ipv4Address) = default;
};

struct Ipv6Address {
  std::array<uint8_t, 16> bytes{};

  static constexpr Family kFamily = Family::kIpv6;
  static Ipv6Address Load(const void* from) {
    Ipv6Address a;
    std::memcpy(a.bytes.data(), from, 16);
    return a;
  }
  void Store(void* to) const { std::memcpy(to, bytes.data(), 16); }
  // XOR of the four 32-bit words in host order (ipvs.md, sh and dh).
  [[nodiscard]] uint32_t Fold() const {
    uint32_t fold = 0;
    for (size_t i = 0; i < 16; i += 4) fold ^= Be32::Load(bytes.data() + i).host();
    return fold;
  }
  [[nodiscard]] bool is_unspecified() const { return *this == Ipv6Address{}; }
  [[nodiscard]] bool is_link_local() const { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }
  [[nodiscard]] bool is_multicast() const { return bytes[0] == 0xff; }

  friend bool operator==(const Ipv6Address& a, const Ipv6Address& b) {
    return std::memcmp(a.bytes.data(), b.bytes.data(), 16) == 0;
  }
  friend std::strong_ordering operator<=>(const Ipv6Address& a, const Ipv6Address& b) {
    return std::memcmp(a.bytes.data(), b.bytes.data(), 16) <=> 0;
  }
};

// Either family. IPv4 keeps its four bytes first, the rest zero, so equality is plain.
class IpAddress {
 public:
  IpAddress() = default;                                // 0.0.0.0
  IpAddress(Ipv4Address a) { a.Store(bytes_.data()); }  // NOLINT: a value of either family
  IpAddress(const Ipv6Address& a) : bytes_(a.bytes), family_(Family::kIpv6) {}  // NOLINT

  static std::optional<IpAddress> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == Family::kIpv4; }
  // Precondition of v4()/v6(): the family is that one.
  [[nodiscard]] Ipv4Address v4() const { return Ipv4Address::Load(bytes_.data()); }
  [[nodiscard]] Ipv6Address v6() const { return Ipv6Address::Load(bytes_.data()); }
  template <typename Address>
  [[nodiscard]] Address As() const {
    return Address::Load(bytes_.data());
  }
  [[nodiscard]] uint32_t Fold() const { return is_v4() ? v4().Fold() : v6().Fold(); }
  [[nodiscard]] const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] int bit_length() const { return is_v4() ? 32 : 128; }
  [[nodiscard]] bool is_unspecified() const { return bytes_ == std::array<uint8_t, 16>{}; }
  [[nodiscard]] bool is_multicast() const {
    return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
  }
  // fe80::/10 only: IPv4 link-local addresses are routed like any other here.
  [[nodiscard]] bool is_link_local() const {
    return !is_v4() && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
  }
  // The same address with all bits after the first `length` zero. Range 0…bit_length().
  [[nodiscard]] IpAddress Masked(int length) const;

  // Not defaulted: arrays compare by a call, two words each are enough.
  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return a.family_ == b.family_ && std::memcmp(a.bytes_.data(), b.bytes_.data(), 16) == 0;
  }
  // IPv4 before IPv6, then by number.
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b);

 private:
  std::array<uint8_t, 16> bytes_{};
  Family family_ = Family::kIpv4;
};

// An address and a length; keeps the address as written (an interface address keeps its host bits).
struct Prefix {
  IpAddress address;
  int length = 0;

  // "10.0.0.0/8"; a bare address is a host prefix.
  static std::optional<Prefix> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] IpAddress network() const { return address.Masked(length); }
  [[nodiscard]] bool Contains(const IpAddress& a) const {
    return a.family() == address.family() && a.Masked(length) == network();
  }
  friend bool operator==(const Prefix&, const Prefix&) = default;
};

struct Endpoint {
  IpAddress address;
  Be16 port;

  // "192.0.2.1:80" or "[2001:db8::1]:80"; the port is 0…65535.
  static std::optional<Endpoint> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  friend std::strong_ordering operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  static std::optional<MacAddress> Parse(std::string_view text);  // "02:00:00:00:00:01"
  [[nodiscard]] std::string ToString() const;
  static MacAddress Load(const void* from) {
    MacAddress m;
    std::memcpy(m.bytes.data(), from, 6);
    return m;
  }
  void Store(void* to) const { std::memcpy(to, bytes.data(), 6); }
  // The 48 bits as a number, first byte on the wire most significant.
  [[nodiscard]] uint64_t ToNumber() const {
    return uint64_t{Be32::Load(bytes.data()).host()} << 16 | Be16::Load(bytes.data() + 4).host();
  }
  static MacAddress FromNumber(uint64_t n) {
    MacAddress m;
    Be32::FromHost(static_cast<uint32_t>(n >> 16)).Store(m.bytes.data());
    Be16::FromHost(static_cast<uint16_t>(n)).Store(m.bytes.data() + 4);
    return m;
  }
  // The six bytes in the low end of a word, as a load of eight bytes has them; for comparing and
  // writing them in one piece. High 16 bits: zero here, ignored by FromWord.
  [[nodiscard]] uint64_t ToWord() const {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 6);
    return word;
  }
  static MacAddress FromWord(uint64_t word) { return Load(&word); }
  friend bool operator==(const MacAddress&, const MacAddress&) = default;
};
static_assert(std::endian::native == std::endian::little, "words of MAC addresses");

inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

}  // namespace fairlead

template <>
struct std::hash<fairlead::IpAddress> {
  size_t operator()(const fairlead::IpAddress& a) const noexcept {
    uint64_t hi, lo;
    std::memcpy(&hi, a.bytes().data(), 8);
    std::memcpy(&lo, a.bytes().data() + 8, 8);
    return (hi * 0x9e3779b97f4a7c15u) ^ (lo * 0xc2b2ae3d27d4eb4fu) ^
           static_cast<size_t>(a.family());
  }
};

template <>
struct std::hash<fairlead::Endpoint> {
  size_t operator()(const fairlead::Endpoint& e) const noexcept {
    return std::hash<fairlead::IpAddress>{}(e.address) * 31 + e.port.raw();
  }
};
