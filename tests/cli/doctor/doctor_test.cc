// The doctor on machines that are made up: directories with the files that it would read.
#include "cli/doctor/doctor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

namespace fairlead::cli::doctor_test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "/etc/fairlead/fairlead.yaml";
constexpr const char* kCpu = "/sys/devices/system/cpu/";
constexpr const char* kClock = "/sys/devices/system/clocksource/clocksource0/";

using Names = std::multiset<std::string>;

class DoctorTest : public testing::Test {
 protected:
  DoctorTest() : root_(testing::TempDir() + "doctor-" + std::to_string(getpid())) { BeHealthy(); }
  ~DoctorTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text, mode_t mode = 0644) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
    chmod((root_ + path).c_str(), mode);
  }
  void Link(const std::string& path, const std::string& to) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    fs::remove(root_ + path);
    fs::create_symlink(to, root_ + path);
  }
  void Remove(const std::string& path) { fs::remove_all(root_ + path); }
  // Changes one line of the configuration.
  void Configure(const std::string& from, const std::string& to) {
    std::string text = Machine(root_).Text(kConfig) + "\n";
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    Write(kConfig, text.replace(at, from.size(), to), 0640);
  }

  // A machine of two nodes with a director that runs: a NIC on vfio-pci, and an interface.
  void BeHealthy() {
    const std::string me = std::to_string(getuid()), mine = std::to_string(getgid());
    Write("/etc/passwd",
          "root:x:0:0::/:/bin/sh\nfairlead:x:" + me + ":" + mine + "::/:/bin/false\n");
    Write("/etc/group", "fairlead:x:" + mine + ":\n");
    Write(kConfig, R"(version: 1
director: { name: edge-1, workers: [2, 3], idle: poll, hugepages: auto }
ports:
  - { name: outside, device: "0000:3b:00.0", role: outside, addresses: [192.0.2.2/24] }
  - { name: inside, device: "net_af_packet0,iface=eth1", role: inside, addresses: [10.0.0.1/24], exception: tap }
routes: [{ to: 0.0.0.0/0, via: 192.0.2.1 }]
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, health: { type: tcp }, reals: [{ address: 10.0.0.11 }] }
)",
          0640);
    Write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024\n");
    Write("/proc/mounts", "tmpfs /dev/shm tmpfs rw,huge=advise 0 0\n");
    Write("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always [never] deny\n");
    Write("/sys/devices/system/node/node0/cpulist", "0-3\n");
    Write("/sys/devices/system/node/node1/cpulist", "4-7\n");
    Write(std::string(kCpu) + "online", "0-7\n");
    Write(std::string(kCpu) + "isolated", "2-3\n");
    Write(std::string(kClock) + "current_clocksource", "tsc\n");
    Write(std::string(kClock) + "available_clocksource", "tsc hpet acpi_pm \n");
    Write("/sys/bus/pci/devices/0000:3b:00.0/numa_node", "0\n");
    Write("/sys/bus/pci/devices/0000:3b:00.0/class", "0x020000\n");
    Link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../../bus/pci/drivers/vfio-pci");
    Link("/sys/bus/pci/devices/0000:3b:00.0/iommu_group", "../../../kernel/iommu_groups/17");
    Write("/dev/vfio/17", "", 0660);
    Write("/dev/net/tun", "", 0666);
    for (const std::string name : {"eth1", "fl-inside"}) {
      Write("/sys/class/net/" + name + "/flags", "0x1003\n");
      Write("/sys/class/net/" + name + "/mtu", "1500\n");
    }
    Write("/sys/class/net/eth1/device/numa_node", "0\n");
    Write("/sys/class/net/eth1/queues/rx-0/rps_cpus", "\n");
    Write("/sys/class/net/eth1/queues/rx-1/rps_cpus", "\n");
    Write("/sys/class/net/eth1/queues/tx-0/xps_cpus", "\n");
    Write("/proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
    Write("/proc/sys/net/ipv4/conf/fl-inside/rp_filter", "0\n");
    Write("/proc/sys/net/ipv4/ping_group_range", "1\t0\n");
    Write("/proc/net/arp", kArpTitle + Neighbour("0x2"));
    Write("/proc/814/comm", "fairleadd\n");
    Write("/proc/814/limits", Limits("1048576"));
    Write("/proc/1/comm", "systemd\n");
    Write("/dev/shm/fairlead-edge-1/header", "");
    chmod((root_ + "/dev/shm/fairlead-edge-1").c_str(), 0700);
    Write("/run/fairlead/api.sock", "", 0660);
  }

  static std::string Neighbour(const std::string& flags) {
    return "10.0.0.11        0x1         " + flags +
           "         02:00:00:00:00:11     *        fl-inside\n";
  }
  static std::string Limits(const std::string& files) {
    return "Limit                     Soft Limit           Hard Limit           Units     \n"
           "Max open files            " +
           files + "              1048576              files     \n";
  }

  Findings Bad() {
    Findings findings = Examine(Machine(root_), kConfig);
    std::erase_if(findings, [](const Finding& finding) { return finding.is_good; });
    return findings;
  }
  // "check: first command" of each that is not good.
  Names Remedies() {
    Names remedies;
    for (const Finding& finding : Bad()) {
      EXPECT_FALSE(finding.remedy.empty()) << finding.what;
      remedies.insert(finding.check + ": " + (finding.remedy.empty() ? "" : finding.remedy[0]));
    }
    return remedies;
  }

  const std::string root_;
  const std::string kArpTitle =
      "IP address       HW type     Flags       HW address            Mask     Device\n";
};

