#include "eal_environment.h"

#include <gtest/gtest.h>
#include <rte_eal.h>

#include "dataplane/dpdk/attach.h"

namespace fairlead::edge {
namespace {

std::unique_ptr<Eal> the_eal;
std::unique_ptr<PacketPool> the_pool;

class EalEnvironment : public testing::Environment {
 public:
  void SetUp() override {
    EdgeConfig config;
    config.name = "fairlead-edge-test";
    config.workers = 2;
    config.eal = {"--no-huge", "-m", "256"};
    config.ports.push_back({.name = "null", .device = kNullDevice});
    Result<EalPlan> plan = PlanEal(config, ReadMachine(), {});
    ASSERT_TRUE(plan) << plan.error().ToString();
    Result<std::unique_ptr<Eal>> eal = Eal::Start(*plan);
    ASSERT_TRUE(eal) << eal.error().ToString();
    the_eal = std::move(*eal);
    const Status attached = AttachDevice({config.ports[0]}, config.workers);
    ASSERT_TRUE(attached) << attached.error().ToString();
    Result<std::unique_ptr<PacketPool>> pool =
        PacketPool::Create("test", {.packets = 16384, .data_room_bytes = 2048 + 128});
    ASSERT_TRUE(pool) << pool.error().ToString();
    the_pool = std::move(*pool);
  }
  void TearDown() override {
    the_pool.reset();
    the_eal.reset();
  }
};

testing::Environment* const environment = testing::AddGlobalTestEnvironment(new EalEnvironment);

}  // namespace

PacketPool& TestPool() { return *the_pool; }

}  // namespace fairlead::edge
