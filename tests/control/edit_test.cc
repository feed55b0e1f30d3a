#include "control/edit.h"

#include "control/config/dump.h"
#include "control/model_diff.h"
#include "director_fixture.h"

namespace fairlead::control {
namespace {

constexpr const char* kShop = R"(
defaults: { timeouts: { tcp: 10m } }
services:
  - { name: shop, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: mh,
      scheduler_flags: mh-port, persistence: { timeout: 30m, netmask: 24 },
      reals: [ { address: 10.0.0.11, weight: 3 }, { address: 10.0.0.12, upper_threshold: 9 } ] }
  - { address: 192.0.2.81, protocol: udp, port: 53, timeouts: { udp: 10s } }
)";

class EditTest : public testing::Test {
 protected:
  // Applies it, and remembers what results; the first sentence of a refusal otherwise.
  std::string Apply(const Edit& edit) {
    EditResult result = ApplyEdit(edit, intent_);
    if (auto* edited = std::get_if<Edited>(&result)) {
      names_ = edited->service + (edited->real.empty() ? "" : " " + edited->real);
      intent_ = std::move(edited->intent);
      return "ok";
    }
    refusal_ = std::get<EditRefusal>(result);
    return refusal_.errors.front().ToString();
  }
  // What differs from the file.
  std::vector<std::string> Diff() const {
    return DescribeChanges(*intent_.file_model(), *intent_.model);
  }
  const ServiceConfig& Service(size_t i) const { return intent_.model->services.at(i); }
  Overlay::Key KeyOfReal(const char* address) const {
    return {KeyOf(Service(0)), {Ip(address), 80}};
  }

  Intent intent_{SharedModelOf(kShop)};
  std::string names_;
  EditRefusal refusal_;
};

using Sentences = std::vector<std::string>;

TEST_F(EditTest, ServicesAreAddedAndRemoved) {
  EXPECT_EQ(Apply(AddService{R"({"address": "192.0.2.90", "protocol": "tcp", "port": 443,
                                 "scheduler": "rr", "persistence": {"timeout": "300s"},
                                 "reals": [{"address": "10.0.0.21"}]})"}),
            "ok");
  EXPECT_EQ(names_, "tcp-192.0.2.90-443");
  EXPECT_EQ(Service(2).scheduler, SchedulerKind::kRr);
  EXPECT_EQ(Service(2).timeouts.tcp, 10min) << "of the file's defaults";
  EXPECT_EQ(Diff(), Sentences{"service tcp-192.0.2.90-443: added with 1 real server"});
  EXPECT_EQ(Apply(RemoveService{"tcp-192.0.2.90-443"}), "ok");
  EXPECT_EQ(Diff(), Sentences{});
  EXPECT_EQ(Apply(RemoveAllServices{}), "ok");
  EXPECT_TRUE(intent_.model->services.empty());
  EXPECT_EQ(Diff().size(), 2u);
}

TEST_F(EditTest, ATakenKeyOrNameIsRefusedAsExisting) {
  EXPECT_EQ(Apply(AddService{"{ address: 192.0.2.80, protocol: tcp, port: 80 }"}),
            "There is already the service \"shop\" for tcp-192.0.2.80-80; change it, or remove it "
            "first");
  EXPECT_EQ(refusal_.code, ErrorCode::kExists);
  EXPECT_EQ(Apply(AddService{"{ name: shop, address: 192.0.2.82, protocol: tcp, port: 80 }"}),
            "The name \"shop\" is taken by another service");
  EXPECT_EQ(refusal_.code, ErrorCode::kExists);
  EXPECT_EQ(Apply(AddReal{"shop", "{ address: 10.0.0.11 }"}),
            "Service \"shop\" has the real 10.0.0.11:80 already; change it, or remove it first");
  EXPECT_EQ(refusal_.code, ErrorCode::kExists);
}

TEST_F(EditTest, EveryProblemOfABodyIsNamedWithItsPlace) {
  Apply(AddService{R"({"address": "192.0.2.90", "protocol": "tcp", "port": 99999, "schedular": "rr",
 "reals": [{"address": "10.0.0.21", "weight": -1}]})"});
  ASSERT_EQ(refusal_.code, ErrorCode::kInvalid);
  ASSERT_EQ(refusal_.errors.size(), 3u);
  EXPECT_EQ(refusal_.errors[0].place, "body:1:54: port");
  EXPECT_EQ(refusal_.errors[1].ToString(),
            "body:1:61: schedular: unknown key; did you mean \"scheduler\"?");
  EXPECT_EQ(refusal_.errors[2].place, "body:2:47: reals[0].weight");
  EXPECT_EQ(Apply(AddReal{"shop", "{ address: 10.0.0.21, port: 81, forward: dr }"}),
            "body:1:29: port: only NAT can change the port; it must be the service's, 80, or left "
            "out");
  EXPECT_EQ(Apply(AddReal{"shop", ""}), "body: is empty; write {} when there is nothing to say");
  EXPECT_EQ(Apply(AddReal{"shop", "[1]"}),
            "body:1:1: must be a map of keys and values, not a list");
  EXPECT_NE(Apply(AddReal{"shop", "{"}).find("not valid YAML"), std::string::npos);
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.11", "{ weight: 1, lower_threshold: 4 }"}),
            "body:1:31: lower_threshold: needs an upper_threshold");
  EXPECT_EQ(Diff(), Sentences{});
}

