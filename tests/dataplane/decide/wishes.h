// What LVS users asked for and never got, one test a wish, on whole directors of one and of several
// workers. docs/persistence.md names them. Here is what the files of the suite share.
#pragma once

#include <string>

#include "persistence_bed.h"

namespace fairlead::dataplane {

// Instantiated in wish_test.cc, for all files.
class Wishes : public EveryWorker {};

inline constexpr const char* kClient = "198.51.100.7";

// The address `n` after `base`, which is in host order.
inline std::string Address(uint32_t base, uint32_t n) {
  return IpAddress(Ipv4Address::FromHost(base + n)).ToString();
}

}  // namespace fairlead::dataplane
