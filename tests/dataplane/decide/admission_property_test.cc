// Over random configurations and flows: what explain foretells is what the first packet meets, and
// an error that is scheduled goes to the same real server. Seeded; the seed is in the test's name.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "admission_bed.h"

namespace fairlead::dataplane::admission_property_test {
namespace {

const std::string kVip = "192.0.2.10";       // many services by port
const std::string kAllPorts = "192.0.2.11";  // port 0, one exact port
const std::string kFtp = "192.0.2.12";
const std::string kMarked = "192.0.2.13";  // by mark, a virtual address
const std::string kVip6 = "2001:db8::10";
constexpr std::array kMethods = {ForwardMethod::kNat, ForwardMethod::kTun, ForwardMethod::kDr};

Endpoint At(const std::string& address, uint16_t port) {
  return {*IpAddress::Parse(address), Be16::FromHost(port)};
}

struct Case {
  size_t workers;
  uint32_t seed;
};

// A director with a service of every kind, its details drawn at random, and what may happen to it.
class World {
 public:
  explicit World(const Case& c)
      : d({.workers = c.workers,
           .connections = 32768,
           .templates = 16384,
           .ring_packets = 512,
           .seed = c.seed}),
        is_alone_(c.workers == 1) {
    AddByPort();
    AddByAddress();
    AddMarks();
    d.draft().policy.reset_without_listener = d.Random(3) != 0;
    d.draft().defence.am_droprate = 3;
    d.Publish();
  }

  struct Flow {
    Endpoint client, to;
    uint8_t protocol = kProtocolTcp;
    std::string call_id = "";
    bool has_engine = false;
  };

  Flow AnyFlow() {
    Flow flow = destinations_[d.Random(static_cast<uint32_t>(destinations_.size()))];
    const bool is_v4 = flow.to.address.is_v4();
    const std::string low = std::to_string(1 + d.Random(250));
    const auto port = d.Random(20) == 0 ? uint16_t{20} : next_port_++;
    if (next_port_ == 65000) next_port_ = 1024;
    if (!is_v4) {
      flow.client = At((d.Random(8) == 0 ? "fe80::" : "2001:db8:5::") + low, port);
    } else {
      constexpr std::array kNetworks = {"198.51.100.", "198.51.101.", "203.0.112.", "198.18.0."};
      flow.client = At(kNetworks[d.Random(4)] + low, port);
      if (d.Random(40) == 0) flow.client = At(kVip, port);  // forged
    }
    if (flow.has_engine && flow.protocol == kProtocolUdp) {
      flow.call_id = std::to_string(++last_call_) + "@here";
    }
    return flow;
  }

  // Something happens. It is prepared, not published.
  void Change() {
    const RealId real{d.Random(static_cast<uint32_t>(d.draft().reals.size()))};
    RealView& view = d.real(real);
    switch (d.Random(6)) {
      case 0:
        if (view.is_available) d.SetWeight(real, static_cast<int32_t>(d.Random(4)));
        break;
      case 1:
        view.is_available ? d.RemoveReal(real) : d.RestoreReal(real);
        break;
      case 2:  // down or drained
        if (view.is_available) view.templates_valid = !view.templates_valid;
        break;
      case 3:
      case 4:
        ChangeNetmask();
        break;
      default:
        Pin();
        break;
    }
    d.Prepare();
  }

  ByteDirector d;

 private:
  ServiceId Add(ServiceSpec spec, uint16_t real_port) {
    spec.scheduler = AnyScheduler();
    if (spec.persistence_seconds == 0 && d.Random(2) == 0) spec.persistence_seconds = 300;
    if (d.Random(3) == 0) spec.mask4 = 0xffffff00;
    if (spec.persistence_seconds != 0 && d.Random(4) == 0) spec.spread = 3;
    const ServiceId id = d.AddService(spec);
    const bool is_v4 = spec.address.find(':') == std::string::npos;
    for (int i = 11; i <= 15; ++i) {
      const ForwardMethod method = kMethods[d.Random(3)];
      // HostMac tells these apart.
      const std::string n = std::to_string(i);
      d.AddReal(id, is_v4 ? "10.0.0." + n : "fd00::" + n + "00:0:0:1", real_port,
                {.method = method,
                 .weight = static_cast<int32_t>(d.Random(4)),
                 .upper = d.Random(3) == 0 ? 20u : 0u});
    }
    PolicyView& policy = d.service(id).policy;
    policy.schedule_icmp = true;
    policy.expire_quiescent_template = d.Random(2) == 0;
    policy.unknown_connections = static_cast<UnknownConnections>(d.Random(3));
    policy.sloppy_tcp = d.Random(6) == 0;
    if (d.Random(6) == 0) policy.drop_packet = kDefenceAlways;
    d.service(id).persistence.rekey = TicksFromSeconds(600);
    return id;
  }
  // Nobody foretells which worker a call's template belongs to; these schedulers choose alike at
  // each.
  void LetAnyWorkerChoose(ServiceId id) {
    if (is_alone_) return;
    ServiceView& service = d.service(id);
    service.plan = sched::Plan::Build(sched::Kind::kWlc, {}, {}, 0);
  }
  sched::Kind AnyScheduler() {
    return sched::kAllKinds[d.Random(static_cast<uint32_t>(sched::kAllKinds.size()))];
  }
  void Reach(const std::string& address, uint16_t port, uint8_t protocol, bool has_engine = false) {
    destinations_.push_back(
        {.client = {}, .to = At(address, port), .protocol = protocol, .has_engine = has_engine});
  }

