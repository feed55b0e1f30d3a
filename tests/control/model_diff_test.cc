#include "control/model_diff.h"

#include <gmock/gmock.h>

#include "director_fixture.h"

namespace fairlead::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kBefore = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wlc,
      reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12, weight: 1 } ] }
  - { name: mail, address: 192.0.2.80, protocol: tcp, port: 25, reals: [ { address: 10.0.0.11 } ] }
)";

TEST(ModelDiff, EqualModelsSayNothing) {
  EXPECT_THAT(DescribeChanges(ModelOf(kBefore), ModelOf(kBefore)), IsEmpty());
}

TEST(ModelDiff, NamesEveryChangeOfAService) {
  const ConfigModel after = ModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr, persistence: { timeout: 5m },
      reals: [ { address: 10.0.0.12, weight: 3 }, { address: 10.0.0.13, weight: 2 } ] }
  - { name: dns, address: 192.0.2.80, protocol: udp, port: 53, reals: [ { address: 10.0.0.11 } ] }
)");
  EXPECT_THAT(
      DescribeChanges(ModelOf(kBefore), after),
      ElementsAre("service web: scheduler wlc → wrr", "service web: persistence none → 300s",
                  "service web: real 10.0.0.11:80 removed",
                  "service web: real 10.0.0.12:80 weight 1 → 3",
                  "service web: real 10.0.0.13:80 added with weight 2",
                  "service dns: added with 1 real server", "service mail: removed"));
}

TEST(ModelDiff, ChangedOrderOfRealsIsAChange) {
  const ConfigModel after = ModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wlc,
      reals: [ { address: 10.0.0.12, weight: 1 }, { address: 10.0.0.11 } ] }
  - { name: mail, address: 192.0.2.80, protocol: tcp, port: 25, reals: [ { address: 10.0.0.11 } ] }
)");
  EXPECT_THAT(DescribeChanges(ModelOf(kBefore), after),
              ElementsAre("service web: order of its reals changed"));
}

TEST(ModelDiff, StartupKeysKeepTheirRunningValues) {
  const ConfigModel running = ModelOf("director: { workers: 1 }\n");
  ConfigModel loaded = ModelOf("director: { workers: 2, connections: 2M }\n");
  const auto waiting = KeepStartupKeys(running, &loaded);
  EXPECT_EQ(loaded.director, running.director);
  ASSERT_EQ(waiting.size(), 4u);  // connections6 and templates follow connections
  EXPECT_EQ(waiting[0],
            "director.workers has changed in the file: it takes effect at the next restart");
  EXPECT_THAT(KeepStartupKeys(running, &loaded), IsEmpty());
}

}  // namespace
}  // namespace fairlead::control