// What the unit's user may not read, root would not notice.
TEST_F(DoctorTest, FilesOfListenersMustBeReadableToTheUser) {
  Configure("services:",
            "api: { listen: [{ address: 'http://127.0.0.1:9480', tokens: /etc/fairlead/tokens }] "
            "}\nservices:");
  Write("/etc/passwd",
        "fairlead:x:4242:" + std::to_string(getgid()) + "::/:/bin/false\n");  // not who writes
  const std::string remedy =
      "permissions: chgrp fairlead /etc/fairlead/tokens && chmod g+r /etc/fairlead/tokens";
  Write("/etc/fairlead/tokens", "read:a-token-of-the-test prometheus\n", 0640);
  EXPECT_EQ(Remedies().count(remedy), 0u);
  Write("/etc/fairlead/tokens", "", 0600);
  EXPECT_EQ(Remedies().count(remedy), 1u);
}

TEST_F(DoctorTest, AnswersOfNatNeedARoute) {
  Configure("routes: [{ to: 0.0.0.0/0, via: 192.0.2.1 }]\n", "");
  const Findings bad = Bad();
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].check, "routes");
  EXPECT_NE(bad[0].what.find("service web answers through the director (NAT)"), std::string::npos);
}

// Of this machine, where the paths of the file begin.
TEST_F(DoctorTest, TheKeyOfSyncIsLookedAt) {
  const std::string path = root_ + kConfig, key = root_ + "/etc/fairlead/sync.key";
  Configure("routes:",
            "sync: { peers: [{ name: b, address: 10.255.0.2 }], key_file: " + key + " }\nroutes:");
  const auto findings = [&] {
    std::string text;
    for (const Finding& finding : Examine(Machine(""), path)) {
      if (finding.check == "configuration" && !finding.is_good) text += finding.what + "\n";
    }
    return text;
  };
  EXPECT_EQ(findings(),
            "directors would not find each other: sync.key_file: cannot be used "
            "on this machine: " +
                key +
                ": cannot be read: No such file or directory; write it, or name "
                "another\n");
  Write("/etc/fairlead/sync.key", "0123456789abcdef\n", 0600);
  EXPECT_EQ(findings(), "");
}

TEST_F(DoctorTest, AHealthyMachineHasNothingToMend) {
  EXPECT_EQ(Remedies(), Names{});
  std::set<std::string> looked_at;
  for (const Finding& finding : Examine(Machine(root_), kConfig)) {
    looked_at.insert(finding.check);
    EXPECT_NE(finding.what, "") << finding.check;
    EXPECT_TRUE(finding.remedy.empty()) << finding.what;
  }
  const auto names = CheckNames();
  EXPECT_EQ(looked_at, std::set<std::string>(names.begin(), names.end()));
}

TEST_F(DoctorTest, SixThingsWrongAreSixFindingsWithTheirRemediesAndNoOther) {
  Write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
  Write(std::string(kClock) + "current_clocksource", "hpet\n");
  Link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../../bus/pci/drivers/ixgbe");
  Write("/proc/sys/net/ipv4/conf/all/rp_filter", "1\n");
  Write("/proc/814/limits", Limits("1024"));
  chmod((root_ + kConfig).c_str(), 0664);
  EXPECT_EQ(Remedies(), (Names{"hugepages: sysctl -w vm.nr_hugepages=129",
                               "clock: echo tsc > /sys/devices/system/clocksource/clocksource0/"
                               "current_clocksource",
                               "drivers: modprobe vfio-pci",
                               "rp_filter: sysctl -w net.ipv4.conf.fl-inside.rp_filter=2",
                               "limits: mkdir -p /etc/systemd/system/fairleadd.service.d",
                               "permissions: chmod go-w /etc/fairlead/fairlead.yaml"}));
}