  void AddByPort() {
    for (uint16_t port = 80; port < 86; ++port) {
      const uint8_t protocol = port % 2 == 0 ? kProtocolTcp : kProtocolUdp;
      // Two of them share their clients.
      const uint64_t group = port == 80 || port == 82 ? 9 : 0;
      Add({.address = kVip,
           .port = port,
           .protocol = protocol,
           .persistence_seconds = group != 0 ? 300u : 0u,
           .group = group},
          port);
      Reach(kVip, port, protocol);
    }
    Add({.address = kVip, .port = 53, .protocol = kProtocolUdp, .is_one_packet = true}, 53);
    Reach(kVip, 53, kProtocolUdp);
    const ServiceId sip =
        Add({.address = kVip, .port = 5060, .protocol = kProtocolUdp, .persistence_seconds = 300},
            5060);
    d.service(sip).persistence.engine = PersistenceEngine::kSip;
    LetAnyWorkerChoose(sip);
    Reach(kVip, 5060, kProtocolUdp, true);
    Reach(kVip, 99, kProtocolTcp);  // nobody's
    Reach(kVip, 99, kProtocolUdp);
    Add({.address = kVip6, .port = 80}, 80);
    Reach(kVip6, 80, kProtocolTcp);
  }
  void AddByAddress() {
    Add({.address = kAllPorts, .port = 0}, 0);
    Add({.address = kAllPorts, .port = 22}, 22);
    for (const uint16_t port : std::array<uint16_t, 3>{22, 23, 8080})
      Reach(kAllPorts, port, kProtocolTcp);
    Add({.address = kFtp, .port = 21}, 21);
    for (const uint16_t port : std::array<uint16_t, 4>{21, 20, 2000, 80})
      Reach(kFtp, port, kProtocolTcp);
    Reach("203.0.115.9", 22, kProtocolTcp);  // passes by
  }
  void AddMarks() {
    ClassifierBuilder rules;
    const auto set = [&](const char* prefix) { return rules.AddSet({*Prefix::Parse(prefix)}); };
    rules.AddRule({.source_set = set("198.51.100.240/28"),
                   .destination_set = set("192.0.2.0/24"),
                   .is_drop = true});
    rules.AddRule({.destination_set = set("203.0.113.0/24"), .mark = 7});
    rules.AddRule({.destination_set = set("192.0.2.13/32"), .mark = 8});
    rules.AddRule({.destination_set = set("203.0.114.0/24"), .mark = 9});
    d.draft().classifier = rules.Build();
    const ServiceId cache = Add({.address = kMarked, .mark = 7}, 0);
    d.service(cache).policy.cache_bypass = d.Random(2) == 0;
    Add({.address = kMarked, .mark = 8}, 0);
    const ServiceId calls = Add({.address = kMarked, .mark = 9, .persistence_seconds = 300}, 0);
    d.service(calls).persistence.engine = PersistenceEngine::kSip;
    LetAnyWorkerChoose(calls);
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      Reach("203.0.113.5", 80, protocol);
      Reach(kMarked, 443, protocol);
      Reach("203.0.114.5", 5060, protocol, true);
    }
  }

