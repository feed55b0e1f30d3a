#include <gmock/gmock.h>

#include "control/config/yaml_writer.h"
#include "edit_fixture.h"

namespace fairlead::control::edit_reals_test {
namespace {

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

TEST_F(EditTest, AWayToARealIsReplacedWhenItsMethodIsAnother) {
  const auto way = [this] { return ForwardText(Service(0).reals[0].forward); };
  const auto patch = [this](const std::string& forward) {
    return Apply(PatchReal{"shop", "10.0.0.11", "{ forward: " + forward + " }"});
  };
  EXPECT_EQ(patch("{ method: fullnat, local_addresses: 10.0.0.64/30 }"), "ok");
  EXPECT_EQ(patch("{ client_address: toa }"), "ok");
  EXPECT_EQ(patch("{ method: fullnat, local_addresses: [10.0.0.70] }"), "ok");
  EXPECT_EQ(way(), "{ method: fullnat, local_addresses: [10.0.0.70/32], client_address: toa }");
  EXPECT_EQ(patch("{ method: tun, type: gue, port: 6080 }"), "ok");
  EXPECT_EQ(patch("{ type: gre }"), "ok");
  EXPECT_EQ(way(), "{ method: tun, type: gre, checksum: false }");
  EXPECT_EQ(patch("{ method: dr }"), "ok");
  EXPECT_EQ(way(), "dr");
  EXPECT_EQ(Apply(PatchService{"shop",
                               "{ forward: { method: fullnat, local_addresses: "
                               "10.0.0.70 } }"}),
            "ok");
  EXPECT_EQ(Apply(PatchService{"shop", "{ forward: { method: nat } }"}), "ok");
  EXPECT_EQ(ForwardText(Service(0).forward), "nat");
}

// What comes from a real server is no reply of the world.
TEST(EditReals, NoRealHasAnAddressOfSourceNat) {
  const Intent before{SharedModelOf(std::string(kShop) +
                                    "snat: [{ source: 10.0.0.0/24, addresses: [192.0.2.200] }]\n")};
  const auto fault = [&](const Edit& edit) -> std::string {
    const EditResult result = ApplyEdit(edit, before);
    const auto* refusal = std::get_if<EditRefusal>(&result);
    return refusal == nullptr ? "" : refusal->errors.at(0).ToString();
  };
  const auto has_reason =
      testing::HasSubstr("snat[0].addresses: contain 192.0.2.200, a real server of service \"");
  EXPECT_EQ(fault(AddReal{"shop", "{ address: 192.0.2.201 }"}), "");
  EXPECT_THAT(fault(AddReal{"shop", "{ address: 192.0.2.200 }"}), has_reason);
  EXPECT_THAT(fault(PatchService{"shop", "{ reals: [{ address: 192.0.2.200 }] }"}), has_reason);
  EXPECT_THAT(fault(AddService{"{ name: new, address: 192.0.2.82, protocol: tcp, port: 80, "
                               "reals: [{ address: 192.0.2.200 }] }"}),
              has_reason);
}

}  // namespace
}  // namespace fairlead::control::edit_reals_test
