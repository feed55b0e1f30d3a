// Numbers and texts one behind the other, for the files in which the director keeps its state.
//
//   ByteWriter out;
//   out.U32(7);
//   out.Text("shop");
//   ByteReader in(out.Take());
//   const uint32_t number = in.U32();
//   if (!in.is_done()) …too short, too long, or a value that cannot be…
//
// Numbers have the order of this machine: the files never leave it. A reader that runs out of bytes
// gives zeroes from then on and says so in the end, so that who reads a record need not ask after
// each field. Threads: values. Invariant: a reader takes any bytes, and never more memory than they
// can fill.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ip_address.h"

namespace fairlead::control {

class ByteWriter {
 public:
  void U8(uint8_t value) { Raw(&value, sizeof value); }
  void U16(uint16_t value) { Raw(&value, sizeof value); }
  void U32(uint32_t value) { Raw(&value, sizeof value); }
  void U64(uint64_t value) { Raw(&value, sizeof value); }
  void Flag(bool value) { U8(value ? 1 : 0); }
  void Text(std::string_view text) {
    U32(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
  }
  void Address(const IpAddress& address) {
    U8(static_cast<uint8_t>(address.family()));
    Raw(address.bytes().data(), address.is_v4() ? 4 : 16);
  }
  [[nodiscard]] size_t size() const { return bytes_.size(); }
  std::string Take() { return std::move(bytes_); }

 private:
  void Raw(const void* from, size_t size) { bytes_.append(static_cast<const char*>(from), size); }

  std::string bytes_;
};

class ByteReader {
 public:
  // `bytes` outlive it.
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint8_t U8() { return Number<uint8_t>(); }
  uint16_t U16() { return Number<uint16_t>(); }
  uint32_t U32() { return Number<uint32_t>(); }
  uint64_t U64() { return Number<uint64_t>(); }
  bool Flag() { return Below(2) == 1; }
  // A number that counts or names something of which there are `end`.
  uint8_t Below(uint32_t end) {
    const uint8_t value = U8();
    if (value < end) return value;
    Fail();
    return 0;
  }
  // What was read cannot be.
  void Fail() { is_good_ = false; }
  std::string Text() {
    const size_t size = U32();
    if (size > rest_.size()) return Run<std::string>();
    const std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  IpAddress Address() {
    uint8_t bytes[16] = {};
    const uint8_t family = U8();
    const bool is_v4 = family == static_cast<uint8_t>(Family::kIpv4);
    if (!is_v4 && family != static_cast<uint8_t>(Family::kIpv6)) return Run<IpAddress>();
    Raw(bytes, is_v4 ? 4 : 16);
    return is_v4 ? IpAddress(Ipv4Address::Load(bytes)) : IpAddress(Ipv6Address::Load(bytes));
  }
  // How many records follow, of at least `least` bytes each; 0 when there is no room for so many.
  size_t Count(size_t least) {
    const size_t count = U32();
    return count <= rest_.size() / least ? count : Run<size_t>();
  }
  // All was there, all was right, and nothing is left.
  [[nodiscard]] bool is_done() const { return is_good_ && rest_.empty(); }
  [[nodiscard]] bool is_good() const { return is_good_; }

 private:
  template <typename T>
  T Run() {  // out of bytes
    is_good_ = false;
    rest_ = {};
    return T{};
  }
  void Raw(void* to, size_t size) {
    if (size > rest_.size()) return static_cast<void>(Run<int>());
    std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
  }
  template <typename T>
  T Number() {
    T value{};
    Raw(&value, sizeof value);
    return value;
  }

  std::string_view rest_;
  bool is_good_ = true;
};

}  // namespace fairlead::control
