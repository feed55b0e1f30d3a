// Fills datagrams of the kernel's sync protocol, as the kernel does.
//
//   DatagramWriter writer({.version = 1, .syncid = 7, .most_bytes = 1472});
//   if (!writer.Fits(entry)) Send(writer.Take());  // or 2 s after the first
//   writer.Add(entry);
//
// Version 1: an entry begins at a multiple of four; zeros are between entries, none behind the
// last. Version 0 has no IPv6, no timeouts, no marks and no engines. `most_bytes` below one entry:
// each datagram has one. Threads: one. Allocates once, at the start.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sync/ipvs/entry.h"

namespace fairlead::sync {

struct DatagramFormat {
  int version = 1;  // 0 or 1
  uint8_t syncid = 0;
  uint16_t most_bytes = 1472;  // sync_maxlen
};

class DatagramWriter {
 public:
  explicit DatagramWriter(const DatagramFormat& format);

  [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }
  [[nodiscard]] size_t count() const noexcept { return count_; }
  // Whether the format can say it at all: version 0 knows IPv4 only, and no engines.
  [[nodiscard]] bool CanSay(const SyncEntry& entry) const noexcept;
  // Whether it fits into the datagram begun. It fits into an empty one.
  [[nodiscard]] bool Fits(const SyncEntry& entry) const noexcept;
  // Precondition: CanSay and Fits.
  void Add(const SyncEntry& entry);
  // The datagram, valid until the next Add; the writer is empty then.
  std::span<const uint8_t> Take() noexcept;

 private:
  [[nodiscard]] size_t HeaderBytes() const noexcept;
  [[nodiscard]] size_t SizeOf(const SyncEntry& entry) const noexcept;
  // `count` bytes more, zero; version 1: from a multiple of four on.
  uint8_t* Extend(size_t count);
  void AddVersion0(const SyncEntry& entry);
  void AddVersion1(const SyncEntry& entry);

  DatagramFormat format_;
  std::vector<uint8_t> bytes_;
  size_t count_ = 0;
};

}  // namespace fairlead::sync
