// Bytes of the kernel's sync protocol that its reader and its writer share. docs/sync.md draws
// them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fairlead::sync {

// A version 1 datagram: {0, syncid, size, entries, 1, 0, 0}, then entries, each at a multiple of
// four. A version 0 datagram: {entries, syncid, size}. Numbers are big-endian.
inline constexpr size_t kHeader0Bytes = 4;
inline constexpr size_t kHeader1Bytes = 8;
inline constexpr size_t kEntry0Bytes = 24;
inline constexpr size_t kEntry1Ipv4Bytes = 36;
inline constexpr size_t kEntry1Ipv6Bytes = 72;
inline constexpr size_t kSequencesBytes = 24;
inline constexpr size_t kOptionHeaderBytes = 2;
inline constexpr size_t kMostDatagramBytes = 65507;  // of UDP over IPv4
inline constexpr size_t kMostEntries = 255;

enum class OptionType : uint8_t {
  kSequences = 1,
  kEngineData = 2,
  kEngineName = 3,
};
// An option with this bit may be skipped by who does not know it.
inline constexpr uint8_t kSkippableOption = 0x40;

// Flags that say that version 0 has sequence numbers behind the entry.
inline constexpr uint32_t kSequenceFlags = 0x0600;

}  // namespace fairlead::sync
