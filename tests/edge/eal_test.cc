// The arguments DPDK is started with, for machines this one is not.
#include "dataplane/dpdk/eal.h"

#include <gtest/gtest.h>

#include "dataplane/dpdk/device.h"

namespace fairlead::edge::eal_test {
namespace {

EdgeConfig Config(size_t workers) {
  EdgeConfig config;
  config.name = "d";
  config.workers = workers;
  return config;
}

std::string Joined(const EalPlan& plan) {
  std::string text;
  for (const std::string& argument : plan.arguments) text += argument + " ";
  return text;
}

bool Has(const EalPlan& plan, const std::string& text) {
  return Joined(plan).find(text) != std::string::npos;
}

TEST(EalPlanTest, WorkersShareCoresWhenThereAreTooFew) {
  const Machine one{.cpus = {0}};
  EXPECT_TRUE(Has(*PlanEal(Config(2), one, {}), "--lcores 0@(0),1@0,2@0 "));
  const Machine two{.cpus = {0, 1}};
  EXPECT_TRUE(Has(*PlanEal(Config(1), two, {}), "--lcores 0@(0,1),1@1 "));
  EXPECT_TRUE(Has(*PlanEal(Config(2), two, {}), "--lcores 0@(0,1),1@0,2@1 "));
  const Machine four{.cpus = {2, 3, 6, 7}};
  EXPECT_TRUE(Has(*PlanEal(Config(3), four, {}), "--lcores 0@(2,3,6,7),1@3,2@6,3@7 "));
}

TEST(EalPlanTest, CoreListIsTakenAsWritten) {
  EdgeConfig config = Config(2);
  config.cores = {3, 1};
  const Machine machine{.cpus = {0, 1, 2, 3}};
  EXPECT_TRUE(Has(*PlanEal(config, machine, {}), "1@3,2@1 "));
  config.cores = {3, 9};
  const Result<EalPlan> wrong = PlanEal(config, machine, {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "this process cannot run on core 9; director.workers may use: 0 1 2 3");
}

TEST(EalPlanTest, HugepagesWhenEnoughAreFree) {
  EdgeConfig config = Config(1);
  const MemoryNeed memory{104 << 20, 204 << 20};  // and 96 MiB for DPDK itself
  Machine machine{.cpus = {0}, .free_hugepage_bytes = 200 << 20};
  EXPECT_TRUE(PlanEal(config, machine, memory)->uses_hugepages);
  EXPECT_TRUE(PlanEal(config, machine, memory)->remedy.empty());
  config.hugepages = Hugepages::kOff;
  EXPECT_TRUE(Has(*PlanEal(config, machine, memory), "--no-huge -m 301 "));
  config.hugepages = Hugepages::kAuto;
  machine.free_hugepage_bytes = 100 << 20;
  EXPECT_TRUE(Has(*PlanEal(config, machine, memory), "--no-huge -m 301 "));
  EXPECT_EQ(PlanEal(config, machine, memory)->remedy, "sysctl -w vm.nr_hugepages=100");
  config.hugepages = Hugepages::kOn;
  const Result<EalPlan> refused = PlanEal(config, machine, memory);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("run: sysctl -w vm.nr_hugepages=100"), std::string::npos);
}

// A tool maps the packets by the names of their files, which only hugetlbfs has.
TEST(EalPlanTest, TelemetryIsForToolsThatShareHugepages) {
  EdgeConfig config = Config(1);
  const MemoryNeed memory{104 << 20, 204 << 20};
  Machine machine{.cpus = {0}, .free_hugepage_bytes = 200 << 20, .has_hugetlbfs = true};
  EXPECT_TRUE(Has(*PlanEal(config, machine, memory), "--no-telemetry "));
  EXPECT_TRUE(Has(*PlanEal(config, machine, memory), "--in-memory "));
  EXPECT_FALSE(PlanEal(config, machine, memory)->can_be_captured);

  config.telemetry = true;
  EXPECT_FALSE(Has(*PlanEal(config, machine, memory), "--no-telemetry "));
  EXPECT_FALSE(Has(*PlanEal(config, machine, memory), "--in-memory "));
  EXPECT_TRUE(PlanEal(config, machine, memory)->can_be_captured);
  EXPECT_EQ(PlanEal(config, machine, memory)->capture_remedy, "");

  machine.has_hugetlbfs = false;
  EXPECT_TRUE(Has(*PlanEal(config, machine, memory), "--in-memory "));
  EXPECT_EQ(PlanEal(config, machine, memory)->capture_remedy,
            "mount -t hugetlbfs none /dev/hugepages");
  machine = {.cpus = {0}, .has_hugetlbfs = true};
  EXPECT_FALSE(PlanEal(config, machine, memory)->can_be_captured);
  EXPECT_EQ(PlanEal(config, machine, memory)->capture_remedy, "sysctl -w vm.nr_hugepages=100");
}

TEST(EalPlanTest, AnUpgradeFromHugepagesIsRefusedWithoutEnough) {
  EdgeConfig config = Config(1);
  config.takes_over_hugepages = true;
  const MemoryNeed memory{104 << 20, 204 << 20};
  Machine machine{.cpus = {0}, .free_hugepage_bytes = 100 << 20};
  const Result<EalPlan> refused = PlanEal(config, machine, memory);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "for an upgrade two directors need hugepages for their packets, and only 100 MiB of 200 "
      "MiB are free; raise vm.nr_hugepages by 50 until it is over");
  machine.free_hugepage_bytes = 200 << 20;
  EXPECT_TRUE(PlanEal(config, machine, memory)->uses_hugepages);
  config.hugepages = Hugepages::kOff;  // the new configuration says so
  machine.free_hugepage_bytes = 0;
  EXPECT_FALSE(PlanEal(config, machine, memory)->uses_hugepages);
}

// Devices come later: another process may still have them.
TEST(EalPlanTest, PciIsLookedForOnlyWhenAPortNeedsIt) {
  EdgeConfig config = Config(1);
  const Machine machine{.cpus = {0}};
  config.ports.push_back({.name = "a", .device = "net_null0"});
  EXPECT_TRUE(Has(*PlanEal(config, machine, {}), "--no-pci "));
  config.ports.push_back({.name = "b", .device = "3b:00.1"});
  EXPECT_TRUE(Has(*PlanEal(config, machine, {}), "-a 0000:00:00.0 "));
  EXPECT_FALSE(Has(*PlanEal(config, machine, {}), "--no-pci"));
}

TEST(EalPlanTest, OperatorsArgumentsComeLastAndWin) {
  EdgeConfig config = Config(1);
  config.eal = {"--no-huge", "-m", "64", "--file-prefix=mine"};
  const EalPlan plan = *PlanEal(config, {.cpus = {0}}, {1 << 30, 1 << 30});
  EXPECT_TRUE(Has(plan, "--no-huge -m 64 --file-prefix=mine "));
  EXPECT_FALSE(Has(plan, "--file-prefix=d-"));
  EXPECT_FALSE(plan.uses_hugepages);
}

TEST(EalPlanTest, OneCoreIsLeftForTheRest) {
  EXPECT_EQ(DefaultWorkerCount({.cpus = {0}}), 1u);
  EXPECT_EQ(DefaultWorkerCount({.cpus = {0, 1}}), 1u);
  EXPECT_EQ(DefaultWorkerCount({.cpus = {0, 1, 2, 3}}), 3u);
}

TEST(DeviceTest, TellsPciFromVdev) {
  EXPECT_TRUE(IsPciDevice("0000:3b:00.0"));
  EXPECT_TRUE(IsPciDevice("3b:00.1,rx_vec_en=1"));
  EXPECT_FALSE(IsPciDevice("net_null0"));
  EXPECT_FALSE(IsPciDevice("0000:3b:00"));
  EXPECT_EQ(DeviceName("3b:00.1,rx_vec_en=1"), "0000:3b:00.1");
  EXPECT_EQ(DeviceName("net_af_packet0,iface=v"), "net_af_packet0");
}

TEST(DeviceTest, PacketRingGetsRoomAndQueues) {
  const PortSpec plain{.name = "p", .device = "net_af_packet0,iface=v"};
  EXPECT_EQ(DeviceArguments({plain}, 2),
            "net_af_packet0,iface=v,blocksz=65536,framesz=2048,framecnt=4096,qpairs=2");
  const PortSpec said{.name = "p", .device = "net_af_packet0,iface=v,framecnt=512,qpairs=1"};
  EXPECT_EQ(DeviceArguments({said}, 2), said.device);
  const PortSpec jumbo{.name = "p", .device = "net_af_packet0,iface=v", .mtu_bytes = 9000};
  EXPECT_EQ(ReceiveRoomBytes({jumbo}), 16384u);
  EXPECT_EQ(DeviceArguments({{.name = "p", .device = "3b:00.1,a=b"}}, 2), "0000:3b:00.1,a=b");
}

TEST(DeviceTest, PortsOfOneDeviceAreToldTogether) {
  const std::vector<PortSpec> ports{
      {.name = "a", .device = "3b:00.0", .clients = ClientSide::kSource},
      {.name = "b", .device = "0000:3b:00.1", .vlan = 120, .clients = ClientSide::kSource},
      {.name = "c",
       .device = "3b:00.1",
       .vlan = 130,
       .mtu_bytes = 9000,
       .clients = ClientSide::kDestination}};
  const DeviceUse alone = DeviceUseOf(ports, 0);
  EXPECT_EQ(alone.first, 0u);
  EXPECT_FALSE(alone.has_vlans);
  EXPECT_EQ(alone.mtu_bytes(), 1500);
  ASSERT_EQ(alone.sides().size(), 1u);
  EXPECT_EQ(alone.sides()[0].clients, ClientSide::kSource);
  for (const size_t port : {1u, 2u}) {
    const DeviceUse shared = DeviceUseOf(ports, port);
    EXPECT_EQ(shared.first, 1u);
    EXPECT_TRUE(shared.has_vlans);
    EXPECT_EQ(shared.mtu_bytes(), 9000);
    ASSERT_EQ(shared.sides().size(), 2u);
    EXPECT_EQ(shared.sides()[0].vlan, 120);
    EXPECT_EQ(shared.sides()[0].clients, ClientSide::kSource);
    EXPECT_EQ(shared.sides()[1].vlan, 130);
    EXPECT_EQ(shared.sides()[1].clients, ClientSide::kDestination);
  }
}

TEST(DeviceTest, ABondIsMadeOfItsMembers) {
  PortSpec port{.name = "p", .device = "net_bonding0", .mtu_bytes = 9000};
  port.bond = BondSpec{BondMode::kBalanceXor, {"net_af_packet0,iface=lo", "3b:00.1"}};
  const std::vector<PortSpec> members = MembersOf(port);
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].device, "net_af_packet0,iface=lo");
  EXPECT_EQ(members[0].mtu_bytes, 9000);
  EXPECT_FALSE(members[0].bond);
  EXPECT_EQ(ReceiveRoomBytes({port}), 16384u) << "of the packet ring among them";
  EXPECT_FALSE(IsOfPacketSockets(port));
  EXPECT_TRUE(IsOfPacketSockets(members[0]));
  const Status missing = CheckDevice(port);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("there is no PCI device 0000:3b:00.1"), std::string::npos);
}

