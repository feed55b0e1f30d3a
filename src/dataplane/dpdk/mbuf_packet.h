// A packet in a DPDK mbuf: the production home of what the pipeline calls a Packet.
//
//   MbufPacket* p = MbufPacket::Receive(mbuf, PortId{0});    // made in the mbuf's private area
//   p->meta().real = …;
//   rte_mbuf* mbuf = p->mbuf();                              // and back: one subtraction
//
// An MbufPacket is an object in the private area, which DPDK puts right behind each rte_mbuf of a
// pool made with private size kPrivateBytes. So the two pointers differ by a constant, the cast
// costs nothing, the metadata travels with the mbuf through rings and other workers, and no object
// is ever used under another type: Receive really constructs one. (A memberless class that casts
// `this` to rte_mbuf would be as fast, but calls members on an object that does not exist.)
//
// Threads: as any packet, one worker at a time. Invariant: the mbuf has one segment.
#pragma once

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <memory>
#include <type_traits>

#include "dataplane/wire/packet.h"

namespace fairlead::edge {

class MbufPacket {
 public:
  // Starts a fresh packet in an mbuf that a port or the pool gave. Precondition: the mbuf's pool
  // has kPrivateBytes of private area (packet_pool.h).
  static MbufPacket* Receive(rte_mbuf* mbuf, PortId input_port) noexcept {
    auto* packet = std::construct_at(reinterpret_cast<MbufPacket*>(mbuf + 1));
    packet->meta_.input_port = input_port;
    packet->meta_.ip_checksum_good =
        (mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
    return packet;
  }

  [[nodiscard]] rte_mbuf* mbuf() noexcept { return reinterpret_cast<rte_mbuf*>(this) - 1; }
  [[nodiscard]] const rte_mbuf* mbuf() const noexcept {
    return reinterpret_cast<const rte_mbuf*>(this) - 1;
  }

  uint8_t* data() noexcept { return rte_pktmbuf_mtod(mbuf(), uint8_t*); }
  [[nodiscard]] uint32_t length() const noexcept { return mbuf()->data_len; }

  uint8_t* Prepend(uint32_t n) noexcept {
    rte_mbuf* m = mbuf();
    if (n > m->data_off) return nullptr;
    m->data_off = static_cast<uint16_t>(m->data_off - n);
    SetLength(m, m->data_len + n);
    return data();
  }
  void TrimFront(uint32_t n) noexcept {
    rte_mbuf* m = mbuf();
    m->data_off = static_cast<uint16_t>(m->data_off + n);
    SetLength(m, m->data_len - n);
  }
  bool Resize(uint32_t n) noexcept {
    rte_mbuf* m = mbuf();
    if (m->data_off + n > m->buf_len) return false;
    SetLength(m, n);
    return true;
  }

  dataplane::PacketMeta& meta() noexcept { return meta_; }

  // Both lines of the mbuf (a free reads the second), this one, and the headers as they lie in a
  // packet that no header was put in front of.
  void Prefetch() noexcept {
    auto* const start = reinterpret_cast<const char*>(mbuf());
    rte_prefetch0(this);
    rte_prefetch0(start);
    rte_prefetch0(start + kReceivedOffset);
    rte_prefetch0(start + RTE_CACHE_LINE_SIZE);
  }

 private:
  static constexpr size_t kReceivedOffset =
      sizeof(rte_mbuf) + RTE_CACHE_LINE_SIZE + RTE_PKTMBUF_HEADROOM;

  static void SetLength(rte_mbuf* m, uint32_t n) noexcept {
    m->data_len = static_cast<uint16_t>(n);
    m->pkt_len = n;
  }

  dataplane::PacketMeta meta_;
};
static_assert(dataplane::Packet<MbufPacket>);
static_assert(std::is_trivially_destructible_v<MbufPacket>);
static_assert(alignof(MbufPacket) <= RTE_MBUF_PRIV_ALIGN);

// One cache line: the data then starts on a line as well.
inline constexpr uint16_t kPrivateBytes = RTE_CACHE_LINE_SIZE;
static_assert(sizeof(MbufPacket) <= kPrivateBytes);

}  // namespace fairlead::edge
