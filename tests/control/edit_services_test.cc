#include "edit_fixture.h"

namespace fairlead::control::edit_services_test {
namespace {

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

}  // namespace
}  // namespace fairlead::control::edit_services_test