  void ChangeNetmask() {
    const ServiceId id{d.Random(static_cast<uint32_t>(d.draft().services.size()))};
    PersistenceView& persistence = d.service(id).persistence;
    if (!persistence.is_enabled) return;
    persistence.previous = std::make_shared<const ClientKeying>(persistence.clients);
    persistence.clients.mask4 = Be32::FromHost(~uint32_t{0} << d.Random(10));
    persistence.clients.prefix_length6 = static_cast<uint8_t>(96 + d.Random(33));
    ++persistence.keying_edits;
  }
  void Pin() {
    const RealId real{d.Random(static_cast<uint32_t>(d.draft().reals.size()))};
    const ServiceId id = d.real(real).service;
    const PersistenceView& persistence = d.service(id).persistence;
    if (!persistence.is_enabled || persistence.engine != PersistenceEngine::kNone) return;
    const std::string low = std::to_string(1 + d.Random(250));
    for (size_t w = 0; w < d.worker_count(); ++w) {
      PinTemplate pin;
      pin.service = id;
      pin.client = *IpAddress::Parse(
          (d.service(id).family == Family::kIpv4 ? "198.51.100." : "2001:db8:5::") + low);
      pin.real = real;
      pin.ttl = kForever;
      d.RunCommand(w, &pin);
    }
  }

  const bool is_alone_;
  std::vector<Flow> destinations_;
  uint16_t next_port_ = 1024;
  uint32_t last_call_ = 0;
};

class RandomAdmissions : public testing::TestWithParam<Case> {
 protected:
  // A refusal may be kept back by its limit, and one to a link-local client waits for its MAC.
  static bool IsSame(const std::string& seen, const std::string& foretold,
                     const World::Flow& flow) {
    if (seen == foretold) return true;
    const bool is_refusal = foretold == "reset" || foretold == "unreachable";
    return is_refusal &&
           (seen == "limited" || (seen == "dropped" && flow.client.address.is_link_local()));
  }
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const size_t workers : {1, 2, 3, 5}) {
    for (uint32_t seed = 1; seed <= 6; ++seed) cases.push_back({workers, seed});
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Random, RandomAdmissions, testing::ValuesIn(Cases()), [](const auto& p) {
  return "workers" + std::to_string(p.param.workers) + "seed" + std::to_string(p.param.seed);
});

TEST_P(RandomAdmissions, AreForetoldAndTheSameForErrors) {
  World world(GetParam());
  ByteDirector& d = world.d;
  std::map<std::string, int> kinds;
  int errors = 0;
  for (int step = 0; step < 600; ++step) {
    const World::Flow flow = world.AnyFlow();
    ExplainQuestion question = QuestionOf(flow.client, flow.to, flow.protocol);
    question.is_later = flow.protocol == kProtocolTcp && d.Random(4) == 0;
    const std::string what = "step " + std::to_string(step) + ": " + flow.client.ToString() +
                             " to " + flow.to.ToString() + "/" + std::to_string(flow.protocol);
    if (step % 12 == 11) {
      world.Change();
      const std::string draft = Foretold(d, d.ExplainDraft(question), flow.protocol);
      d.Publish();
      ASSERT_EQ(Foretold(d, d.Explain(question), flow.protocol), draft) << what;
    }
    const std::string foretold = Foretold(d, d.Explain(question), flow.protocol);
    const bool is_virtual =
        d.draft().local_addresses.find(flow.to.address) != d.draft().local_addresses.end();
    const bool is_error = is_virtual && !flow.has_engine && !question.is_later && d.Random(3) == 0;
    ++kinds[foretold.substr(0, 3)];
    if (!is_error) {
      const std::string seen = Seen(
          d, question.is_later ? Tcp(flow.client.address.ToString(), flow.client.port.host(),
                                     flow.to.address.ToString(), flow.to.port.host(), kTcpAck)
                               : FirstFrame(flow.client, flow.to, flow.protocol, flow.call_id));
      ASSERT_TRUE(IsSame(seen, foretold, flow))
          << what << " was foretold " << foretold << ", and is " << seen;
    } else {
      ++errors;
      const bool is_forwarded = foretold.starts_with("to ");
      ASSERT_EQ(Seen(d, ErrorAboutFlow(flow.client, flow.to, flow.protocol)),
                is_forwarded ? foretold : "dropped")
          << what;
      const bool is_one_packet = flow.to == At(kVip, 53);
      if (is_forwarded && !is_one_packet) {
        const auto from = flow.client.address.ToString(), to = flow.to.address.ToString();
        const uint16_t source = flow.client.port.host(), port = flow.to.port.host();
        ASSERT_EQ(Seen(d, flow.protocol == kProtocolTcp ? Tcp(from, source, to, port, kTcpAck)
                                                        : Udp(from, source, to, port)),
                  foretold)
            << what;
      }
    }
    if (d.Random(30) == 0) d.Advance(d.Random(20));
  }
  EXPECT_EQ(d.CheckConservation(), "");
  EXPECT_GT(kinds["to "], 100);
  EXPECT_GT(kinds["dro"], 10);
  EXPECT_GT(kinds["unr"] + kinds["res"], 0);
  EXPECT_GT(errors, 50);
}

}  // namespace
}  // namespace fairlead::dataplane::admission_property_test