// It took the control core a minute, and with it all health checks.
TEST_F(EditTest, ABodyOfManyKeysIsRefusedWhereItIsParsed) {
  std::string many = "{";
  for (int i = 0; i < 86'000; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  many += "\"end\":1}";
  EXPECT_EQ(Apply(PatchService{"shop", many}).substr(0, 7), "body:1:");
  EXPECT_NE(refusal_.errors[0].message.find("more than 1024 keys in one map"), std::string::npos);
  EXPECT_FALSE(EditBody(many).tree());
  EXPECT_NE(Apply(PatchService{"shop", "{ name: \"caf\xe9\" }"}).find("no UTF-8"),
            std::string::npos);
}

TEST_F(EditTest, UnknownNamesAreNotFound) {
  EXPECT_EQ(Apply(RemoveService{"shpo"}), "There is no service \"shpo\"; did you mean \"shop\"?");
  EXPECT_EQ(refusal_.code, ErrorCode::kNotFound);
  EXPECT_EQ(Apply(RemoveReal{"shop", "10.0.0.13:80"}),
            "There is no real \"10.0.0.13:80\" in service \"shop\"; did you mean "
            "\"10.0.0.11:80\"?");
  EXPECT_EQ(refusal_.code, ErrorCode::kNotFound);
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.11:81", "{}"}),
            "There is no real \"10.0.0.11:81\" in service \"shop\"; did you mean "
            "\"10.0.0.11:80\"?");
}

TEST_F(EditTest, AServiceIsFoundByTheNameItWouldHaveHad) {
  EXPECT_EQ(Apply(PatchService{"tcp-192.0.2.80-80", "{ scheduler: rr }"}), "ok");
  EXPECT_EQ(names_, "shop");
}

TEST_F(EditTest, APatchOfAServiceChangesWhatItNames) {
  EXPECT_EQ(Apply(PatchService{"shop", R"({"persistence": {"timeout": "5m"}})"}), "ok");
  EXPECT_EQ(Service(0).persistence->timeout, 5min);
  EXPECT_EQ(Service(0).persistence->mask4, 0xffffff00u);
  EXPECT_TRUE(Service(0).scheduler_flags.port);
  EXPECT_EQ(Service(0).reals.size(), 2u);
  EXPECT_EQ(Service(0).reals[1].upper_threshold, 9u);
  EXPECT_EQ(Diff(), Sentences{"service shop: persistence 1800s → 300s"});

  EXPECT_EQ(Apply(PatchService{"shop", R"({"persistence": null, "scheduler": "wlc"})"}), "ok");
  EXPECT_FALSE(Service(0).persistence);
  EXPECT_FALSE(Service(0).scheduler_flags.port) << "flags go with their scheduler";
  EXPECT_EQ(Apply(PatchService{"shop", "{ scheduler: sh, scheduler_flags: [sh-fallback] }"}), "ok");
  EXPECT_TRUE(Service(0).scheduler_flags.fallback);
  EXPECT_EQ(Apply(PatchService{"shop", "{ schedular: null }"}),
            "body:1:3: schedular: unknown key; did you mean \"scheduler\"?");
  EXPECT_NE(Apply(PatchService{"shop", "{ port: 81 }"}).find("cannot change"), std::string::npos);
  EXPECT_EQ(Apply(PatchService{"shop", "{ name: store }"}), "ok");
  EXPECT_EQ(names_, "store");
  EXPECT_EQ(Apply(PatchService{"store", "{ name: null }"}), "ok");
  EXPECT_EQ(names_, "tcp-192.0.2.80-80");
}

