// Which worker owns what (architecture section 2).
//
//   // The function a NIC can compute:
//   WorkerId owner = steering.ConnectionOwner(client_address, client_port);
//   WorkerId home = steering.TemplateOwner(template_key_hash);
//
// Both directions of a NAT flow carry the client endpoint (source inbound, destination in replies),
// so both name the same worker: Owner(forward) == Owner(reply), a property test.
//
// The key is a secret: who knows it can choose client ports so that one worker gets all of a flood.
// It is drawn at start, and ports that steer in hardware are told it. Threads: immutable after
// construction.
#pragma once

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/toeplitz.h"

namespace fairlead::dataplane {

inline constexpr size_t kIndirectionEntries = 128;  // what NICs commonly have

class Steering {
 public:
  explicit Steering(size_t workers, const ToeplitzKey& key = kDefaultToeplitzKey)
      : key_(key), toeplitz_(key), workers_(static_cast<uint32_t>(workers)) {
    for (size_t i = 0; i < kIndirectionEntries; ++i) {
      table_[i] = WorkerId{static_cast<uint8_t>(i % workers)};
    }
  }

  template <typename Address>
  [[nodiscard]] WorkerId ConnectionOwner(const Address& client, Be16 client_port) const noexcept {
    return table_[toeplitz_.Hash(client, client_port) % kIndirectionEntries];
  }
  // `hash` of the template key; its high bits choose, the table index uses all of it.
  [[nodiscard]] WorkerId TemplateOwner(uint64_t hash) const noexcept {
    return WorkerId{static_cast<uint8_t>((hash >> 32) * workers_ >> 32)};
  }
  // Where the fragments of a datagram meet. `hash`: of what they have in common.
  [[nodiscard]] WorkerId FragmentOwner(uint64_t hash) const noexcept { return TemplateOwner(hash); }
  [[nodiscard]] size_t worker_count() const { return workers_; }
  [[nodiscard]] const ToeplitzKey& key() const { return key_; }

 private:
  ToeplitzKey key_;
  Toeplitz toeplitz_;
  std::array<WorkerId, kIndirectionEntries> table_;
  uint32_t workers_;
};

}  // namespace fairlead::dataplane
