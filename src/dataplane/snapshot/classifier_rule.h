// What a classifier rule asks of a packet, and the fields of one. See classifier.h.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"

namespace fairlead::dataplane {

struct PortRange {
  uint16_t first = 0;  // host order, inclusive
  uint16_t last = 65535;
};

struct ClassifierFields {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;  // host order; 0 without ports
  uint8_t protocol = 0;
  PortId input_port;
};

struct ClassifierRule {
  uint8_t protocol = 0;  // 0: any
  int source_set = -1;   // of AddSet; -1: any address, of either family
  int destination_set = -1;
  std::vector<PortRange> source_ports = {};       // empty: any
  std::vector<PortRange> destination_ports = {};  // empty: any
  PortId input_port = {};                         // none: any
  bool is_drop = false;
  uint32_t mark = 0;
};

}  // namespace fairlead::dataplane
