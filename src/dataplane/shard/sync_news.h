// What a worker tells of a connection or a template, on its way to the thread that sends it to
// other directors.
//
//   const auto write = [&](SyncNews* news) { *news = {…}; };                    // every member
//   if (!fabric.sync_news[worker]->PushFilled(write)) counters.sync_news_lost.Add(1);
//
// A copy, so nobody else reads a live record. Threads: values; the ring has one writer, its worker,
// and one reader, the control core.
#pragma once

#include <cstdint>

#include "base/byte_order.h"
#include "base/ip_address.h"
#include "base/spsc_ring.h"

namespace fairlead::dataplane {

struct SyncNews {
  IpAddress client, virtual_address, real;
  Be16 client_port, virtual_port, real_port;
  uint8_t protocol = 0;
  uint8_t state = 0;
  uint32_t flags = 0;  // sync::SyncFlag and the method
  uint32_t mark = 0;
  uint32_t timeout_seconds = 0;
};
using SyncNewsRing = SpscRing<SyncNews>;

inline constexpr size_t kSyncNews = 4096;  // that a worker may be ahead

}  // namespace fairlead::dataplane