TEST_F(DoctorTest, WhoMayOpenASocketThatOnlyLooksControlsNothing) {
  Write("/run/fairlead/look.sock", "", 0666);
  Configure("routes:",
            "api: { listen: [{ address: \"unix:/run/fairlead/look.sock\", role: read, mode: "
            "\"0666\" }] }\nroutes:");
  EXPECT_EQ(Remedies(), Names{});
  Configure("role: read", "role: admin");
  EXPECT_EQ(Remedies(), (Names{"permissions: chmod o= /run/fairlead/look.sock"}));
  EXPECT_NE(Bad().at(0).what.find("mode: \"0660\""), std::string::npos) << Bad().at(0).what;
}

TEST_F(DoctorTest, Memory) {
  Configure("hugepages: auto", "hugepages: on");
  EXPECT_EQ(Remedies(),
            (Names{"hugepages: mount -t hugetlbfs -o pagesize=2M none /dev/hugepages"}));
  Write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "128\n");
  Write("/proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n");
  EXPECT_EQ(Remedies(), (Names{"hugepages: sysctl -w vm.nr_hugepages=201"})) << "records too";
  Configure("hugepages: on", "hugepages: auto");
  Write("/proc/mounts", "tmpfs /dev/shm tmpfs rw 0 0\n");
  EXPECT_EQ(Remedies(), (Names{"shmem: mount -o remount,huge=advise /dev/shm"}));
  Configure("hugepages: auto", "hugepages: auto, connections: 64k");
  EXPECT_EQ(Remedies(), Names{}) << "small records are in the caches";
  Write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
  Configure("hugepages: auto", "hugepages: off");
  EXPECT_EQ(Remedies(), Names{}) << "they are not wanted";
}

TEST_F(DoctorTest, Cores) {
  Write("/sys/bus/pci/devices/0000:3b:00.0/numa_node", "1\n");
  EXPECT_EQ(
      Remedies(),
      (Names{"numa: sed -i 's/^\\( *workers:\\).*/\\1 [4, 5]/' /etc/fairlead/fairlead.yaml"}));
  Write("/sys/bus/pci/devices/0000:3b:00.0/numa_node", "-1\n");
  Write(std::string(kCpu) + "isolated", "3\n");
  const Findings shared = Bad();
  ASSERT_EQ(shared.size(), 1u);
  EXPECT_EQ(shared[0].what.find("core 2 of the workers"), 0u) << shared[0].what;
  EXPECT_NE(shared[0].remedy[0].find("isolcpus=2,3 nohz_full=2,3"), std::string::npos);
  Configure("idle: poll", "idle: sleep");
  EXPECT_EQ(Remedies(), Names{});
  Write(std::string(kCpu) + "online", "0-2\n");
  EXPECT_EQ(Remedies(), (Names{"isolation: chcpu -e 3"}));
}

TEST_F(DoctorTest, NobodyIsToldToBindAnotherDeviceThanANic) {
  Write("/sys/bus/pci/devices/0000:3b:00.0/class", "0x060000\n");
  Link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../../bus/pci/drivers/pcieport");
  EXPECT_EQ(Remedies(), (Names{"drivers: dpdk-devbind.py --status-dev net"}));
}

TEST_F(DoctorTest, Devices) {
  Remove("/sys/bus/pci/devices/0000:3b:00.0/iommu_group");
  EXPECT_EQ(Bad().at(0).remedy.at(1), "update-grub");
  Link("/sys/bus/pci/devices/0000:3b:00.0/iommu_group", "../../../kernel/iommu_groups/17");
  chmod((root_ + "/dev/vfio/17").c_str(), 0600);
  EXPECT_EQ(Bad().at(0).remedy.back(), "chmod 660 /dev/vfio/17");
  chmod((root_ + "/dev/vfio/17").c_str(), 0666);
  Write("/sys/class/net/eth1/flags", "0x1002\n");
  EXPECT_EQ(Remedies(), (Names{"drivers: ip link set dev eth1 up"}));
  Write("/sys/class/net/eth1/flags", "0x1003\n");
  Remove("/sys/class/net/eth1/queues/rx-1");
  EXPECT_EQ(Remedies(), (Names{"queues: ethtool -L eth1 combined 2"}));
  Remove("/sys/class/net/eth1");
  Remove("/sys/bus/pci/devices/0000:3b:00.0");
  EXPECT_EQ(Remedies(),
            (Names{"drivers: ip -brief link", "drivers: dpdk-devbind.py --status-dev net"}));
}

