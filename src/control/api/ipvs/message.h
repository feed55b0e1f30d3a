// Netlink messages out of a record, and their attributes, as the kernel reads them: what has an
// unknown type is passed over, of what comes twice the last counts, what is too short or too long
// is refused by name.
//
//   RecordReader reader(record);
//   while (const auto message = reader.Next()) {
//     Attributes attributes;
//     if (Fault fault = attributes.Read(message->attributes, kServiceRules)) …
//     if (attributes.Has(IPVS_SVC_ATTR_PORT)) attributes.Port(IPVS_SVC_ATTR_PORT);
//   }
//
// Threads: values over bytes that outlive them. Invariant: nothing outside the record is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/byte_order.h"
#include "control/api/ipvs/wire.h"

namespace fairlead::ipvs {

using Bytes = std::span<const uint8_t>;

struct Message {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t sequence = 0, port_id = 0;
  bool has_command = false;  // false: too short for the header of generic netlink
  uint8_t command = 0;
  Bytes whole{};       // both headers included
  Bytes attributes{};  // what follows them

  // The sender waits for more than one message.
  [[nodiscard]] bool IsDump() const;
  [[nodiscard]] bool WantsAck() const;
};

// Precondition: the record begins where a uint32_t may, as what is allocated does.
class RecordReader {
 public:
  explicit RecordReader(Bytes record) : rest_(record) {}

  // None at the end, which comes early where the bytes are no message.
  std::optional<Message> Next();

 private:
  Bytes rest_;
};

enum class Form : uint8_t { kU8, kU16, kU32, kText, kBytes, kNested };

struct AttributeRule {
  uint16_t type;
  Form form;
  const char* name;         // for a fault
  uint16_t most_bytes = 0;  // kText: without the zero byte at its end; kBytes
};

class Attributes {
 public:
  static constexpr size_t kTypes = 32;  // types are below it

  // Precondition: the types of the rules are below kTypes.
  Fault Read(Bytes bytes, std::span<const AttributeRule> rules);

  [[nodiscard]] bool Has(uint16_t type) const { return found_[type].data() != nullptr; }
  // What an attribute that is not there says is zero or empty.
  [[nodiscard]] uint8_t U8(uint16_t type) const { return Number<uint8_t>(type); }
  [[nodiscard]] uint16_t U16(uint16_t type) const { return Number<uint16_t>(type); }
  [[nodiscard]] uint32_t U32(uint16_t type) const { return Number<uint32_t>(type); }
  [[nodiscard]] uint64_t U64(uint16_t type) const { return Number<uint64_t>(type); }
  // In network order on the wire.
  [[nodiscard]] uint16_t Port(uint16_t type) const { return Be16::FromRaw(U16(type)).host(); }
  [[nodiscard]] std::string Text(uint16_t type) const;
  [[nodiscard]] Bytes Raw(uint16_t type) const { return found_[type]; }

 private:
  template <typename Int>
  [[nodiscard]] Int Number(uint16_t type) const {
    Int value = 0;
    if (found_[type].size() >= sizeof value) std::memcpy(&value, found_[type].data(), sizeof value);
    return value;
  }

  std::array<Bytes, kTypes> found_{};
};

// "IPVS_SVC_ATTR_PORT needs 2 bytes and has 1", as a Fault.
Fault CheckAttribute(const AttributeRule& rule, Bytes value);

}  // namespace fairlead::ipvs
