// Whom sh and mh hash: addresses, or with the netmask flag networks. No templates here, so that the
// hash alone answers, as it would at another director.
#include <set>

#include "persistence_bed.h"

namespace fairlead::dataplane::hashing_test {
namespace {

using Names = std::set<std::string>;

// A service whose scheduler hashes under this netmask, with five reals; whom its clients meet.
class Hashing {
 public:
  Hashing(sched::Kind kind, uint32_t mask4, size_t workers = 1, const char* vip = "192.0.2.10")
      : d_({.workers = workers, .seed = static_cast<uint32_t>(workers)}), vip_(vip) {
    service_ =
        d_.AddService({.address = vip, .scheduler = kind, .mask4 = mask4, .prefix_length6 = 64});
    const bool is_v4 = std::string(vip).find(':') == std::string::npos;
    for (int i = 11; i < 16; ++i) {
      d_.AddReal(service_, (is_v4 ? "10.0.0." : "fd00::") + std::to_string(i), 80);
    }
    d_.service(service_).hashes_network = true;
    d_.Publish();
  }

  std::string Meets(const std::string& client) {
    const auto sent = d_.Send(kOutside, Tcp(client, ++port_, vip_, 80, kTcpSyn));
    if (sent.size() != 1) return "nobody";
    const std::string text = Text(sent[0].frame);
    return text.substr(0, text.find(" <-"));
  }
  Names OfNetwork(const std::string& network) {
    Names names;
    for (int host = 1; host <= 20; ++host) names.insert(Meets(network + std::to_string(host)));
    return names;
  }
  ServiceView& service() { return d_.service(service_); }
  ByteDirector& director() { return d_; }

 private:
  ByteDirector d_;
  std::string vip_;
  ServiceId service_;
  uint16_t port_ = 1024;
};

TEST(Hashing, WithoutTheFlagANetworkIsSpread) {
  for (const sched::Kind kind : {sched::Kind::kMh, sched::Kind::kSh}) {
    Hashing hashing(kind, 0xffffff00);
    hashing.service().hashes_network = false;
    hashing.director().Publish();
    EXPECT_GT(hashing.OfNetwork("198.18.7.").size(), 2u);
  }
}

TEST(Hashing, ANetworkMeetsOneRealAtAnyDirector) {
  for (const sched::Kind kind : {sched::Kind::kMh, sched::Kind::kSh}) {
    Hashing one(kind, 0xffffff00), other(kind, 0xffffff00, 4);
    Names all;
    for (int network = 0; network < 12; ++network) {
      const std::string prefix = "198.18." + std::to_string(network) + ".";
      const Names names = one.OfNetwork(prefix);
      EXPECT_EQ(names.size(), 1u) << prefix;
      EXPECT_EQ(other.OfNetwork(prefix), names) << prefix;
      all.insert(names.begin(), names.end());
    }
    EXPECT_GT(all.size(), 2u);
  }
}

TEST(Hashing, Ipv6ByItsOwnNetmask) {
  Hashing hashing(sched::Kind::kMh, 0xffffffff, 2, "2001:db8:1::10");
  Names all;
  for (int network = 1; network <= 9; ++network) {
    const Names names = hashing.OfNetwork("2001:db8:aa:" + std::to_string(network) + "::");
    EXPECT_EQ(names.size(), 1u) << network;
    all.insert(names.begin(), names.end());
  }
  EXPECT_GT(all.size(), 2u);
}

// As for templates: a client group is one client, wherever its networks are.
TEST(Hashing, AClientGroupHashesAsOneClient) {
  Hashing hashing(sched::Kind::kMh, 0xffffffff);
  std::vector<PrefixMap<GroupNumber>::Entry> campus;
  for (const char* prefix : {"198.18.0.0/16", "203.0.113.0/24"}) {
    campus.emplace_back(*Prefix::Parse(prefix), GroupNumber{77});
  }
  hashing.service().persistence.clients.groups =
      std::make_shared<const PrefixMap<GroupNumber>>(PrefixMap<GroupNumber>::Build(campus));
  hashing.director().Publish();
  Names names = hashing.OfNetwork("198.18.3.");
  names.merge(hashing.OfNetwork("198.18.200."));
  names.merge(hashing.OfNetwork("203.0.113."));
  EXPECT_EQ(names.size(), 1u);
  EXPECT_GT(hashing.OfNetwork("198.51.100.").size(), 1u);
}

TEST(Hashing, ExplainSaysWhatIsHashed) {
  Hashing hashing(sched::Kind::kMh, 0xffffff00);
  const ExplainAnswer answer = hashing.director().Explain(
      {.protocol = kProtocolTcp,
       .client = {*IpAddress::Parse("198.18.7.9"), Be16::FromHost(5000)},
       .destination = {*IpAddress::Parse("192.0.2.10"), Be16::FromHost(80)},
       .input_port = kOutside});
  const auto end = answer.steps.begin() + answer.step_count;
  const auto found = std::find_if(answer.steps.begin(), end, [](const ExplainStep& s) {
    return std::holds_alternative<step::HashedNetwork>(s);
  });
  ASSERT_NE(found, end);
  const auto& hashed = std::get<step::HashedNetwork>(*found);
  EXPECT_EQ(hashed.prefix_length, 24u);
  EXPECT_EQ(hashed.mask, 0xffffff00u);
}

}  // namespace
}  // namespace fairlead::dataplane::hashing_test