TEST_F(EditTest, AnAddedRealIsTheNewestAndAPatchedOneStaysInPlace) {
  EXPECT_EQ(Apply(AddReal{"shop", R"({"address": "10.0.0.10", "weight": 7})"}), "ok");
  EXPECT_EQ(names_, "shop 10.0.0.10:80");
  ASSERT_EQ(Service(0).reals.size(), 3u);
  EXPECT_EQ(NameOf(Service(0).reals[2]), "10.0.0.10:80");
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.12:80", R"({"weight": 5, "admin": "drain"})"}), "ok");
  const RealConfig& real = Service(0).reals[1];
  EXPECT_EQ(real.weight, 5u);
  EXPECT_EQ(real.state, AdminState::kDrain);
  EXPECT_EQ(real.upper_threshold, 9u);
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.12", R"({"weight": null, "upper_threshold": 0})"}),
            "ok");
  EXPECT_EQ(Service(0).reals[1].weight, 1u);
  EXPECT_NE(Apply(PatchReal{"shop", "10.0.0.12", "{ address: 10.0.0.13 }"}).find("cannot change"),
            std::string::npos);
  EXPECT_EQ(Apply(RemoveReal{"shop", "10.0.0.11"}), "ok");
  EXPECT_EQ(NameOf(Service(0).reals[0]), "10.0.0.12:80");
}

TEST_F(EditTest, AnAddressAloneMustMeanOneReal) {
  EXPECT_EQ(Apply(AddReal{"shop", "{ address: 10.0.0.11, port: 8080 }"}), "ok");
  EXPECT_EQ(
      Apply(RemoveReal{"shop", "10.0.0.11"}),
      "\"10.0.0.11\" means more than one real in service \"shop\"; add the port, for instance "
      "10.0.0.11:80");
  EXPECT_EQ(Apply(RemoveReal{"shop", "10.0.0.11:8080"}), "ok");
}

TEST_F(EditTest, EditsOfRealsAreCountedAndEditsOfTheServiceAreNot) {
  const ServiceIdentity key = KeyOf(Service(0));
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.11", "{}"}), "ok");
  EXPECT_EQ(intent_.overlay.edits(key), 1u) << "equal values count";
  EXPECT_EQ(Diff(), Sentences{});
  EXPECT_EQ(Apply(PatchService{"shop", "{ one_packet: false }"}), "ok");
  EXPECT_EQ(intent_.overlay.edits(key), 1u);
  EXPECT_EQ(Apply(AddReal{"shop", "{ address: 10.0.0.13 }"}), "ok");
  EXPECT_EQ(Apply(RemoveReal{"shop", "10.0.0.13"}), "ok");
  EXPECT_EQ(intent_.overlay.edits(key), 3u);
}

TEST_F(EditTest, TheWeightBeforeZeroIsRemembered) {
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.11", "{ weight: 0 }"}), "ok");
  EXPECT_EQ(intent_.overlay.last_weight(KeyOfReal("10.0.0.11")), 3);
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.11", "{ weight: 0 }"}), "ok");
  EXPECT_EQ(intent_.overlay.last_weight(KeyOfReal("10.0.0.11")), 3);
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.11", "{ weight: 2 }"}), "ok");
  EXPECT_FALSE(intent_.overlay.remembers_weights());
}

TEST_F(EditTest, ADeadlineIsTakenBackByWhoeverSetsTheState) {
  for (const Edit& other :
       {Edit{PatchReal{"shop", "10.0.0.11", "{ state: drain }"}},
        Edit{PatchService{"shop", "{ reals: [{ address: 10.0.0.11, state: drain }] }"}}}) {
    EXPECT_EQ(Apply(DrainReal{"shop", "10.0.0.11", "{ deadline: 5s }"}), "ok");
    EXPECT_EQ(Apply(PatchService{"shop", "{ one_packet: false }"}), "ok");
    EXPECT_NE(intent_.overlay.FindDrain(KeyOfReal("10.0.0.11")), nullptr);
    EXPECT_EQ(Apply(other), "ok");
    EXPECT_EQ(intent_.overlay.FindDrain(KeyOfReal("10.0.0.11")), nullptr);
  }
}

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

// What any edit leaves can be written down and read again.
TEST_F(EditTest, TheResultIsAModelThatAFileCouldHave) {
  for (const Edit& edit : std::vector<Edit>{
           AddService{"{ mark: 7, family: ipv6, forward: dr }"},
           AddReal{"mark-7-v6", R"({"address": "2001:db8::21", "upper_threshold": 3})"},
           PatchService{"shop", "{ timeouts: { tcp: 1m }, health: { type: http, path: /up } }"},
           PatchReal{"shop", "10.0.0.12", "{ forward: { method: tun, type: ipip } }"},
           PatchTimeouts{"{ tcp_fin: 1m }"}, PatchPolicy{"{ pmtu_disc: false }"}}) {
    ASSERT_EQ(Apply(edit), "ok");
    const LoadResult loaded = LoadConfigText(Dump(*intent_.model), "dump.yaml");
    ASSERT_TRUE(loaded) << loaded.errors.front().ToString();
    EXPECT_EQ(*loaded.model, *intent_.model);
  }
}

}  // namespace
}  // namespace fairlead::control
