// FULLNAT in the configuration: read, written, inherited, and what is refused (broken/49-fullnat
// has the sentences).
#include <gtest/gtest.h>

#include <algorithm>

#include "control/config/dump.h"
#include "control/config/local_addresses.h"
#include "control/config/validate.h"
#include "load_helpers.h"

namespace fairlead::control::fullnat_config_test {
namespace {

ConfigModel Loaded(const std::string& text) {
  const LoadResult result = LoadConfigText(text, "t.yaml");
  EXPECT_TRUE(result) << ToText(result.errors);
  return result ? *result.model : ConfigModel{};
}

std::string Service(const std::string& forward, const std::string& reals = "") {
  return kBase + "prefix_sets: { pool: [10.0.2.0/31, 'fd00:2::/127'] }\n" +
         "services:\n  - { address: 192.0.2.10, port: 80, protocol: tcp, forward: " + forward +
         ", reals: [{ address: 10.0.0.11 }" + reals + "] }\n";
}

std::string AddressesOf(const ConfigModel& model, const Forwarding& forward) {
  std::string text;
  for (const IpAddress& each : ExpandLocalAddresses(model.prefix_sets, forward.local_addresses)) {
    text += (text.empty() ? "" : " ") + each.ToString();
  }
  return text;
}

TEST(FullnatConfig, IsReadAndWritten) {
  for (const char* told : {"none", "toa", "proxy-v1", "proxy-v2"}) {
    const std::string text = std::string("{ method: fullnat, local_addresses: [\"@pool\", ") +
                             "10.0.1.1/32, 10.0.1.4/31], client_address: " + told + " }";
    const ConfigModel model = Loaded(Service(text));
    const Forwarding& forward = model.services[0].forward;
    EXPECT_EQ(forward.method, ForwardMethod::kFullnat);
    EXPECT_EQ(ToWord(forward.client_address), told);
    EXPECT_EQ(AddressesOf(model, forward),
              "10.0.1.1 10.0.1.4 10.0.1.5 10.0.2.0 10.0.2.1 fd00:2:: fd00:2::1");
    EXPECT_TRUE(model.services[0].reals[0].forward == forward);
    const std::string dump = Dump(model);
    EXPECT_NE(dump.find("forward: " + text + "\n"), std::string::npos) << dump;
    EXPECT_TRUE(Loaded(dump).services[0] == model.services[0]);
  }
}

TEST(FullnatConfig, ARealHasFromItsServiceWhatItDoesNotSay) {
  const ConfigModel model = Loaded(
      Service("{ method: fullnat, local_addresses: 10.0.1.1, client_address: toa }",
              ", { address: 10.0.0.12, forward: fullnat }, { address: 10.0.0.13, forward: nat }"
              ", { address: 10.0.0.14, forward: { method: fullnat, client_address: none } }"
              ", { address: 10.0.0.15, forward: { method: fullnat, local_addresses: '@pool' } }"));
  std::string text;
  for (const RealConfig& real : model.services[0].reals) {
    text += std::string(ToWord(real.forward.method)) + " " + AddressesOf(model, real.forward) +
            " " + std::string(ToWord(real.forward.client_address)) + "\n";
  }
  EXPECT_EQ(text,
            "fullnat 10.0.1.1 toa\n"
            "fullnat 10.0.1.1 toa\n"
            "nat  none\n"
            "fullnat 10.0.1.1 none\n"
            "fullnat 10.0.2.0 10.0.2.1 fd00:2:: fd00:2::1 toa\n");
}

TEST(FullnatConfig, AServiceHasItFromTheDefaults) {
  const std::string text =
      kBase + "defaults: { forward: { method: fullnat, local_addresses: [10.0.1.1] } }\n" +
      "services:\n  - { address: 192.0.2.10, port: 80, protocol: tcp, reals: [{ address: "
      "10.0.0.11 }] }\n";
  const ConfigModel model = Loaded(text);
  EXPECT_EQ(AddressesOf(model, model.services[0].reals[0].forward), "10.0.1.1");
  EXPECT_EQ(ProblemsOf(text + "  - { address: 10.0.1.1, port: 80, protocol: tcp }\n"),
            "t.yaml:5:58: defaults.forward.local_addresses: contains 10.0.1.1, the address of "
            "service \"tcp-10.0.1.1-80\"; local addresses must be nobody else's\n");
}

TEST(FullnatConfig, AMarkServiceMayTellWhatOneOfItsTransportsCannot) {
  EXPECT_EQ(
      ProblemsOf(kBase + "services:\n  - { mark: 1, reals: [{ address: 10.0.0.11 }], forward: { "
                         "method: fullnat, local_addresses: 10.0.1.1, client_address: toa } }\n"),
      "");
}

TEST(FullnatConfig, ARealMayBeOfTheOtherIpVersion) {
  const auto problems = [](const std::string& addresses, const std::string& told,
                           const std::string& vip, const std::string& reals) {
    return ProblemsOf(kBase + "services:\n  - { address: '" + vip +
                      "', port: 80, protocol: tcp,\n      forward: { method: fullnat, "
                      "local_addresses: [" +
                      addresses + "], client_address: " + told + " }, reals: [" + reals + "] }\n");
  };
  const std::string both = "10.0.2.0/28, 'fd00:2::/124'";
  const std::string reals = "{ address: 10.0.0.11 }, { address: 'fd00::11' }";
  EXPECT_EQ(problems(both, "proxy-v1", "192.0.2.10", reals), "");
  EXPECT_EQ(problems(both, "toa", "2001:db8::10", reals), "");
  // Each IP version that some real has.
  EXPECT_NE(problems("10.0.2.0/28", "none", "192.0.2.10", reals)
                .find("local_addresses: has no IPv6 address, which the director needs to speak to "
                      "fd00::11"),
            std::string::npos);
  EXPECT_NE(problems("'fd00:2::/124'", "none", "2001:db8::10", "{ address: 10.0.0.11 }")
                .find("local_addresses: has no IPv4 address"),
            std::string::npos);
  EXPECT_NE(problems(both, "toa", "192.0.2.10", reals)
                .find("client_address: \"toa\" of an IPv4 client is read in IPv4 alone, and "
                      "fd00::11 is reached by IPv6; use proxy-v1, proxy-v2 or none"),
            std::string::npos);
}

// Of a set that is not there nobody knows what it has.
TEST(FullnatConfig, ASetThatIsNotThereIsTheOnlyProblem) {
  EXPECT_EQ(
      ProblemsOf(Service("{ method: fullnat, local_addresses: '@poool' }")),
      "t.yaml:7:98: services[0].forward.local_addresses[0]: there is no prefix set \"poool\"; "
      "did you mean \"pool\"?\n");
}

// Neither the missing list nor what follows from that is said beside the slip of the pen.
TEST(FullnatConfig, ASlipOfThePenIsTheOnlyProblem) {
  const std::string forward = "{ method: fullnat, local_address: 10.0.1.1 }";
  const std::string said =
      "forward.local_address: unknown key; did you mean \"local_addresses\"?\n";
  EXPECT_EQ(ProblemsOf(Service(forward,
                               ", { address: 10.0.0.12, forward: fullnat }, { address: "
                               "10.0.0.13, forward: { method: fullnat, client_address: "
                               "toa } }")),
            "t.yaml:7:81: services[0]." + said);
  EXPECT_EQ(ProblemsOf(Service("fullnat") + "defaults: { forward: " + forward + " }\n"),
            "t.yaml:8:41: defaults." + said);
  const std::string missing = ProblemsOf(Service("fullnat", ", { address: 10.0.0.12 }"));
  EXPECT_EQ(std::ranges::count(missing, '\n'), 1) << missing;
}

TEST(FullnatConfig, EveryAddressThatIsTakenIsNamed) {
  const auto problems = [](const std::string& local) {
    return ProblemsOf(Service("{ method: fullnat, local_addresses: " + local + " }",
                              ", { address: 10.0.0.12 }, { address: 10.0.0.13 }"));
  };
  const std::string begin = "t.yaml:7:98: services[0].forward.local_addresses: contains 10.0.0.";
  const std::string end =
      ", a real server of service \"tcp-192.0.2.10-80\"; local addresses must be nobody else's\n";
  EXPECT_EQ(problems("[10.0.0.12/31]"), begin + "12" + end + begin + "13" + end);
}

TEST(FullnatConfig, OfManyAddressesThatAreTakenTheRestIsCounted) {
  std::string reals;
  for (int i = 12; i < 24; ++i) reals += ", { address: 10.0.0." + std::to_string(i) + " }";
  const std::string problems = ProblemsOf(
      Service("{ method: fullnat, local_addresses: [10.0.0.12/30, 10.0.0.16/29] }", reals));
  EXPECT_EQ(std::ranges::count(problems, '\n'), 9) << problems;
  EXPECT_NE(problems.find("contains 10.0.0.19,"), std::string::npos) << problems;
  EXPECT_EQ(problems.find("contains 10.0.0.20,"), std::string::npos) << problems;
  EXPECT_NE(problems.find("contains 4 more addresses that somebody else has\n"), std::string::npos)
      << problems;
}

TEST(FullnatConfig, ExpandingStopsInTime) {
  const auto count = [](const LocalAddresses& addresses) {
    return ExpandLocalAddresses({}, addresses).size();
  };
  const auto prefix = [](const char* text) { return *Prefix::Parse(text); };
  EXPECT_EQ(count({.sets = {}, .prefixes = {prefix("10.0.0.0/24")}}), 256u);
  EXPECT_EQ(count({.sets = {}, .prefixes = {prefix("fd00::/120"), prefix("fd00::/121")}}), 256u);
  EXPECT_GT(count({.sets = {}, .prefixes = {prefix("0.0.0.0/0")}}), kMaxLocalAddresses);
  EXPECT_GT(count({.sets = {}, .prefixes = {prefix("::/0")}}), kMaxLocalAddresses);
  EXPECT_LT(count({.sets = {},
                   .prefixes = {prefix("::/0"), prefix("fd00::/8"), prefix("fd01::/16"),
                                prefix("fd02::/16"), prefix("fd03::/16")}}),
            4 * kMaxLocalAddresses);
  EXPECT_EQ(count({.sets = {"unknown"}, .prefixes = {}}), 0u);
}

// `inside` has no kernel behind it, so its own address is as good as any other.
TEST(FullnatConfig, APortsOwnAddressMayBeALocalOne) {
  EXPECT_EQ(ProblemsOf(Service("{ method: fullnat, local_addresses: 10.0.0.1 }")), "");
}

// Many lists alike are one, as many reals as there are; of different ones there is a most.
TEST(FullnatConfig, DifferentListsHaveALimit) {
  ConfigModel model = Loaded(Service("nat"));
  ServiceConfig service = model.services[0];
  const auto real_with = [](uint32_t real, uint32_t local) {
    RealConfig config;
    config.address = Ipv4Address::FromHost(0x0b000000 + real);
    config.forward.method = ForwardMethod::kFullnat;
    config.forward.local_addresses.prefixes = {
        Prefix{Ipv4Address::FromHost(0x0a010000 + local), 32}};
    return config;
  };
  service.reals.clear();
  for (uint32_t i = 0; i < kMaxLocalLists; ++i) service.reals.push_back(real_with(i, i));
  for (uint32_t i = 0; i < 10'000; ++i) service.reals.push_back(real_with(100'000 + i, 7));
  const auto verdict = [&] {
    model.services.Set(0, std::make_shared<const ServiceConfig>(service));
    Problems problems("t.yaml");
    ValidateLocalAddresses(model, problems);
    return ToText(problems.Take());
  };
  EXPECT_EQ(verdict(), "");
  service.reals.push_back(real_with(1'000'000, kMaxLocalLists));
  EXPECT_EQ(verdict(),
            "t.yaml: services[0].reals[14096].forward.local_addresses: is one of 4097 different "
            "lists; at "
            "most 4096 are possible. Give real servers the same list, or a prefix set: a port may "
            "be used towards each of them at once\n");
}

TEST(FullnatConfig, SideRecordsAreAsManyAsItsConnectionsUnlessTheFileSaysSo) {
  const std::string pool = "{ method: fullnat, local_addresses: '@pool' }";
  const auto records = [](const std::string& text) { return Loaded(text).director.side_records; };
  const std::string size = "director: { connections: 64k, connections6: 8k }\n";
  EXPECT_EQ(records(Service("nat")), 256u << 10);
  EXPECT_EQ(records(Service(pool)), 1u << 20);
  EXPECT_EQ(records(Service("nat") + size), 16u << 10);
  EXPECT_EQ(records(Service(pool) + size), 64u << 10);
  EXPECT_EQ(records(Service("nat", ", { address: 10.0.0.12, forward: " + pool + " }") + size),
            64u << 10);
  const std::string service6 =
      "  - { address: '2001:db8::10', port: 80, protocol: tcp, forward: " + pool +
      ", reals: [{ address: 'fd00::11' }] }\n";
  EXPECT_EQ(records(Service(pool) + service6 + size), 72u << 10);
  EXPECT_EQ(records(Service("nat") + service6 + size), 16u << 10);
  EXPECT_EQ(records(Service(pool) + "director: { side_records: 2k }\n"), 2u << 10);
}

// For who adds a service by hand: the tables were made at the start.
TEST(FullnatConfig, WarnsOfTooFewSideRecordsWhenAServiceComesByHand) {
  const std::string text = Service("{ method: fullnat, local_addresses: 10.0.0.40 }");
  EXPECT_EQ(ToText(FindWarningsOfService(Loaded(text), 0)), "");
  EXPECT_EQ(ToText(FindWarningsOfService(Loaded(text + "director: { side_records: 2k }\n"), 0)),
            "forward: a FULLNAT connection takes a side record, and director.side_records has room "
            "for 2k of up to 1M connections; a start with this service in the file makes room for "
            "all\n");
}

std::string WarningsOf(const std::string& text) {
  const LoadResult result = LoadConfigText(text, "t.yaml");
  EXPECT_TRUE(result) << ToText(result.errors);
  return ToText(result.warnings);
}

TEST(FullnatConfig, WarnsOfAPoolThatNobodyFinds) {
  EXPECT_EQ(WarningsOf(Service("{ method: fullnat, local_addresses: [10.0.0.40, 10.0.0.41] }",
                               ", { address: 10.0.0.12 }")),
            "");
  // Once, of the first address; another list is warned of by itself.
  EXPECT_EQ(
      WarningsOf(Service("{ method: fullnat, local_addresses: [10.0.0.40, 10.0.7.1, 10.0.7.2] }",
                         ", { address: 10.0.0.12 }, { address: 10.0.0.13, forward: { method: "
                         "fullnat, local_addresses: '@pool' } }")),
      "t.yaml:7:141: services[0].reals[0].forward.local_addresses: has 10.0.7.1, which is in no "
      "network "
      "of port \"inside\", by which 10.0.0.11 is reached: a route there must lead to it by this "
      "director, or no answer comes back\n"
      "t.yaml:7:256: services[0].reals[2].forward.local_addresses: has 10.0.2.0, which is in no "
      "network "
      "of port \"inside\", by which 10.0.0.13 is reached: a route there must lead to it by this "
      "director, or no answer comes back\n");
}

TEST(FullnatConfig, WarnsOfRealsBehindAPortThatDoesNotAnswerForLocalAddresses) {
  std::string text = Service("{ method: fullnat, local_addresses: 10.0.0.40 }");
  const std::string from = "name: inside, ";
  ASSERT_NE(text.find(from), std::string::npos) << text;
  text.insert(text.find(from) + from.size(), "role: outside, ");
  EXPECT_EQ(
      WarningsOf(text),
      "t.yaml:7:130: services[0].reals[0].address: is reached by port \"inside\", whose role is "
      "outside, where nobody is answered who looks for a local address: give the port the "
      "role both, or reach the real server by another\n");
}

TEST(FullnatConfig, WarnsThatOtherDirectorsAreNotTold) {
  const std::string sync =
      "sync: { peers: [{ name: edge-2, address: 192.0.2.3 }], key_file: /k, ipvs: { interface: lo, "
      "role: backup } "
      "}\n";
  EXPECT_EQ(WarningsOf(Service("nat") + sync).find("FULLNAT"), std::string::npos);
  const std::string said =
      WarningsOf(Service("{ method: fullnat, local_addresses: 10.0.0.40 }") + sync);
  for (const char* key : {"sync.peers", "sync.ipvs"}) {
    EXPECT_NE(said.find(key + std::string(": is not told of connections by FULLNAT, since nobody "
                                          "else has the port")),
              std::string::npos)
        << said;
  }
  EXPECT_NE(said.find("Clients' templates are told, but those of real servers of the other IP "
                      "version"),
            std::string::npos)
      << said;
}

}  // namespace
}  // namespace fairlead::control::fullnat_config_test
