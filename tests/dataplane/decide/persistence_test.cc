// Persistence as IPVS has it (ipvs.md, template key to template validity): keys, masks, validity,
// live changes.
#include "persistence_bed.h"

namespace fairlead::dataplane::persistence_test {
namespace {

using Lines = std::vector<std::string>;

class Persistence : public EveryWorker {};
INSTANTIATE_TEST_SUITE_P(Workers, Persistence, testing::Values(1, 2, 5));

const char* const kClient = "198.51.100.7";

// ---- keys (section 3.1): what is listed for one connection to each kind of service

struct KeyCase {
  const char* what;
  ServiceSpec service;
  const char* client;
  uint16_t port;
  uint8_t protocol;
  const char* listed;
};

const KeyCase kKeyCases[] = {
    {"plain",
     {.persistence_seconds = 300},
     kClient,
     80,
     kProtocolTcp,
     "tcp 198.51.100.7 192.0.2.10:80 -> 10.0.0.11:80"},
    {"plain UDP",
     {.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 300},
     kClient,
     53,
     kProtocolUdp,
     "udp 198.51.100.7 192.0.2.10:53 -> 10.0.0.11:53"},
    {"masked",
     {.persistence_seconds = 300, .mask4 = 0xffffff00},
     kClient,
     80,
     kProtocolTcp,
     "tcp 198.51.100.0/24 192.0.2.10:80 -> 10.0.0.11:80"},
    {"mask with holes",
     {.persistence_seconds = 300, .mask4 = 0xff00ff00},
     kClient,
     80,
     kProtocolTcp,
     "tcp 198.0.100.0/16 192.0.2.10:80 -> 10.0.0.11:80"},
    {"mask 0",
     {.persistence_seconds = 300, .mask4 = 0},
     kClient,
     80,
     kProtocolTcp,
     "tcp 0.0.0.0/0 192.0.2.10:80 -> 10.0.0.11:80"},
    {"FTP control",
     {.port = 21, .persistence_seconds = 300},
     kClient,
     21,
     kProtocolTcp,
     "tcp 198.51.100.7 192.0.2.10:0 -> 10.0.0.11:0"},
    {"FTP data",
     {.port = 21, .persistence_seconds = 300},
     kClient,
     40000,
     kProtocolTcp,
     "tcp 198.51.100.7 192.0.2.10:0 -> 10.0.0.11:0"},
    {"port 0",
     {.port = 0, .persistence_seconds = 300},
     kClient,
     8443,
     kProtocolTcp,
     "tcp 198.51.100.7 192.0.2.10:0 -> 10.0.0.11:0"},
    {"mark",
     {.mark = 7, .persistence_seconds = 300},
     kClient,
     80,
     kProtocolTcp,
     "ip 198.51.100.7 0.0.0.7:0 -> 10.0.0.11:0"},
    {"mark, UDP, masked",
     {.mark = 0x01020304, .persistence_seconds = 300, .mask4 = 0xffff0000},
     kClient,
     53,
     kProtocolUdp,
     "ip 198.51.0.0/16 1.2.3.4:0 -> 10.0.0.11:0"},
    {"IPv6",
     {.address = "2001:db8::10", .persistence_seconds = 300},
     "2001:db8:7::9",
     80,
     kProtocolTcp,
     "tcp 2001:db8:7::9 [2001:db8::10]:80 -> [fd00::11]:80"},
    {"IPv6, /64",
     {.address = "2001:db8::10", .persistence_seconds = 300, .prefix_length6 = 64},
     "2001:db8:7::9",
     80,
     kProtocolTcp,
     "tcp 2001:db8:7::/64 [2001:db8::10]:80 -> [fd00::11]:80"},
    {"IPv6, port 0",
     {.address = "2001:db8::10", .port = 0, .persistence_seconds = 300},
     "2001:db8:7::9",
     22,
     kProtocolTcp,
     "tcp 2001:db8:7::9 [2001:db8::10]:0 -> [fd00::11]:0"},
};

TEST_P(Persistence, KeysAreListedAsTheyAre) {
  for (const KeyCase& c : kKeyCases) {
    SCOPED_TRACE(c.what);
    PersistenceBed bed(GetParam());
    const ServiceId service = bed.Service(c.service);
    const bool is_v4 = c.service.address.find(':') == std::string::npos;
    bed.d.AddReal(service, is_v4 ? "10.0.0.11" : "fd00::11", bed.d.service(service).port.host());
    if (c.service.mark != 0) {
      ClassifierBuilder rules;
      rules.AddRule({.mark = c.service.mark});
      bed.d.draft().classifier = rules.Build();
    }
    bed.d.Publish();
    EXPECT_NE(bed.Home(c.client, c.port, c.service.address, c.protocol), "refused");
    EXPECT_EQ(bed.Listing(), Lines{c.listed});
    bed.ExpectNothingLeft();
  }
}

// V:21 and V:0 share a template: the service is not in the key (section 3.1, "key clash").
TEST_P(Persistence, FtpAndPortZeroShareATemplate) {
  PersistenceBed bed(GetParam());
  const ServiceId ftp = bed.Service({.port = 21, .persistence_seconds = 300});
  const ServiceId all = bed.Service({.port = 0, .persistence_seconds = 300});
  bed.Reals(ftp, 1, 11);
  bed.Reals(all, 1, 12);
  EXPECT_EQ(bed.Home(kClient, 21), "10.0.0.11");
  EXPECT_EQ(bed.Home(kClient, 22), "10.0.0.11");
  EXPECT_EQ(bed.Rows().size(), 1u);
}

// A group's template is made through one service and is every member's, so each member finds it:
// in lists, in flushes and for the policy of now.
TEST_P(Persistence, AGroupsTemplateIsFoundThroughEachMember) {
  PersistenceBed bed(GetParam());
  const ServiceId http = bed.Service({.persistence_seconds = 300, .group = 5});
  const ServiceId https = bed.Service({.port = 443, .persistence_seconds = 300, .group = 5});
  const ServiceId other = bed.Service({.port = 25, .persistence_seconds = 300});
  bed.Reals(http, 3);
  const auto https_reals = bed.Reals(https, 3);
  bed.Reals(other, 3);
  const std::string home = bed.Home(kClient, 80);
  RecordFilter by_service;
  by_service.service = https;
  EXPECT_EQ(bed.Rows(by_service).size(), 1u);
  EXPECT_EQ(bed.Retime(by_service), 1u);
  for (size_t i = 0; i < https_reals.size(); ++i) {
    RecordFilter by_real = by_service;
    by_real.real = https_reals[i];
    const std::string address = "10.0.0." + std::to_string(11 + i);
    EXPECT_EQ(bed.Rows(by_real).size(), address == home ? 1u : 0u) << address;
  }
  RecordFilter elsewhere;
  elsewhere.service = other;
  EXPECT_EQ(bed.Flush(elsewhere), 0u);
  EXPECT_EQ(bed.Flush(by_service), 1u);
  by_service.service = http;
  EXPECT_EQ(bed.Flush(by_service), 0u) << "it is gone for all of them";
}

// With a netmask a template is a network's, and each of its clients is found by its own address.
TEST_P(Persistence, AClientIsFoundInItsNetwork) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.persistence_seconds = 300, .mask4 = 0xffffff00}), 3);
  bed.Reals(bed.Service({.port = 443, .persistence_seconds = 300, .mask4 = 0xff00ff00}), 3);
  bed.Home(kClient, 80);
  bed.Home("203.0.113.9", 443);
  EXPECT_EQ(bed.Rows(bed.Of("198.51.100.200")).size(), 1u);
  EXPECT_EQ(bed.Rows(bed.Of("198.51.100.16/28")).size(), 1u);
  EXPECT_EQ(bed.Rows(bed.Of("198.51.0.0/16")).size(), 1u);
  EXPECT_EQ(bed.Rows(bed.Of("198.51.101.7")).size(), 0u);
  EXPECT_EQ(bed.Rows(bed.Of("203.77.113.1")).size(), 1u) << "the mask has a hole";
  EXPECT_EQ(bed.Rows(bed.Of("203.77.114.1")).size(), 0u);
  EXPECT_EQ(bed.Rows(bed.Of("2001:db8::1")).size(), 0u);
  EXPECT_EQ(bed.Flush(bed.Of("198.51.100.99")), 1u);
}