TEST(DeviceTest, APacketSocketNamesItsInterface) {
  EXPECT_EQ(PacketSocketInterface("net_af_packet0,iface=v,qpairs=1"), "v");
  EXPECT_EQ(PacketSocketInterface("net_af_xdp0,iface=v"), "");
  EXPECT_EQ(KernelInterface("net_af_xdp0,iface=v"), "v");
  EXPECT_EQ(KernelInterface("net_af_packet0,iface=v,qpairs=1"), "v");
  EXPECT_EQ(KernelInterface("0000:3b:00.1"), "");
  EXPECT_EQ(KernelInterface("net_null0,iface=v"), "");
  EXPECT_EQ(PacketSocketInterface("0000:3b:00.1"), "");
}

TEST(DeviceTest, APacketRingHoldsTheMtu) {
  PortSpec port{.name = "p", .device = "net_af_packet0,iface=lo", .mtu_bytes = 9600};
  EXPECT_TRUE(CheckDevice(port)) << "the ring is ours";
  port.device += ",blocksz=65536,framesz=2048,framecnt=4096";
  const Status small = CheckDevice(port);
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().ToString(),
            "port p: mtu 9600 does not fit the ring's frames of 2048 bytes; leave blocksz, framesz "
            "and framecnt out of the device, or say framesz=16384");
  port.device = "net_af_packet0,iface=lo,framesz=16384,framecnt=64";
  EXPECT_TRUE(CheckDevice(port));
  port.device = "net_af_packet0,iface=lo,framecnt=64";
  EXPECT_FALSE(CheckDevice(port)) << "the driver's frames";
  port.mtu_bytes = 1500;
  EXPECT_TRUE(CheckDevice(port));
}

TEST(DeviceTest, UnknownDeviceIsRefusedWithWhatThereIs) {
  const Status interface =
      CheckDevice({.name = "p", .device = "net_af_packet0,iface=no-such-interface"});
  ASSERT_FALSE(interface);
  EXPECT_EQ(interface.error().place, "port p");
  EXPECT_NE(
      interface.error().message.find("there is no interface no-such-interface; interfaces seen: "),
      std::string::npos);
  EXPECT_NE(interface.error().message.find("lo"), std::string::npos);
  const Status pci = CheckDevice({.name = "p", .device = "ffff:ff:1f.7"});
  ASSERT_FALSE(pci);
  EXPECT_NE(pci.error().message.find("there is no PCI device ffff:ff:1f.7"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::edge::eal_test
