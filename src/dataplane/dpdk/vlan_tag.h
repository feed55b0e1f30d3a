// 802.1Q tags in mbufs: taken off what comes in, put on what goes out (wire/vlan_tag.h).
//
//   const uint16_t vlan = TakeTag(mbuf);     // 0: the frame had none
//   if (!PutTag(mbuf, 120)) …                // there is no room in front
//
// As rte_vlan_strip and rte_vlan_insert do it, for less: those call memmove for the twelve bytes of
// the two MACs, and write to the mbuf's second line. A frame that is more than bytes in a buffer of
// its own (the device has work to do on it, or the buffer is somebody else's) takes DPDK's way.
// Threads: the owner of the mbuf.
#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>

#include <cstdint>

#include "dataplane/wire/vlan_tag.h"

namespace fairlead::edge {

static_assert(dataplane::kVlanTagLength == RTE_VLAN_HLEN);

// Takes the outermost tag off, be it in the frame or in what the device says of it. Returns the
// VLAN, or 0.
inline uint16_t TakeTag(rte_mbuf* mbuf) noexcept {
  if ((mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
    return mbuf->vlan_tci & dataplane::kVlanMask;
  }
  const uint32_t length = mbuf->data_len;
  uint16_t vlan;
  if (!dataplane::TakeTagOff(rte_pktmbuf_mtod(mbuf, uint8_t*), length, &vlan)) return 0;
  mbuf->data_off = static_cast<uint16_t>(mbuf->data_off + RTE_VLAN_HLEN);
  mbuf->data_len = static_cast<uint16_t>(length - RTE_VLAN_HLEN);
  mbuf->pkt_len = length - RTE_VLAN_HLEN;
  return vlan;
}

// What the mbuf says of the headers follows, such as where they begin for the device's checksums.
[[gnu::noinline, gnu::cold]] inline bool PutTagAsDpdkDoes(rte_mbuf* mbuf, uint16_t vlan) noexcept {
  mbuf->vlan_tci = vlan;
  return rte_vlan_insert(&mbuf) == 0;
}

// Puts a tag on, in software. False: there is no room in front, and nothing has changed.
// Precondition: an Ethernet header.
inline bool PutTag(rte_mbuf* mbuf, uint16_t vlan) noexcept {
  constexpr uint64_t kHasMore = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL |
                                RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_TX_OFFLOAD_MASK;
  if ((mbuf->ol_flags & kHasMore) != 0 || rte_mbuf_refcnt_read(mbuf) != 1) [[unlikely]]
    return PutTagAsDpdkDoes(mbuf, vlan);
  if (mbuf->data_off < RTE_VLAN_HLEN) [[unlikely]]
    return false;
  dataplane::PutTagOn(rte_pktmbuf_mtod(mbuf, uint8_t*), vlan);
  mbuf->data_off = static_cast<uint16_t>(mbuf->data_off - RTE_VLAN_HLEN);
  mbuf->data_len = static_cast<uint16_t>(mbuf->data_len + RTE_VLAN_HLEN);
  mbuf->pkt_len += RTE_VLAN_HLEN;
  return true;
}

}  // namespace fairlead::edge
