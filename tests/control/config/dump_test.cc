#include "control/config/dump.h"

#include <gtest/gtest.h>

#include "load_helpers.h"

namespace fairlead::control::dump_test {
namespace {

// Loads, dumps, loads again: the same model, and the same text from then on.
void ExpectRoundTrip(const LoadResult& loaded) {
  ASSERT_TRUE(loaded) << ToText(loaded.errors);
  const std::string text = Dump(*loaded.model);
  const LoadResult again = LoadConfigText(text, "dump.yaml");
  ASSERT_TRUE(again) << ToText(again.errors) << text;
  EXPECT_EQ(*again.model, *loaded.model) << text;
  EXPECT_EQ(Dump(*again.model), text);
}

TEST(Dump, OfTheReferenceLoadsAsTheSameModel) {
  ExpectRoundTrip(LoadConfig(std::string(kSourceDir) + "/config/reference.yaml"));
}

TEST(Dump, OfTheSmallestConfiguration) { ExpectRoundTrip(LoadConfigText(kBase, "t.yaml")); }

TEST(Dump, KeepsWordsThatLookLikeSomethingElse) {
  ExpectRoundTrip(LoadConfigText(
      "version: 1\n"
      "director: { name: 'null', eal: ['--vdev=net_pcap0,rx_pcap=a b.pcap', 'say \"x\\y\"', '010', "
      "'-x', 'a: b #c'] }\n"
      "ports: [{ name: 'true', device: '0000:3b:00.0', offloads: off, queues: 2, descriptors: 512 "
      "}, { name: b, device: net_null0, vlan: 120 }, { name: c, device: net_null0, vlan: 4094 },\n"
      "{ name: d, device: { bond: { mode: active-backup, members: ['net_pcap0,a=b c', net_null1], "
      "primary: net_pcap0 } } }]\n"
      "prefix_sets: { '010': [], 'a:b': ['::/0', 0.0.0.0/0] }\n"
      "classifier:\n"
      "  - { mark: 4294967295, source: ['@010', 192.0.2.0/24, '@a:b'], input_port: 'true' }\n",
      "t.yaml"));
}

TEST(Dump, KeepsMasksThatAreNoPrefix) {
  const LoadResult loaded =
      LoadConfigText(kBase +
                         "services:\n"
                         "  - { mark: 1, persistence: { netmask: 255.0.255.0 } }\n"
                         "  - { mark: 2, persistence: { netmask: 0 } }\n"
                         "  - { mark: 3, persistence: { netmask: 255.255.255.255 } }\n",
                     "t.yaml");
  ExpectRoundTrip(loaded);
  EXPECT_EQ(loaded.model->services[0].persistence->mask4, 0xff00ff00u);
  EXPECT_NE(Dump(*loaded.model).find("netmask: 255.0.255.0"), std::string::npos);
}

TEST(Dump, HasOneLineForEachRealAndPrefix) {
  const LoadResult loaded =
      LoadConfigText(kBase +
                         "prefix_sets: { office: [10.1.0.0/16, 10.0.0.0/16] }\n"
                         "services: [{ mark: 1, reals: [{ address: 10.0.0.11, weight: 3 }] }]\n",
                     "t.yaml");
  ASSERT_TRUE(loaded);
  const std::string text = Dump(*loaded.model);
  EXPECT_NE(text.find("prefix_sets:\n  office:\n    - 10.0.0.0/16\n    - 10.1.0.0/16\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("    reals:\n      - address: 10.0.0.11\n        weight: 3\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace fairlead::control::dump_test
