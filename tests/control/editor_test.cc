// What all edits have in common: names, bodies and their problems, and what results.
#include <gmock/gmock.h>

#include "control/config/dump.h"
#include "control/config/yaml_tree.h"
#include "edit_fixture.h"

namespace fairlead::control::editor_test {
namespace {

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
  EXPECT_EQ(
      Apply(AddReal{"shop", "{ address: 10.0.0.21, port: 81, forward: dr }"}),
      "body:1:29: port: only NAT and FULLNAT can change the port; it must be the service's, 80, "
      "or left out");
  EXPECT_EQ(Apply(AddReal{"shop", ""}), "body: is empty; write {} when there is nothing to say");
  EXPECT_EQ(Apply(AddReal{"shop", "[1]"}),
            "body:1:1: must be a map of keys and values, not a list");
  EXPECT_NE(Apply(AddReal{"shop", "{"}).find("not valid YAML"), std::string::npos);
  EXPECT_EQ(Apply(PatchReal{"shop", "10.0.0.11", "{ weight: 1, lower_threshold: 4 }"}),
            "body:1:31: lower_threshold: needs an upper_threshold");
  EXPECT_EQ(Diff(), Sentences{});
}

// Who reaches the API may change services, and shall not choose what this machine runs.
TEST(Editor, OnlyListedCommandsMayBeNamed) {
  ConfigModel model = ModelOf(
      "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, on_up: [/bin/own, "
      "x],\n"
      "      health: { type: script, command: [/bin/filed] }, reals: [ { address: 10.0.0.11 } ] "
      "}\n");
  model.director.scripts = {"/bin/listed"};
  const Intent before{std::make_shared<const ConfigModel>(model), {}};
  const auto fault = [&](const Edit& edit) -> std::string {
    const EditResult result = ApplyEdit(edit, before, At(0s));
    const auto* refusal = std::get_if<EditRefusal>(&result);
    return refusal == nullptr ? "" : refusal->errors.at(0).ToString();
  };
  EXPECT_EQ(fault(PatchService{"web", "{ scheduler: rr }"}), "") << "what it had, it keeps";
  EXPECT_EQ(fault(PatchService{"web", "{ on_down: [/bin/listed, y] }"}), "");
  EXPECT_EQ(fault(PatchService{"web", "{ on_down: [/bin/filed] }"}), "");
  EXPECT_THAT(fault(PatchService{"web", "{ on_up: [/bin/own, y] }"}),
              testing::HasSubstr("\"/bin/own\" may not be named from here"));
  EXPECT_THAT(fault(PatchService{"web", "{ health: { command: [/bin/sh, -c, id] } }"}),
              testing::HasSubstr("health.command"));
  EXPECT_THAT(fault(PatchReal{"web", "10.0.0.11:80", "{ on_down: [/bin/sh] }"}),
              testing::HasSubstr("on_down"));
  EXPECT_THAT(
      fault(AddReal{"web", "{ address: 10.0.0.12, health: { type: script, command: [/bin/sh] } }"}),
      testing::HasSubstr("/bin/sh"));
  EXPECT_THAT(fault(AddService{"{ mark: 7, on_up: [/bin/own, x] }"}),
              testing::HasSubstr("may not be named"));
}

// Nor read the director's files by sending them to a server of his own.
TEST(Editor, OnlyPasswordFilesOfTheServiceMayBeNamed) {
  const Intent before{
      SharedModelOf("services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,\n"
                    "      health: { type: redis, password_file: /etc/own }, reals: [ { address: "
                    "10.0.0.11 } ] }\n"),
      {}};
  const auto fault = [&](const Edit& edit) -> std::string {
    const EditResult result = ApplyEdit(edit, before, At(0s));
    const auto* refusal = std::get_if<EditRefusal>(&result);
    return refusal == nullptr ? "" : refusal->errors.at(0).ToString();
  };
  EXPECT_EQ(fault(PatchService{"web", "{ health: { interval: 9s } }"}), "");
  EXPECT_EQ(fault(PatchReal{"web", "10.0.0.11:80",
                            "{ health: { type: redis, password_file: /etc/own } }"}),
            "");
  EXPECT_THAT(fault(PatchService{"web", "{ health: { password_file: /etc/shadow } }"}),
              testing::HasSubstr("health.password_file: \"/etc/shadow\" may not be named from "
                                 "here"));
  EXPECT_THAT(
      fault(AddReal{"web",
                    "{ address: 10.0.0.12, health: { type: redis, password_file: /etc/shadow } }"}),
      testing::HasSubstr("password_file"));
  EXPECT_THAT(fault(AddService{"{ mark: 7, health: { type: redis, password_file: /etc/own } }"}),
              testing::HasSubstr("password_file"));
}

// It took the control core a minute, and with it all health checks.
TEST_F(EditTest, ABodyOfManyKeysIsRefusedWhereItIsParsed) {
  std::string many = "{";
  for (int i = 0; i < 86'000; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  many += "\"end\":1}";
  EXPECT_EQ(Apply(PatchService{"shop", many}).substr(0, 7), "body:1:");
  EXPECT_NE(refusal_.errors[0].message.find("more than 1024 keys in one map"), std::string::npos);
  EXPECT_FALSE(EditBody(many).tree());
  EXPECT_NE(Apply(PatchService{"shop", "{ name: \"caf\xe9\" }"}).find("not UTF-8"),
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
}  // namespace fairlead::control::editor_test
