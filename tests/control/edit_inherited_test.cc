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
            "body:1:3: sync_threshold: is called threshold here; set it in sync.ipvs");
}

TEST_F(EditTest, HalvesOfSynchronisationAreStartedAndStopped) {
  const auto& sync = [this]() -> const std::optional<IpvsSyncConfig>& {
    return intent_.model->sync.ipvs;
  };
  EXPECT_EQ(Apply(StopIpvsSync{SyncRole::kMaster}), "No master runs");
  EXPECT_EQ(refusal_.code, ErrorCode::kNotFound);
  EXPECT_EQ(Apply(StartIpvsSync{SyncRole::kMaster, "{ syncid: 3 }"}).substr(0, 29),
            "body:1:1: the key \"interface\"");
  EXPECT_EQ(Apply(StartIpvsSync{SyncRole::kMaster, "{ interface: e1, role: both }"}),
            "body:1:24: role: is said by which half is started");
  EXPECT_EQ(Apply(StartIpvsSync{SyncRole::kMaster, "{ interface: e1, syncid: 3 }"}), "ok");
  EXPECT_EQ(sync()->role, SyncRole::kMaster);
  EXPECT_EQ(sync()->syncid, 3);
  EXPECT_EQ(Diff(), Sentences{"sync.ipvs.role off → master"});
  EXPECT_EQ(Apply(StartIpvsSync{SyncRole::kMaster, "{ interface: e1 }"}),
            "The master runs already; stop it first");
  EXPECT_EQ(refusal_.code, ErrorCode::kExists);
  EXPECT_EQ(Apply(StartIpvsSync{SyncRole::kBackup, "{ interface: e1 }"}).substr(0, 39),
            "The master runs with another interface,");
  EXPECT_EQ(Apply(StartIpvsSync{SyncRole::kBackup, "{ interface: e1, syncid: 3 }"}), "ok");
  EXPECT_EQ(sync()->role, SyncRole::kBoth);
  EXPECT_EQ(Apply(StopIpvsSync{SyncRole::kMaster}), "ok");
  EXPECT_EQ(sync()->role, SyncRole::kBackup);
  EXPECT_EQ(Apply(StopIpvsSync{SyncRole::kMaster}), "No master runs");
  EXPECT_EQ(Apply(StopIpvsSync{SyncRole::kBackup}), "ok");
  EXPECT_FALSE(sync());
  EXPECT_EQ(Diff(), Sentences{});
}

// What a command of ipvsadm has no word for is as the file has it, what it has one for is said.
TEST_F(EditTest, AStartedHalfHasTheRestFromTheFile) {
  intent_ = {SharedModelOf(std::string(kShop) +
                           "sync: { ipvs: { interface: e9, syncid: 9, ttl: 9, threshold: [1, 2],"
                           " peers: [10.9.9.9] } }\n")};
  EXPECT_EQ(Apply(StopIpvsSync{SyncRole::kBackup}), "ok");
  EXPECT_FALSE(intent_.model->sync.ipvs);
  EXPECT_EQ(Diff(), Sentences{"sync.ipvs.role backup → off"});
  EXPECT_EQ(Apply(StartIpvsSync{SyncRole::kMaster, "{ interface: e1, maxlen: auto }"}), "ok");
  const IpvsSyncConfig& sync = *intent_.model->sync.ipvs;
  EXPECT_EQ(sync.interface, "e1");
  EXPECT_EQ(sync.syncid, 0);
  EXPECT_EQ(sync.ttl, 1);
  EXPECT_EQ(sync.threshold, (SyncThreshold{1, 2}));
  EXPECT_EQ(sync.peers.size(), 1u);
  EXPECT_EQ(Diff(), (Sentences{"sync.ipvs.role backup → master", "sync.ipvs changed"}));
}

}  // namespace
}  // namespace fairlead::control::edit_inherited_test