// What a member lacking the group's real made for itself alone is that member's.
TEST_P(Persistence, AMembersOwnTemplateIsNotTheGroups) {
  PersistenceBed bed(GetParam());
  const ServiceId http = bed.Service({.persistence_seconds = 300, .group = 5});
  const ServiceId https = bed.Service({.port = 443, .persistence_seconds = 300, .group = 5});
  bed.Reals(http, 2);
  bed.Reals(https, 2, 21);
  bed.Home(kClient, 80);
  bed.Home(kClient, 443);
  RecordFilter filter;
  filter.service = http;
  EXPECT_EQ(bed.Rows(filter).size(), 1u);
  filter.service = https;
  EXPECT_EQ(bed.Rows(filter).size(), 2u);
}

TEST_P(Persistence, TwoPlainServicesOfAVipShareNothing) {
  PersistenceBed bed(GetParam());
  for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) {
    bed.Reals(bed.Service({.port = port, .persistence_seconds = 300}), 3);
  }
  for (uint32_t i = 0; i < 20; ++i) {
    const std::string client = "198.51.100." + std::to_string(i);
    bed.Home(client, 80);
    // Only those who use both have two.
    if (i % 2 == 0) bed.Home(client, 443);
  }
  EXPECT_EQ(bed.Rows().size(), 30u);
}

