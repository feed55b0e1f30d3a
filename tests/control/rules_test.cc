#include "control/rules.h"

#include "director_fixture.h"

namespace fairlead::control::rules_test {
namespace {

constexpr const char* kYaml = R"(
prefix_sets:
  proxies: [ 198.51.100.0/24, 203.0.113.7 ]
classifier:
  - { name: aol, mark: 1, protocol: tcp, source: "@proxies", destination: 192.0.2.80, destination_port: [80, 443] }
  - { name: both, mark: 2, source: [ "@proxies", 100.64.0.0/10 ], source_port: 1024-65535, protocol: udp }
  - { name: scan, action: drop, destination: 192.0.2.80, destination_port: 1-79, input_port: outside }
)";

dataplane::Classification Classify(const dataplane::Classifier& c, const char* source,
                                   const char* destination, uint16_t port, uint8_t protocol = 6,
                                   PortId input = PortId{0}) {
  dataplane::ClassifierFields fields;
  fields.source = Ip(source);
  fields.destination = Ip(destination);
  fields.source_port = 40000;
  fields.destination_port = port;
  fields.protocol = protocol;
  fields.input_port = input;
  return c.Classify(fields);
}

TEST(Rules, MeanWhatTheFileSays) {
  ClassifierBuilder builder;
  const auto c = builder.Build(ModelOf(kYaml));
  using Kind = dataplane::Classification::Kind;
  EXPECT_EQ(Classify(c, "198.51.100.9", "192.0.2.80", 443).mark, 1u);
  EXPECT_EQ(Classify(c, "203.0.113.7", "192.0.2.80", 80).mark, 1u);
  EXPECT_EQ(Classify(c, "203.0.113.8", "192.0.2.80", 80).kind, Kind::kNoRule);
  EXPECT_EQ(Classify(c, "203.0.113.7", "192.0.2.81", 53, 17).mark, 2u);  // of the set
  EXPECT_EQ(Classify(c, "100.64.1.1", "192.0.2.81", 53, 17).mark, 2u);   // of the list
  EXPECT_EQ(Classify(c, "203.0.113.8", "192.0.2.80", 79).kind, Kind::kDrop);
  EXPECT_EQ(Classify(c, "203.0.113.8", "192.0.2.80", 79).rule, 2);
  EXPECT_EQ(Classify(c, "203.0.113.8", "192.0.2.80", 79, 6, PortId{1}).kind, Kind::kNoRule);
}

TEST(Rules, ReadAsSentences) {
  const ConfigModel model = ModelOf(kYaml);
  EXPECT_EQ(DescribeRule(model.classifier[0]),
            "mark 1 tcp from @proxies to 192.0.2.80 ports 80,443");
  EXPECT_EQ(DescribeRule(model.classifier[1]),
            "mark 2 udp from @proxies,100.64.0.0/10 source ports 1024-65535");
  EXPECT_EQ(DescribeRule(model.classifier[2]), "drop to 192.0.2.80 ports 1-79 on port outside");
}

}  // namespace
}  // namespace fairlead::control::rules_test
