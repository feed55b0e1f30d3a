// The policy by the names of net.ipv4.vs.*.
#include "control/api/ipvs/settings.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "control/config/model.h"

namespace fairlead::ipvs::settings_test {
namespace {

std::string Outcome(const char* name, std::string_view text) {
  const SettingChange change = FindSetting(name)->Parse(text);
  return change.fault ? std::to_string(change.fault.number) : change.patch;
}

TEST(Settings, DefaultsAreTheKernels) {
  const control::PolicyConfig policy;
  std::string seen;
  for (const Setting& setting : Settings()) {
    seen += std::string(setting.name) + "=" + setting.Text(policy);
  }
  EXPECT_EQ(seen,
            "am_droprate=10\namemthresh=10\nbackup_only=0\ncache_bypass=0\nconn_reuse_mode=1\n"
            "conntrack=0\ndrop_entry=0\ndrop_packet=0\nexpire_nodest_conn=0\n"
            "expire_quiescent_template=0\nignore_tunneled=0\nlblc_expiration=86400\n"
            "lblcr_expiration=86400\nnat_icmp_send=0\npmtu_disc=1\nrun_estimation=1\n"
            "schedule_icmp=0\nsecure_tcp=0\nsloppy_sctp=0\nsloppy_tcp=0\nsnat_reroute=1\n"
            "sync_persist_mode=0\nsync_ports=1\nsync_qlen_max=0\nsync_refresh_period=0\n"
            "sync_retries=0\nsync_sock_size=0\nsync_threshold=3\t50\nsync_version=1\n");
}

TEST(Settings, ShowWhatIsInForce) {
  control::PolicyConfig policy;
  policy.drop_entry = control::DefenceMode::kAlways;
  policy.service.lblc_expiration = std::chrono::minutes(2);
  EXPECT_EQ(FindSetting("drop_entry")->Text(policy), "3\n");
  EXPECT_EQ(FindSetting("lblc_expiration")->Text(policy), "120\n");
}

TEST(Settings, WritesBecomePatchesOfThePolicy) {
  EXPECT_EQ(Outcome("expire_nodest_conn", "1\n"), R"({"expire_nodest_conn": true})");
  EXPECT_EQ(Outcome("pmtu_disc", " 0 "), R"({"pmtu_disc": false})");
  EXPECT_EQ(Outcome("drop_packet", "2"), R"({"drop_packet": 2})");
  EXPECT_EQ(Outcome("conn_reuse_mode", std::string_view("0\0", 2)), R"({"conn_reuse_mode": 0})");
  EXPECT_EQ(Outcome("lblcr_expiration", "600\n"), R"({"lblcr_expiration": "600s"})");
}

TEST(Settings, BadValuesAreEinvalAndForeignOnesEperm) {
  const std::string einval = std::to_string(EINVAL), eperm = std::to_string(EPERM);
  for (const char* text : {"", "\n", "x", "4", "-1", "1x", "1 2", "99999999999999999999"}) {
    EXPECT_EQ(Outcome("drop_entry", text), einval) << text;
  }
  EXPECT_EQ(Outcome("expire_nodest_conn", "2"), einval);
  EXPECT_EQ(Outcome("lblc_expiration", "0"), einval);
  EXPECT_EQ(Outcome("conntrack", "1\n"), eperm);
  EXPECT_EQ(Outcome("conntrack", "0\n"), "");
  EXPECT_EQ(Outcome("conntrack", "on"), einval);
  EXPECT_EQ(Outcome("sync_threshold", "3 50\n"), "");
  EXPECT_EQ(Outcome("sync_threshold", "3 100\n"), eperm);
  EXPECT_EQ(FindSetting("nonsense"), nullptr);
}

TEST(Settings, ARefusalSaysWhatWouldBeRight) {
  const auto why = [](const char* name, const char* text) {
    return FindSetting(name)->Parse(text).fault.why;
  };
  EXPECT_EQ(why("drop_entry", "9\n"), "drop_entry is a whole number from 0 to 3, and not \"9\"");
  EXPECT_EQ(why("conntrack", "1\n"),
            "conntrack is 0, always: the director has no other, and not \"1\"");
}

}  // namespace
}  // namespace fairlead::ipvs::settings_test
