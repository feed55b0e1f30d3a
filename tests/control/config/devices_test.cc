// What a device may look like, and which ports share one.
#include "control/config/devices.h"

#include <gtest/gtest.h>

#include "load_helpers.h"

namespace fairlead::control::devices_test {
namespace {

TEST(FaultOfDevice, WhatDpdkMayKnowIsLeftToIt) {
  for (const char* good :
       {"0000:3b:00.0", "3b:00.7", "ffff:ff:1f.7,rx_vec_en=1", "10000:e1:00.0", "net_null0",
        "net_af_packet0,iface=eth1", "net_af_xdp0,iface=eth1,start_queue=1", "eth_af_packet0",
        "net_tap0", "net_ring_inside", "net_bonding0", "net_vhost0,iface=/tmp/sock",
        "virtio_user0,path=/dev/vhost-net", "pci:0000:3b:00.0", "auxiliary:mlx5_core.sf.4,a=1",
        "dpni.3", "00112233-4455-6677-8899-aabbccddeeff", "a0", "ethernet_of_ours"}) {
    EXPECT_EQ(FaultOfDevice(good), "") << good;
  }
}

TEST(FaultOfDevice, AnInterfaceOfTheKernelNeedsADriver) {
  EXPECT_EQ(
      FaultOfDevice("eth1"),
      "\"eth1\" is no device; for a kernel interface write \"net_af_packet0,iface=eth1\", for "
      "a card its PCI address such as \"0000:3b:00.0\"");
  EXPECT_EQ(FaultOfDevice("enp59s0f0.120"),
            "\"enp59s0f0.120\" is no device; for a kernel interface write "
            "\"net_af_packet0,iface=enp59s0f0\" and its VLAN as \"vlan\", for a card its PCI "
            "address such as \"0000:3b:00.0\"");
  for (const char* bad : {"lo", "ens3", "eno1np0", "enxd8cb8a", "bond0", "br0", "eth1,queues=2"}) {
    EXPECT_NE(FaultOfDevice(bad).find("is no device; for a kernel interface"), std::string::npos)
        << bad;
  }
}

TEST(FaultOfDevice, WhatLooksLikeAPciAddressHasToBeOne) {
  for (const char* bad : {"0000:3b:00", "0000:3b:00.0.120", "3b:00", "000:3b:00.0", "3b:00.8",
                          "3b:0.0", "0000:3b:00.00", "00:11:22:33:44:55"}) {
    EXPECT_EQ(FaultOfDevice(bad),
              "\"" + std::string(bad) +
                  "\" is no PCI address; write one such as \"0000:3b:00.0\" (dpdk-devbind.py "
                  "--status-dev net lists those of this machine), and a VLAN as \"vlan\"");
  }
}

TEST(FaultOfDevice, AVirtualDeviceNeedsItsPrefixAndItsInterface) {
  EXPECT_EQ(FaultOfDevice("af_packet0,iface=eth1"),
            "\"af_packet0\" is no device; write \"net_af_packet0,iface=eth1\"");
  EXPECT_EQ(FaultOfDevice("pcap1,rx_pcap=a b"),
            "\"pcap1\" is no device; write \"net_pcap1,rx_pcap=a b\"");
  for (const char* bad : {"net_af_packet0", "net_af_packet0,qpairs=2", "net_af_packet0,iface="}) {
    EXPECT_EQ(FaultOfDevice(bad),
              "\"net_af_packet0\" needs the interface whose frames it takes; write "
              "\"net_af_packet0,iface=eth1\"");
  }
  EXPECT_NE(FaultOfDevice("net_af_xdp1,start_queue=1"), "");
}

// Two ports of these devices; the first has VLAN 120.
std::string Problems2(const std::string& one, const std::string& other, int vlan) {
  return ProblemsOf("version: 1\nports:\n  - { name: a, device: \"" + one +
                    "\", vlan: 120 }\n  - { name: b, device: \"" + other +
                    "\", vlan: " + std::to_string(vlan) + " }\n");
}

TEST(SharedDevices, SayTheSame) {
  EXPECT_EQ(Problems2("net_af_packet0,iface=eth1", "net_af_packet0,iface=eth1", 130), "");
  EXPECT_EQ(Problems2("3b:00.0", "0000:3b:00.0", 130), "");
  EXPECT_EQ(Problems2("net_af_packet0,iface=eth1", "net_af_packet0,iface=eth2", 130),
            "t.yaml:4:24: ports[1].device: \"net_af_packet0\" is the device of the port at "
            "t.yaml:3:5, with other arguments; a device of its own needs a name of its own, such "
            "as \"net_af_packet1\", and ports that are VLANs of one device write it the same\n");
  EXPECT_EQ(Problems2("3b:00.0", "0000:3b:00.0,rx_vec_en=1", 130),
            "t.yaml:4:24: ports[1].device: \"0000:3b:00.0\" is the device of the port at "
            "t.yaml:3:5, with other arguments; both must say the same\n");
}

TEST(SharedDevices, NeedAVlanEach) {
  EXPECT_EQ(Problems2("3b:00.0", "0000:3b:00.0", 120),
            "t.yaml:4:24: ports[1].device: the device is taken by the port at t.yaml:3:5; ports of "
            "one device need different VLANs (vlan: 130)\n");
  // The third as the second, not as the first.
  EXPECT_EQ(ProblemsOf("version: 1\nports:\n"
                       "  - { name: a, device: net_null0 }\n"
                       "  - { name: b, device: net_null0, vlan: 120 }\n"
                       "  - { name: c, device: net_null0, vlan: 120 }\n"),
            "t.yaml:5:24: ports[2].device: the device is taken by the port at t.yaml:4:5; ports of "
            "one device need different VLANs (vlan: 130)\n");
}

}  // namespace
}  // namespace fairlead::control::devices_test
