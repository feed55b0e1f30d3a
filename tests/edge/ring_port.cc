#include "ring_port.h"

#include <gtest/gtest.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>

#include "eal_environment.h"

namespace fairlead::edge {
namespace {

constexpr unsigned kReceiveRoom = 4096;

rte_ring* MakeRing(const std::string& name, unsigned room) {
  rte_ring* ring = rte_ring_create(name.c_str(), room, SOCKET_ID_ANY, RING_F_EXACT_SZ);
  EXPECT_NE(ring, nullptr) << name;
  return ring;
}

rte_mbuf* MakeMbuf(const uint8_t* bytes, size_t length) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(TestPool().get());
  if (mbuf == nullptr) return nullptr;
  std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(length)), bytes, length);
  return mbuf;
}

}  // namespace

RingPort::RingPort(const std::string& name, const RingPortOptions& options) : name_(name) {
  for (unsigned q = 0; q < options.rx_queues; ++q) {
    rx_.push_back(MakeRing(name + "_rx" + std::to_string(q), kReceiveRoom));
  }
  for (unsigned q = 0; q < options.tx_queues; ++q) {
    tx_.push_back(MakeRing(name + "_tx" + std::to_string(q), options.transmit_room));
  }
  EXPECT_GE(rte_eth_from_rings(name.c_str(), rx_.data(), options.rx_queues, tx_.data(),
                               options.tx_queues, 0),
            0);
}

RingPort::~RingPort() {
  Take();
  for (rte_ring* ring : rx_) {
    void* mbuf;
    while (rte_ring_dequeue(ring, &mbuf) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
    rte_ring_free(ring);
  }
  for (rte_ring* ring : tx_) rte_ring_free(ring);
}

PortSpec RingPort::spec() const { return {.name = name_, .device = "net_ring_" + name_}; }

bool RingPort::Put(const std::vector<uint8_t>& frame, unsigned queue) {
  return PutChained(frame, queue, 1);
}

bool RingPort::PutChained(const std::vector<uint8_t>& frame, unsigned queue, unsigned pieces) {
  const size_t piece = (frame.size() + pieces - 1) / pieces;
  rte_mbuf* head = nullptr;
  for (size_t at = 0; at < frame.size(); at += piece) {
    rte_mbuf* mbuf = MakeMbuf(frame.data() + at, std::min(piece, frame.size() - at));
    if (mbuf == nullptr) return false;
    if (head == nullptr) {
      head = mbuf;
    } else if (rte_pktmbuf_chain(head, mbuf) != 0) {
      return false;
    }
  }
  if (rte_ring_enqueue(rx_[queue], head) == 0) return true;
  rte_pktmbuf_free(head);
  return false;
}

std::vector<std::vector<uint8_t>> RingPort::Take() {
  std::vector<std::vector<uint8_t>> frames;
  for (rte_ring* ring : tx_) {
    void* taken;
    while (rte_ring_dequeue(ring, &taken) == 0) {
      auto* mbuf = static_cast<rte_mbuf*>(taken);
      const auto* bytes = rte_pktmbuf_mtod(mbuf, const uint8_t*);
      frames.emplace_back(bytes, bytes + mbuf->data_len);
      rte_pktmbuf_free(mbuf);
    }
  }
  return frames;
}

}  // namespace fairlead::edge
