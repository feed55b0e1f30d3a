#include "dataplane/snapshot/classifier.h"

#include <gtest/gtest.h>

namespace fairlead::dataplane::classifier_test {
namespace {

ClassifierFields Fields(const char* source, const char* destination, uint16_t port,
                        uint8_t protocol = 6) {
  return {.source = *IpAddress::Parse(source),
          .destination = *IpAddress::Parse(destination),
          .source_port = 40000,
          .destination_port = port,
          .protocol = protocol,
          .input_port = PortId{0}};
}

TEST(Classifier, FirstMatchWins) {
  ClassifierBuilder b;
  const int proxies = b.AddSet({*Prefix::Parse("198.51.100.0/24"), *Prefix::Parse("203.0.113.7")});
  const int vip = b.AddSet({*Prefix::Parse("192.0.2.80")});
  b.AddRule({.protocol = 6,
             .source_set = proxies,
             .destination_set = vip,
             .destination_ports = {{80, 80}, {443, 443}},
             .mark = 1});
  b.AddRule({.protocol = 6,
             .destination_set = vip,
             .destination_ports = {{80, 80}, {443, 443}},
             .mark = 2});
  b.AddRule({.destination_set = vip, .destination_ports = {{1, 79}}, .is_drop = true});
  b.AddRule({.input_port = PortId{1}, .mark = 9});
  const Classifier c = b.Build();

  EXPECT_EQ(c.Classify(Fields("198.51.100.9", "192.0.2.80", 443)).mark, 1u);
  EXPECT_EQ(c.Classify(Fields("203.0.113.7", "192.0.2.80", 80)).mark, 1u);
  EXPECT_EQ(c.Classify(Fields("203.0.113.8", "192.0.2.80", 80)).mark, 2u);
  EXPECT_EQ(c.Classify(Fields("203.0.113.8", "192.0.2.80", 80)).rule, 1);
  EXPECT_EQ(c.Classify(Fields("203.0.113.8", "192.0.2.80", 79, 17)).kind,
            Classification::Kind::kDrop);
  EXPECT_EQ(c.Classify(Fields("203.0.113.8", "192.0.2.81", 80)).kind,
            Classification::Kind::kNoRule);
  EXPECT_EQ(c.Classify(Fields("203.0.113.8", "192.0.2.80", 80, 17)).kind,
            Classification::Kind::kNoRule);
  auto inside = Fields("203.0.113.8", "192.0.2.81", 80);
  inside.input_port = PortId{1};
  EXPECT_EQ(c.Classify(inside).mark, 9u);
  EXPECT_EQ(c.Classify(Fields("2001:db8::1", "2001:db8::2", 80)).kind,
            Classification::Kind::kNoRule);
}

}  // namespace
}  // namespace fairlead::dataplane::classifier_test
