#include "control/config/validate.h"

#include <gtest/gtest.h>

#include "load_helpers.h"

namespace fairlead::control::validate_test {
namespace {

ConfigModel SmallModel() { return *LoadConfigText(kBase, "t.yaml").model; }

std::string Check(const ConfigModel& model) {
  Problems problems("");
  Validate(model, problems);
  return ToText(problems.Take());
}

TEST(Validate, AModelWithoutAFileHasPathsForPlaces) {
  ConfigModel model = SmallModel();
  ServiceConfig service;
  service.name = "web";
  service.address = *IpAddress::Parse("192.0.2.80");
  service.port = 80;
  service.reals = {{.address = *IpAddress::Parse("10.0.0.11"), .port = 80},
                   {.address = *IpAddress::Parse("10.0.0.11"), .port = 80}};
  model.services = {service};
  EXPECT_EQ(Check(model),
            "services[0].reals[1]: 10.0.0.11:80 is already a real of this service at "
            "services[0].reals[0]\n");
  model.services.Edit(0).reals.pop_back();
  EXPECT_EQ(Check(model), "");
}

TEST(Validate, AVirtualAddressMayBeAPortAddress) {
  // As with IPVS on an interface address; what the service does not claim goes to the host.
  EXPECT_EQ(ProblemsOf(kBase + "services: [{ address: 192.0.2.2, port: 80, protocol: tcp }]\n"),
            "");
}

// The director would answer ARP for it, and nobody on the network would reach the gateway.
TEST(Validate, AVirtualAddressIsNotWhatTheNetworkNeedsItself) {
  const auto problems = [](const std::string& address) {
    return ProblemsOf(
        kBase + "routes: [{ to: 0.0.0.0/0, via: 192.0.2.1 }]\nservices: [{ address: " + address +
        ", port: 80, protocol: tcp }]\n");
  };
  const std::string place = "t.yaml:6:23: services[0].address: cannot be ";
  const std::string remedy = "; give the service an address that nobody else has\n";
  EXPECT_EQ(problems("192.0.2.1"),
            place + "192.0.2.1, the next hop of the route to 0.0.0.0/0" + remedy);
  EXPECT_EQ(problems("192.0.2.0"),
            place + "192.0.2.0, the number of the network of port \"outside\"" + remedy);
  EXPECT_EQ(problems("10.0.0.255"),
            place + "10.0.0.255, the broadcast address of port \"inside\"" + remedy);
  EXPECT_EQ(problems("192.0.2.254"), "");
  EXPECT_EQ(problems("10.0.1.0"), "") << "of nobody's network";
}

TEST(Validate, ServicesAreHeldAgainstTheNetworkOneByOneToo) {
  ConfigModel model = SmallModel();
  ServiceConfig service;
  service.name = "web";
  service.address = *IpAddress::Parse("192.0.2.255");
  service.port = 80;
  model.services = {service};
  Problems problems("");
  ValidateService(model, 0, problems);
  EXPECT_EQ(
      ToText(problems.Take()),
      "services[0].address: cannot be 192.0.2.255, the broadcast address of port \"outside\"; "
      "give the service an address that nobody else has\n");
}

TEST(Validate, AMarkMayBeUsedOncePerFamily) {
  EXPECT_EQ(ProblemsOf(kBase + "services: [{ mark: 1 }, { mark: 1, family: ipv6 }]\n"), "");
}

TEST(Validate, OneMistakeIsReportedOnce) {
  // The address is wrong, so neither family, key, name nor reals can be judged.
  EXPECT_EQ(ProblemsOf(kBase + "services:\n"
                               "  - { address: x, port: 80, protocol: tcp, reals: [{ address: "
                               "'2001:db8::11' }] }\n"
                               "  - { address: y, port: 80, protocol: tcp }\n"),
            "t.yaml:6:16: services[0].address: must be an IPv4 or IPv6 address, not \"x\"\n"
            "t.yaml:7:16: services[1].address: must be an IPv4 or IPv6 address, not \"y\"\n");
  // A set that could not be read still is a set.
  EXPECT_EQ(ProblemsOf(kBase + "prefix_sets: { a: oops }\n"
                               "classifier: [{ mark: 1, source: '@a' }]\n"),
            "t.yaml:5:19: prefix_sets.a: must be a list of prefixes or { file: NAME }, not "
            "\"oops\"\n");
}

TEST(Validate, HealthOfMarksAsksPort80ForHttp) {
  EXPECT_EQ(ProblemsOf(kBase + "services: [{ mark: 1, health: { type: http }, reals: [{ address: "
                               "10.0.0.11 }] }]\n"),
            "");
  EXPECT_EQ((HealthConfig{.type = HealthType::kHttp}.PortFor(0)), 80);
  EXPECT_EQ((HealthConfig{.type = HealthType::kHttp}.PortFor(8080)), 8080);
  EXPECT_EQ((HealthConfig{.type = HealthType::kTcp, .port = 22}.PortFor(8080)), 22);
}

TEST(Warnings, SayWhatWillHardlyDoWhatWasMeant) {
  const LoadResult result =
      LoadConfigText(kBase +
                         "classifier: [{ mark: 7, destination: 192.0.2.80 }]\n"
                         "services:\n"
                         "  - { mark: 8, reals: [{ address: 172.16.0.1 }] }\n"
                         "  - { address: 192.0.2.80, port: 80, protocol: tcp }\n",
                     "t.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  EXPECT_EQ(ToText(result.warnings),
            "t.yaml:5:22: classifier[0].mark: no service has this mark: the rule only keeps later "
            "rules from matching\n"
            "t.yaml:7:13: services[0].mark: no classifier rule sets this mark\n"
            "t.yaml:7:35: services[0].reals[0].address: no port's network and no route leads "
            "there\n"
            "t.yaml:8:5: services[1]: has no reals: its clients get ICMP port unreachable\n");
}

// Whose services come from keepalived.
TEST(Warnings, AMarkMayBeThatOfAServiceThatComesByHand) {
  const LoadResult result = LoadConfigText(kBase +
                                               "api: { on_reload: keep }\n"
                                               "classifier: [{ mark: 7, destination: "
                                               "192.0.2.80 }]\n",
                                           "t.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  EXPECT_EQ(ToText(result.warnings), "");
}

// Nobody would find out a dead server.
// They would all be down: "network is unreachable".
TEST(Warnings, ChecksNeedAKernelTwin) {
  const auto warnings = [](const std::string& base, const std::string& keys) {
    const LoadResult result =
        LoadConfigText(base +
                           "routes: [ { to: 10.9.0.0/16, via: 10.0.0.254 } ]\n"
                           "services:\n  - { address: 192.0.2.80, port: 80, protocol: tcp, " +
                           keys + " }\n",
                       "t.yaml");
    return ToText(result.errors) + ToText(result.warnings);
  };
  const std::string reals = "reals: [{ address: 10.0.0.11 }, { address: 10.9.0.1 }]";
  const std::string what =
      " go through this port, which has no kernel twin: add exception: tap, or they fail unless "
      "the "
      "machine has another way there\n";
  EXPECT_EQ(warnings(kBase, "health: { type: tcp }, " + reals),
            "t.yaml:4:5: ports[1]: health checks of 2 real servers (the first is "
            "services[0].reals[0])" +
                what);
  EXPECT_EQ(warnings(kBase,
                     "reals: [{ address: 10.0.0.11 }, "
                     "{ address: 10.9.0.1, health: { type: http } }]"),
            "t.yaml:4:5: ports[1]: health checks of a real server (services[0].reals[1])" + what);
  EXPECT_EQ(warnings(WithTwin(), "health: { type: tcp }, " + reals), "");
  EXPECT_EQ(warnings(kBase, reals), "") << "nobody checks";
  EXPECT_EQ(warnings(kBase, "health: { type: tcp, address: 172.16.0.1 }, " + reals), "")
      << "what is asked is behind no port";
}

TEST(Warnings, AnAgentAloneIsNotEnough) {
  const auto warnings = [](const std::string& health, const std::string& own) {
    const LoadResult result = LoadConfigText(
        WithTwin() + "services:\n  - { address: 192.0.2.80, port: 80, protocol: tcp, health: " +
            health + ", reals: [{ address: 10.0.0.11" + own + " }] }\n",
        "t.yaml");
    return ToText(result.errors) + ToText(result.warnings);
  };
  const std::string agent = "{ type: agent, port: 9777 }";
  const std::string what =
      "an agent that gives no answer takes nobody out; add another check, such as tcp\n";
  EXPECT_EQ(warnings(agent, ""), "t.yaml:6:61: services[0].health: " + what);
  EXPECT_EQ(warnings("[ " + agent + ", { type: tcp } ]", ""), "");
  EXPECT_EQ(warnings("{ type: tcp }", ", health: " + agent),
            "t.yaml:6:114: services[0].reals[0].health: " + what);
  EXPECT_EQ(warnings("{ type: tcp }", ", health: none"), "");
}

TEST(Warnings, OfGroupsThatWillHardlyDoWhatWasMeant) {
  const LoadResult result = LoadConfigText(
      kBase +
          "client_groups: [{ name: used, source: 10.0.0.0/8 }, { name: unused, source: 10.1.1.1 "
          "}]\n"
          "classifier: [{ mark: 1 }, { mark: 2 }, { mark: 3 }]\n"
          "services:\n"
          "  - { mark: 1, persistence: { group: g, client_groups: used }, reals: [{ address: "
          "10.0.0.11 }] }\n"
          "  - { mark: 2, persistence: { group: g, client_groups: used, renew: full }, reals: [{ "
          "address: 10.0.0.11 }] }\n"
          "  - { mark: 3, persistence: { group: g, netmask: 24 }, reals: [{ address: 10.0.0.11 }] "
          "}\n",
      "t.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  EXPECT_EQ(ToText(result.warnings),
            "t.yaml:10:38: services[2].persistence.group: service \"mark-1-v4\" of this group has "
            "other netmasks, client groups or spread: a client of both may get two reals\n"
            "t.yaml:5:53: client_groups[1]: no service names it in persistence.client_groups\n");
}

// A reply of one-packet scheduling has only its source to say whose it is.
TEST(Warnings, OfRepliesThatAreNotToBeToldApart) {
  const LoadResult result = LoadConfigText(
      kBase +
          "classifier: [{ mark: 1 }]\n"
          "services:\n"
          "  - { name: dns, address: 192.0.2.80, port: 53, protocol: udp, one_packet: true, "
          "reals: [{ address: 10.0.0.11 }, { address: 10.0.0.12 }] }\n"
          "  - { name: two, address: 192.0.2.81, port: 53, protocol: udp, "
          "reals: [{ address: 10.0.0.12 }] }\n"
          "  - { name: direct, address: 192.0.2.82, port: 53, protocol: udp, forward: dr, "
          "reals: [{ address: 10.0.0.11 }] }\n"
          "  - { name: marked, mark: 1, one_packet: true, reals: [{ address: 10.0.0.13 }] }\n",
      "t.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  ASSERT_EQ(result.warnings.size(), 2u) << ToText(result.warnings);
  EXPECT_EQ(result.warnings[0].place.substr(0, 7), "t.yaml:") << ToText(result.warnings);
  EXPECT_NE(ToText(result.warnings)
                .find("services[3].one_packet: its replies leave with the "
                      "real's address, since a mark service has no address"),
            std::string::npos)
      << ToText(result.warnings);
  EXPECT_NE(ToText(result.warnings)
                .find("services[0].reals[1]: service \"two\" has this real and "
                      "port too"),
            std::string::npos)
      << ToText(result.warnings);
}

}  // namespace
}  // namespace fairlead::control::validate_test
