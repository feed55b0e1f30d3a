#include "control/fleet/documents.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "control/fleet/etcd_place.h"
#include "control/fleet/fleet_member.h"
#include "control/fleet/kept_documents.h"

namespace fairlead::control::documents_test {
namespace {

constexpr const char* kCommon = R"(version: 1
ports:
  - name: outside
    role: outside
  - name: inside
    role: inside
    exception: tap
routes:
  - { to: 0.0.0.0/0, via: 192.0.2.1 }
policy: { announce: when-ready }
services:
  - name: web
    address: 192.0.2.80
    protocol: tcp
    port: 80
    reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12 } ]
)";
constexpr const char* kOwn = R"(director: { workers: 2 }
ports:
  - name: outside
    device: "net_null0"
    addresses: [192.0.2.2/24]
  - name: inside
    device: "net_null1"
    addresses: [10.0.0.2/24]
)";

Documents Of(std::string common, std::string own) {
  return {.common = {"etcd:/f/common", std::move(common), 5},
          .own = {"etcd:/f/directors/edge-1", std::move(own), 6}};
}

LoadResult Load(const std::string& common, const std::string& own, const LocalFile& local = {}) {
  return LoadDocuments(Of(common, own), "edge-1", local);
}

// All of them, one a line.
std::string ErrorsOf(const LoadResult& loaded) {
  std::string all;
  for (const Error& error : loaded.errors) all += error.ToString() + "\n";
  return all;
}

TEST(FleetDocuments, TwoMakeOne) {
  const LoadResult loaded = Load(kCommon, kOwn);
  ASSERT_TRUE(loaded) << ErrorsOf(loaded);
  const ConfigModel& model = *loaded.model;
  EXPECT_EQ(model.director.name, "edge-1");
  EXPECT_EQ(model.director.workers.count, 2u);
  ASSERT_EQ(model.ports.size(), 2u);
  EXPECT_EQ(model.ports[0].device, "net_null0");
  EXPECT_EQ(model.ports[0].role, PortRole::kOutside);
  EXPECT_EQ(model.ports[1].exception, ExceptionPath::kTap);
  EXPECT_EQ(model.ports[1].addresses.size(), 1u);
  EXPECT_EQ(model.services.size(), 1u);
}

TEST(FleetDocuments, TheOwnValueWinsAndListsAreReplaced) {
  const LoadResult loaded = Load(kCommon, std::string(kOwn) + R"(policy: { announce: never }
routes: []
services:
  - name: web
    port: 8080
    reals: [ { address: 10.0.0.13 } ]
  - { name: more, address: 192.0.2.81, protocol: tcp, port: 80, reals: [ { address: 10.0.0.11 } ] }
)");
  ASSERT_TRUE(loaded) << ErrorsOf(loaded);
  EXPECT_EQ(loaded.model->policy.announce, Announce::kNever);
  EXPECT_TRUE(loaded.model->routes.empty());
  ASSERT_EQ(loaded.model->services.size(), 2u);
  EXPECT_EQ(loaded.model->services[0].port, 8080);
  ASSERT_EQ(loaded.model->services[0].reals.size(), 1u);
  EXPECT_EQ(loaded.model->services[1].name, "more");
}

TEST(FleetDocuments, AKeyWithoutAValueTakesAway) {
  const LoadResult loaded = Load(std::string(kCommon) + "sync: { ready_lag: 1s }\n",
                                 std::string(kOwn) + "sync: ~\nroutes:\n");
  ASSERT_TRUE(loaded) << ErrorsOf(loaded);
  EXPECT_EQ(loaded.model->sync, SyncConfig{});
  EXPECT_TRUE(loaded.model->routes.empty());
}

TEST(FleetDocuments, OneMayBeMissing) {
  Documents documents = Of("", "");
  documents.common = {"etcd:/f/common", "", 0};
  documents.own.text =
      "version: 1\nports: [ { name: a, device: net_null0, addresses: [192.0.2.2/24] } ]\n";
  const LoadResult loaded = LoadDocuments(documents, "edge-1", {});
  ASSERT_TRUE(loaded) << ErrorsOf(loaded);
  EXPECT_EQ(documents.revision(), 6u);
}