TEST_F(DoctorTest, TwinsAndWhatIsBehindThem) {
  Write("/sys/class/net/fl-inside/mtu", "1400\n");
  Write("/sys/class/net/eth1/mtu", "9000\n");
  EXPECT_EQ(Remedies(), (Names{"mtu: ip link set dev fl-inside mtu 1500"}));
  Write("/sys/class/net/fl-inside/mtu", "1500\n");
  Write("/sys/class/net/fl-inside/flags", "0x1002\n");
  EXPECT_EQ(Remedies(), (Names{"twins: ip link set dev fl-inside up"}));
  Write("/sys/class/net/fl-inside/flags", "0x1003\n");
  Write("/proc/net/arp", kArpTitle + Neighbour("0x0"));
  EXPECT_EQ(Remedies(), (Names{"neighbours: ip neighbour flush dev fl-inside to 10.0.0.11"}));
  Write("/proc/net/arp", kArpTitle);
  Write("/proc/sys/net/ipv4/conf/fl-inside/rp_filter", "2\n");
  Write("/proc/sys/net/ipv4/conf/all/rp_filter", "1\n");
  EXPECT_EQ(Remedies(), Names{}) << "the greater one counts, and it is loose";
  Remove("/dev/net/tun");
  EXPECT_EQ(Remedies(), (Names{"twins: modprobe tun"}));
}

TEST_F(DoctorTest, WithoutADirectorNothingOfItIsMissed) {
  Remove("/proc/814");
  Remove("/sys/class/net/fl-inside");
  Remove("/dev/shm/fairlead-edge-1");
  Write("/sys/class/net/eth1/mtu", "576\n");
  EXPECT_EQ(Remedies(), Names{});
}

TEST_F(DoctorTest, Rights) {
  chmod((root_ + "/dev/shm/fairlead-edge-1").c_str(), 0755);
  chmod((root_ + "/run/fairlead/api.sock").c_str(), 0666);
  chmod((root_ + kConfig).c_str(), 0000);
  if (getuid() == 0) {  // others cannot read it to say what else is wrong
    EXPECT_EQ(Remedies(), (Names{"permissions: chmod 700 /dev/shm/fairlead-edge-1",
                                 "permissions: chmod o= /run/fairlead/api.sock",
                                 "permissions: chgrp fairlead /etc/fairlead/fairlead.yaml"}));
  }
  chmod((root_ + kConfig).c_str(), 0640);
  Write("/etc/passwd", "root:x:0:0::/:/bin/sh\n");
  EXPECT_EQ(Remedies(), (Names{"permissions: systemd-sysusers fairlead.conf"}));
}

TEST_F(DoctorTest, APingNeedsACapabilityOrItsGroupInTheRange) {
  Configure("{ type: tcp }", "{ type: ping }");
  Write("/proc/814/status", "Name:\tfairleadd\nCapEff:\t0000008000003000\n");
  EXPECT_EQ(Remedies(), Names{});
  Write("/proc/814/status", "Name:\tfairleadd\nCapEff:\t0000008000001000\n");
  EXPECT_EQ(Remedies(), (Names{"ping: sysctl -w net.ipv4.ping_group_range='0 2147483647'"}));
  Write("/proc/sys/net/ipv4/ping_group_range", "0\t2147483647\n");
  EXPECT_EQ(Remedies(), Names{});
}

TEST_F(DoctorTest, ARefusedConfigurationIsTheFirstThingToMend) {
  Write(kConfig, "version: 2\n", 0640);
  EXPECT_EQ(Remedies(), (Names{"configuration: fairlead check /etc/fairlead/fairlead.yaml"}));
}

TEST(DoctorPage, HasEveryCheck) {
  std::ifstream file(FAIRLEAD_SOURCE "/docs/doctor.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  std::set<std::string> documented, expected;
  const std::regex row(R"(\n\| `([a-z_]+)` \|)");
  for (std::sregex_iterator it(page.begin(), page.end(), row), end; it != end; ++it) {
    documented.insert((*it)[1]);
  }
  for (const std::string_view name : CheckNames()) expected.emplace(name);
  EXPECT_EQ(documented, expected);
}

TEST(DoctorMachine, ListsOfCores) {
  EXPECT_EQ(CoresIn("0-2,5\n"), (std::vector<uint32_t>{0, 1, 2, 5}));
  EXPECT_EQ(CoresIn(""), std::vector<uint32_t>{});
  EXPECT_EQ(CoresIn("0-4294967295").size(), 8192u) << "bounded, whatever the file says";
}

}  // namespace
}  // namespace fairlead::cli::doctor_test
