#include "edit_fixture.h"

namespace fairlead::control::edit_inherited_test {
namespace {

TEST_F(EditTest, TimeoutsReachWhoHasTheDefault) {
  EXPECT_EQ(Apply(PatchTimeouts{R"({"tcp": "900s", "udp": "30s"})"}), "ok");
  EXPECT_EQ(intent_.model->defaults.timeouts.tcp, 900s);
  EXPECT_EQ(Service(0).timeouts.tcp, 900s);
  EXPECT_EQ(Service(0).timeouts.udp, 30s);
  EXPECT_EQ(Service(1).timeouts.tcp, 900s);
  EXPECT_EQ(Service(1).timeouts.udp, 10s) << "its own";
  EXPECT_EQ(Apply(PatchTimeouts{"{ syn_recv: 9s, synack: 8s }"}), "ok");
  EXPECT_EQ(Service(0).timeouts.syn_recv, 9s);
  EXPECT_EQ(Service(1).timeouts.synack, 8s);
  EXPECT_EQ(Apply(PatchTimeouts{"{ tcp: 0s }"}).substr(0, 14), "body:1:8: tcp:");
}

TEST_F(EditTest, PolicyReachesWhoHasTheGlobalValue) {
  EXPECT_EQ(Apply(PatchService{"shop", "{ policy: { sloppy_tcp: true } }"}), "ok");
  EXPECT_EQ(Apply(PatchPolicy{R"({"expire_quiescent_template": true, "conn_reuse_mode": 0})"}),
            "ok");
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(Service(i).policy.expire_quiescent_template);
    EXPECT_EQ(Service(i).policy.conn_reuse_mode, 0);
    EXPECT_EQ(Service(i).policy.sloppy_tcp, i == 0);
  }
  EXPECT_TRUE(intent_.model->policy.service.expire_quiescent_template);
  EXPECT_EQ(Apply(PatchPolicy{"{ sync_threshold: 3 }"}),
            "body:1:3: sync_threshold: is not supported by this version");
}

}  // namespace
}  // namespace fairlead::control::edit_inherited_test