TEST(FleetDocuments, ProblemsNameTheDocumentAndThePlace) {
  const LoadResult loaded =
      Load(std::string(kCommon) + "polici: {}\n", std::string(kOwn) + "    mtu: big\n");
  EXPECT_FALSE(loaded);
  const std::string errors = ErrorsOf(loaded);
  EXPECT_NE(errors.find("etcd:/f/common:17:1: polici"), std::string::npos) << errors;
  EXPECT_NE(errors.find("etcd:/f/directors/edge-1:9:10: ports[1].mtu"), std::string::npos)
      << errors;
}

TEST(FleetDocuments, KeysThatComeTwiceAreTold) {
  const std::string errors =
      ErrorsOf(Load(kCommon, std::string(kOwn) + "routes: []\nroutes: []\nlog: {}\nlog: {}\n"));
  EXPECT_NE(errors.find("edge-1:10:1: routes: is given twice; the first is on line 9"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("edge-1:12:1: log: is given twice; the first is on line 11"),
            std::string::npos)
      << errors;
}

TEST(FleetDocuments, WhatIsNoYamlIsTold) {
  EXPECT_NE(ErrorsOf(Load("- a\n", kOwn)).find("etcd:/f/common:1:1: must be a map"),
            std::string::npos);
  const std::string errors = ErrorsOf(Load(kCommon, "a: [\n"));
  EXPECT_EQ(errors.find("etcd:/f/directors/edge-1:"), 0u) << errors;
  EXPECT_NE(ErrorsOf(Load(kCommon, "a: &b 1\n")).find("etcd:/f/directors/edge-1:1:"),
            std::string::npos);
}

TEST(FleetDocuments, WhatIsForTheMachineAlone) {
  LocalFile local;
  local.path = "/etc/local.yaml";
  local.scripts = {"/usr/bin/listed"};
  const auto with = [&](const std::string& more) {
    return ErrorsOf(Load(std::string(kCommon) + more, kOwn, local));
  };
  EXPECT_NE(
      with("director: { name: x, script_user: root, scripts: [/bin/sh] }\n")
          .find("director.script_user: is for the machine alone: write it into /etc/local.yaml"),
      std::string::npos);
  const std::string service =
      "  - { name: s, address: 192.0.2.9, protocol: tcp, port: 80, reals: [], on_up: [";
  EXPECT_EQ(with(service + "/usr/bin/listed, up] }\n"), "");
  EXPECT_NE(with(service + "/bin/sh, up] }\n")
                .find("\"/bin/sh\" may not be named from here; add it to \"scripts\" of "
                      "/etc/local.yaml there"),
            std::string::npos);
  EXPECT_NE(with("prefix_sets: { a: { file: /etc/shadow } }\n").find("beside /etc/local.yaml"),
            std::string::npos);
  EXPECT_NE(with("mail: { server: 10.0.0.1:25, from: a@b.c, to: a@b.c, tls: starttls, user: u, "
                 "password_file: /etc/shadow }\n")
                .find("mail.password_file: \"/etc/shadow\" may not be named from here"),
            std::string::npos);
}

// An argument of the EAL can load a library, and some drivers open any file.
TEST(FleetDocuments, WhatDpdkLoadsAndOpensIsForTheMachineAlone) {
  LocalFile local;
  local.path = "/etc/local.yaml";
  local.eal = {"--no-huge"};
  local.devices = {"net_memif0,socket=/run/m"};
  EXPECT_NE(ErrorsOf(Load(std::string(kCommon) + "director: { eal: [-d, /tmp/x.so] }\n",
                          "ports: []\n", local))
                .find("director.eal: is for the machine alone: write it into /etc/local.yaml"),
            std::string::npos);
  EXPECT_EQ(Load(kCommon, kOwn, local).model->director.eal, local.eal);
  const auto with = [&](const std::string& device) {
    return ErrorsOf(Load(kCommon,
                         "ports:\n  - { name: outside, device: \"" + device +
                             "\", addresses: [192.0.2.2/24] }\n"
                             "  - { name: inside, device: net_null1, addresses: [10.0.0.2/24] }\n",
                         local));
  };
  for (const char* good : {"0000:3b:00.0", "3b:00.0,rx_vec_en=1", "net_af_packet0,iface=eth1",
                           "net_af_xdp0,iface=eth1", "net_tap0", "net_memif0,socket=/run/m"}) {
    EXPECT_EQ(with(good), "") << good;
  }
  for (const char* bad : {"net_pcap0,tx_pcap=FILE", "net_memif0,socket=/run/other", "net_ring0",
                          "net_af_xdp0,iface=eth1,xdp_prog=x.o", "net_af_packet0,iface=../x"}) {
    EXPECT_NE(with(bad).find("add it to \"devices\" of /etc/local.yaml there"), std::string::npos)
        << bad << with(bad);
  }
  const std::string bond = ErrorsOf(
      Load(kCommon,
           "ports:\n  - name: outside\n    addresses: [192.0.2.2/24]\n    device: { bond: { mode: "
           "active-backup, members: [\"3b:00.0\", \"net_pcap0,tx_pcap=F\"] } }\n"
           "  - { name: inside, device: net_null1, addresses: [10.0.0.2/24] }\n",
           local));
  EXPECT_NE(bond.find("ports[0].device.bond.members[1]: \"net_pcap0"), std::string::npos) << bond;
}

std::string ReadAll(const std::string& file) {
  std::ifstream in(std::string(FAIRLEAD_SOURCE) + "/config/examples/etcd-fleet/" + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(FleetDocuments, TheExampleLoadsWithoutErrorsAndWarnings) {
  const auto local = ParseLocalFile(ReadAll("fleet.yaml"), "fleet.yaml");
  ASSERT_TRUE(local) << local.error().ToString();
  for (const char* own : {"edge-1.yaml", "edge-2.yaml"}) {
    const LoadResult loaded = Load(ReadAll("common.yaml"), ReadAll(own), *local);
    ASSERT_TRUE(loaded) << own << ErrorsOf(loaded);
    EXPECT_EQ(loaded.warnings.size(), 0u) << loaded.warnings.front().ToString();
    EXPECT_EQ(loaded.model->services.size(), 1u);
  }
}

// Two stores may have one prefix.
TEST(KeptDocuments, ComeBackAndBelongToOnePrefixAndItsServers) {
  char folder[] = "/tmp/fleet-kept-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const Documents documents = Of(kCommon, kOwn);
  const auto at = [](const char* url) { return *ParseEtcdPlace(url); };
  const EtcdPlace place = at("etcd://10.0.0.9,10.0.0.10/f");
  const auto none = ReadKeptDocuments(folder, "edge-1", place);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  ASSERT_TRUE(KeepDocuments(folder, "edge-1", place, documents));
  EXPECT_EQ(**ReadKeptDocuments(folder, "edge-1", place), documents);
  EXPECT_EQ(**ReadKeptDocuments(folder, "edge-1", at("etcd://10.0.0.11,10.0.0.10/f")), documents);
  EXPECT_FALSE(*ReadKeptDocuments(folder, "edge-1", at("etcd://10.0.0.9/g")));
  EXPECT_FALSE(*ReadKeptDocuments(folder, "edge-1", at("etcd://10.0.0.11/f")));
  EXPECT_FALSE(*ReadKeptDocuments(folder, "edge-1", at("etcd://10.0.0.9:2380/f")));
  const std::string file = std::string(folder) + "/fleet-edge-1";
  std::ofstream(file, std::ios::app) << "x";
  EXPECT_FALSE(ReadKeptDocuments(folder, "edge-1", place));
  ::unlink(file.c_str());
  ::rmdir(folder);
}

TEST(KeptPeers, ComeBackAndBelongToOnePrefixAndItsServers) {
  char folder[] = "/tmp/fleet-kept-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const auto at = [](const char* url) { return *ParseEtcdPlace(url); };
  const EtcdPlace place = at("etcd://10.0.0.9,10.0.0.10/f");
  const auto none = ReadKeptPeers(folder, "edge-1", place);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  const std::vector<SyncPeer> peers{{"edge-2", *Endpoint::Parse("10.0.0.2:8849")},
                                    {"edge-3", *Endpoint::Parse("[fd00::3]:99")}};
  ASSERT_TRUE(KeepPeers(folder, "edge-1", place, peers));
  EXPECT_EQ(**ReadKeptPeers(folder, "edge-1", place), peers);
  EXPECT_FALSE(*ReadKeptPeers(folder, "edge-1", at("etcd://10.0.0.9/g")));
  EXPECT_FALSE(*ReadKeptPeers(folder, "edge-1", at("etcd://10.0.0.11/f")));
  ASSERT_TRUE(KeepPeers(folder, "edge-1", place, {}));
  EXPECT_EQ((*ReadKeptPeers(folder, "edge-1", place))->size(), 0u) << "known to be none";
  const std::string file = std::string(folder) + "/peers-edge-1";
  std::ofstream(file, std::ios::app) << "x";
  EXPECT_FALSE(ReadKeptPeers(folder, "edge-1", place));
  ::unlink(file.c_str());
  ::rmdir(folder);
}

TEST(FleetDocuments, MayFindSyncPeersInTheFleet) {
  const LoadResult loaded =
      Load(std::string(kCommon) + "\nsync: { peers: fleet, key_file: /k }\n", kOwn);
  ASSERT_TRUE(loaded) << ErrorsOf(loaded);
  EXPECT_TRUE(loaded.model->sync.stream.has_fleet_peers);
  const LoadResult named =
      Load(std::string(kCommon) + "\nsync: { peers: fleet, key_file: /k, name: a }\n", kOwn);
  EXPECT_NE(ErrorsOf(named).find("sync.name: has no use with \"peers: fleet\""), std::string::npos)
      << ErrorsOf(named);
  const LoadResult in_clear = Load(std::string(kCommon) + "\nsync: { peers: fleet }\n", kOwn);
  EXPECT_NE(ErrorsOf(in_clear).find("need \"key_file\""), std::string::npos);
}

TEST(EtcdPlace, WhatItNames) {
  const auto place = ParseEtcdPlace("etcd://10.0.0.9:2379,[fd00::9],store.example:1/fair/lead/");
  ASSERT_TRUE(place) << place.error().ToString();
  EXPECT_EQ(place->servers,
            (std::vector<EtcdServer>{{"10.0.0.9", 2379}, {"fd00::9", 2379}, {"store.example", 1}}));
  EXPECT_EQ(place->servers[1].ToString(), "[fd00::9]:2379");
  EXPECT_EQ(place->MemberKey("a"), "/fair/lead/members/a");
  for (const char* wrong : {"etcd://", "etcd://a", "etcd://a/", "etcd:///f", "etcd://a:0/f",
                            "etcd://a:99999/f", "etcd://u:p@a/f", "etcd://a,,b/f", "etcd://a/f//g",
                            "etcd://a/f g", "etcd://a b/f", "http://a/f"}) {
    EXPECT_FALSE(ParseEtcdPlace(wrong)) << wrong;
  }
}

TEST(EtcdPlace, WithoutEncryptionOnlyToThisMachine) {
  LocalFile local;
  EXPECT_TRUE(CheckEncryption(*ParseEtcdPlace("etcd://127.0.0.1/f"), local));
  EXPECT_TRUE(CheckEncryption(*ParseEtcdPlace("etcd://[::1],localhost/f"), local));
  const Status refused = CheckEncryption(*ParseEtcdPlace("etcd://127.0.0.1,10.0.0.9/f"), local);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("use https: write \"ca: FILE\""), std::string::npos);
  local.ca = "system";
  EXPECT_TRUE(CheckEncryption(*ParseEtcdPlace("etcd://10.0.0.9/f"), local));
}

TEST(LocalFile, WhatItSays) {
  const auto local = ParseLocalFile(
      "user: edge\npassword: s3cret\nca: system\naddress: 10.0.0.1\nscripts: [/usr/bin/x]\n", "f");
  ASSERT_TRUE(local) << local.error().ToString();
  EXPECT_EQ(local->password, "s3cret");
  EXPECT_TRUE(local->uses_tls());
  EXPECT_EQ(local->scripts, std::vector<std::string>{"/usr/bin/x"});
  EXPECT_TRUE(ParseLocalFile("", "f"));
  EXPECT_EQ(ParseLocalFile("usr: edge\n", "f").error().place, "f:1:1: usr");
  for (const char* wrong : {"user: edge\n", "password: x\n", "certificate: /a\nkey: /b\n",
                            "ca: relative\n", "scripts: [x]\n", "address: 0.0.0.0\n", "- a\n"}) {
    EXPECT_FALSE(ParseLocalFile(wrong, "f")) << wrong;
  }
}

TEST(LocalFile, APasswordThatIsWrittenWronglyIsNotShown) {
  for (const char* wrong :
       {"user: edge\npassword: !s3cret\n", "user: edge\npassword: !!s3cret x\n",
        "user: edge\npassword: \"s3cret\\t\"\n", "user: edge\npassword: [s3cret]\n"}) {
    const auto local = ParseLocalFile(wrong, "f");
    ASSERT_FALSE(local) << wrong;
    EXPECT_EQ(local.error().ToString().find("s3cret"), std::string::npos)
        << local.error().ToString();
  }
}

TEST(LocalFile, TheKeyOfACertificateIsASecretToo) {
  char path[] = "/tmp/fleet-local-XXXXXX", key[] = "/tmp/fleet-key-XXXXXX";
  ::close(::mkstemp(path));
  ::close(::mkstemp(key));
  std::ofstream(path) << "ca: system\ncertificate: /c\nkey: " << key << "\n";
  EXPECT_TRUE(ReadLocalFile(path, true));
  ::chmod(key, 0644);
  const auto refused = ReadLocalFile(path, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place, key);
  ::unlink(path);
  ::unlink(key);
}

TEST(LocalFile, NobodyElseMayReadIt) {
  char path[] = "/tmp/fleet-local-XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  ::close(fd);
  std::ofstream(path) << "user: edge\npassword: s3cret\n";
  EXPECT_TRUE(ReadLocalFile(path, true));
  ::chmod(path, 0644);
  EXPECT_NE(ReadLocalFile(path, true).error().message.find("chmod o="), std::string::npos);
  ::unlink(path);
  EXPECT_FALSE(ReadLocalFile(path, true));
  EXPECT_TRUE(ReadLocalFile(path, false));
}

TEST(FleetMember, ComesBackAndIsBounded) {
  FleetMember member{.name = "edge-1",
                     .address = "10.0.0.1",
                     .sync_port = 8849,
                     .generation = 7,
                     .revision = 12,
                     .is_ready = true,
                     .refused = "no\n",
                     .refused_revision = 13,
                     .version = "0.1.0",
                     .incarnation = 1};
  auto back = MemberFromJson("edge-1", MemberToJson(member));
  ASSERT_TRUE(back);
  member.refused = "no ";  // what a terminal shows
  EXPECT_EQ(*back, member);
  member.refused = std::string(100'000, 'x');
  EXPECT_EQ(MemberFromJson("edge-1", MemberToJson(member))->refused.size(), kMostRefusedBytes);
  std::string umlauts = "x";  // of two bytes each, so the bound is within one
  while (umlauts.size() < 2 * kMostRefusedBytes) umlauts += "\xc3\xa4";
  const auto cut = MemberFromJson("edge-1", "{\"refused\":\"" + umlauts + "\"}");
  EXPECT_EQ(cut->refused, umlauts.substr(0, kMostRefusedBytes - 1));
  for (const char* wrong :
       {"", "[]", "{", R"({"address":"example.com"})", R"({"sync_port":65536})"}) {
    EXPECT_FALSE(MemberFromJson("edge-1", wrong)) << wrong;
  }
  EXPECT_FALSE(MemberFromJson("edge-1", "{\"a\":\"" + std::string(kMostMemberBytes, 'x') + "\"}"));
  EXPECT_TRUE(MemberFromJson("edge-1", R"({"generation":-1,"unknown":[]})"));
}

}  // namespace
}  // namespace fairlead::control::documents_test