// ---- validity (section 3.5): seven situations, three kinds of connection

struct Situation {
  const char* what;
  bool expire_quiescent = false;
  bool expire_nodest = false;
  void (*happen)(PersistenceBed&, RealId);
  const char* existing;  // what a packet of the client's connection does
  const char* known;     // a new connection of that client
};

void ToWeightZero(PersistenceBed& bed, RealId real) { bed.d.SetWeight(real, 0); }
void Remove(PersistenceBed& bed, RealId real) { bed.d.RemoveReal(real); }
void RemoveAndExpire(PersistenceBed& bed, RealId real) { bed.d.RemoveReal(real, Remains::kExpire); }
void RemoveAndAdd(PersistenceBed& bed, RealId real) {
  bed.d.RemoveReal(real);
  bed.d.Publish();
  bed.d.Advance(5);
  bed.d.RestoreReal(real);
}
void Overload(PersistenceBed& bed, RealId real) {
  bed.d.real(real).upper_threshold = 1;
  bed.d.Publish();
  bed.d.fabric().loads.UpdateOverload(real, 1, 0);
}
// The service goes and comes back, as by -D, -A and -a (its ids live in the trash meanwhile).
void RemoveService(PersistenceBed& bed, RealId real) {
  const ServiceId service = bed.d.real(real).service;
  const ServiceView kept = bed.d.service(service);
  bed.d.RemoveReal(real);
  bed.d.draft().service_index.clear();
  bed.d.Publish();
  EXPECT_EQ(bed.Home(kClient), "refused");
  bed.d.draft().service_index[{kept.address, kept.port, kept.protocol}] = service;
  bed.d.RestoreReal(real);
}

const Situation kSituations[] = {
    {"weight 0", false, false, ToWeightZero, "same", "same"},
    {"weight 0, expire_quiescent_template", true, false, ToWeightZero, "same", "other"},
    {"removed", false, false, Remove, "nothing", "other"},
    {"removed, expire_nodest_conn", false, true, RemoveAndExpire, "refused", "other"},
    {"removed and added again", false, false, RemoveAndAdd, "same", "same"},
    {"overloaded", false, false, Overload, "same", "same"},
    {"service removed and made again", false, false, RemoveService, "same", "same"},
};

TEST_P(Persistence, ValidityMatrix) {
  for (const Situation& s : kSituations) {
    SCOPED_TRACE(s.what);
    PersistenceBed bed(GetParam());
    const ServiceId web = bed.Service({.scheduler = sched::Kind::kWrr, .persistence_seconds = 300});
    bed.d.service(web).policy.expire_quiescent_template = s.expire_quiescent;
    bed.d.service(web).policy.expire_nodest_conn = s.expire_nodest;
    // wlc takes the heavier while it can: it is known whom the scheduler would choose.
    bed.d.AddReal(web, "10.0.0.12", 80);
    const RealId real = bed.d.AddReal(web, "10.0.0.11", 80, {.weight = 1000});
    bed.d.Publish();
    ASSERT_EQ(bed.HomeFrom(kClient, 5000), "10.0.0.11");
    s.happen(bed, real);
    bed.d.Publish();

    const auto packet = bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpAck));
    const std::string existing = packet.empty()                    ? "nothing"
                                 : packet[0].port != kInside       ? "refused"
                                 : Text(packet[0].frame)[7] == '1' ? "same"
                                                                   : "other";
    EXPECT_EQ(existing, s.existing) << "existing connection";
    const bool is_back = std::string(s.what).find("again") != std::string::npos;
    if (!is_back) {
      EXPECT_EQ(bed.Home("203.0.113.9"), "10.0.0.12") << "a client without template";
    }
    EXPECT_EQ(bed.Home(kClient), std::string(s.known) == "same" ? "10.0.0.11" : "10.0.0.12")
        << "a client with a template";
    // Rescheduled: the old template is there under its new name, the client stays where it is now.
    RecordFilter invalid;
    invalid.valid = false;
    EXPECT_EQ(bed.Listing(invalid),
              std::string(s.known) == "same"
                  ? Lines{}
                  : Lines{"tcp 198.51.100.7 192.0.2.10:65535 -> 10.0.0.11:65535 invalid"});
    EXPECT_EQ(bed.Home(kClient), std::string(s.known) == "same" ? "10.0.0.11" : "10.0.0.12");
    bed.ExpectNothingLeft();
  }
}

// ---- state (section 3.6)

TEST_P(Persistence, AssuredByAnEstablishedChildOrAReply) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.persistence_seconds = 300}), 1);
  bed.Reals(bed.Service({.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 300}), 1);
  bed.HomeFrom(kClient, 5000);
  bed.HomeFrom(kClient, 5001, 53, "192.0.2.10", kProtocolUdp);
  for (const TemplateRow& row : bed.Rows()) EXPECT_FALSE(row.is_assured);
  bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpAck));
  bed.d.Send(kInside, Udp("10.0.0.11", 53, kClient, 5001));
  for (const TemplateRow& row : bed.Rows()) EXPECT_TRUE(row.is_assured);
}

// ---- live changes (section 3.7): templates made before keep what they were made with

TEST_P(Persistence, AChangedTimeoutIsForNewTemplates) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 300});
  bed.Reals(web, 2);
  bed.Home(kClient);
  bed.Reset(kClient);
  bed.d.service(web).persistence.timeout = TicksFromSeconds(5);
  bed.d.Publish();
  bed.Home("203.0.113.9");
  bed.Reset("203.0.113.9");
  bed.d.Advance(100);
  EXPECT_EQ(bed.Listing(), Lines{"tcp 198.51.100.7 192.0.2.10:80 -> 10.0.0.12:80"});
  EXPECT_EQ(bed.Rows()[0].timeout, TicksFromSeconds(300));
}

TEST_P(Persistence, AChangedMaskAsksTheSchedulerAndListsTheOldOneRight) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 300});
  bed.Reals(web, 2);
  EXPECT_EQ(bed.Home(kClient), "10.0.0.12");
  bed.d.service(web).persistence.clients.mask4 = Be32::FromHost(0xffffff00);
  bed.d.SetWeight(RealId{1}, 0);
  bed.d.Publish();
  EXPECT_EQ(bed.Home(kClient), "10.0.0.11");
  EXPECT_EQ(bed.Listing(), (Lines{"tcp 198.51.100.0/24 192.0.2.10:80 -> 10.0.0.11:80",
                                  "tcp 198.51.100.7 192.0.2.10:80 -> 10.0.0.12:80"}));
}

TEST_P(Persistence, NotPersistentAndBackWithinTheTimeout) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 300});
  bed.Reals(web, 2);
  const std::string home = bed.Home(kClient);
  bed.d.service(web).persistence.is_enabled = false;
  bed.d.Publish();
  EXPECT_NE(bed.Home(kClient), bed.Home(kClient)) << "round robin";
  EXPECT_EQ(bed.Rows().size(), 1u);
  bed.d.service(web).persistence.is_enabled = true;
  bed.d.Publish();
  EXPECT_EQ(bed.Home(kClient), home);
}

// One packet: an ordinary template, renewed by each datagram, without a child (section 3.9).
TEST_P(Persistence, OnePacketSchedulingRenewsByEachDatagram) {
  PersistenceBed bed(GetParam());
  bed.Reals(
      bed.Service(
          {.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 60, .is_one_packet = true}),
      3);
  const std::string home = bed.Home(kClient, 53, "192.0.2.10", kProtocolUdp);
  for (int i = 0; i < 5; ++i) {
    bed.d.Advance(50);
    EXPECT_EQ(bed.HomeFrom(kClient, 5000, 53, "192.0.2.10", kProtocolUdp), home);
    EXPECT_EQ(bed.Rows().at(0).children, 0u);
  }
  bed.ExpectNothingLeft(61);
}

}  // namespace
}  // namespace fairlead::dataplane::persistence_test
