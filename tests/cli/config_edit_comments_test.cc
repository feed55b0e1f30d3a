// Comments between brackets stay when what is there goes, and what was left is told by service.
#include <gtest/gtest.h>

#include "cli/config_edit.h"
#include "control/config/yaml_loader.h"

namespace fairlead::cli::config_edit_comments_test {
namespace {

using control::ConfigModel;

const std::string kWeb =
    "version: 1\nports: [ { name: p, device: net_null0, addresses: [192.0.2.1/24] } ]\n"
    "services:\n  - name: web\n    address: 192.0.2.80\n    protocol: tcp\n    port: 80\n";

ConfigModel Load(const std::string& text) {
  const auto loaded = control::LoadConfigText(text, "t.yaml");
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.errors.front().ToString()) << "\n" << text;
  return loaded ? *loaded.model : ConfigModel{};
}

// The text whose service has these reals afterwards.
std::string WithReals(const std::string& text, std::initializer_list<const char*> addresses) {
  const ConfigModel model = Load(text);
  ConfigModel wanted = model;
  auto& reals = wanted.services.Edit(0).reals;
  reals.clear();
  for (const char* address : addresses) {
    reals.push_back({.address = *IpAddress::Parse(address), .port = 80, .weight = 1});
  }
  const ConfigEdit edit = EditServices(text, model, wanted);
  EXPECT_EQ(edit.left, std::vector<std::string>{});
  EXPECT_EQ(Load(edit.text), wanted) << edit.text;
  return edit.text;
}

TEST(ConfigEditComments, StayInAnEmptiedList) {
  const std::string text =
      WithReals(kWeb +
                    "    reals: [\n      { address: 10.0.0.11 },\n      # rack 2, two of four\n"
                    "      { address: 10.0.0.12 },   # on loan\n    ]\n",
                {});
  EXPECT_NE(text.find("      # rack 2, two of four\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# on loan\n"), std::string::npos) << text;
}

TEST(ConfigEditComments, StayInARefilledList) {
  const std::string text =
      WithReals(kWeb +
                    "    reals: [\n      { address: 10.0.0.11 },\n      # rack 2, two of four\n"
                    "      { address: 10.0.0.12 } ]\n",
                {"10.0.0.13", "10.0.0.14"});
  EXPECT_NE(text.find("      # rack 2, two of four\n"), std::string::npos) << text;
}

TEST(ConfigEditComments, AValueThatWouldLoseThemIsLeft) {
  const std::string text =
      kWeb + "    health: [\n      { type: tcp },   # the port\n      { type: ping } ]\n";
  const ConfigModel model = Load(text);
  ConfigModel wanted = model;
  wanted.services.Edit(0).health.pop_back();
  const ConfigEdit edit = EditServices(text, model, wanted);
  EXPECT_EQ(edit.text, text);
  EXPECT_EQ(edit.left, std::vector<std::string>{"service web: health"});
}

TEST(ConfigEditLeft, ALongerNameIsAnotherService) {
  for (const char* left : {"service web", "service web: quorum", "service web removed", "services",
                           "real 10.0.0.11:80 of service web added"}) {
    EXPECT_TRUE(IsAbout(left, "web")) << left;
  }
  for (const char* left : {"service web2", "service web2: quorum", "service web-2 removed",
                           "real 10.0.0.11:80 of service web.test added", "policy"}) {
    EXPECT_FALSE(IsAbout(left, "web")) << left;
  }
}

}  // namespace
}  // namespace fairlead::cli::config_edit_comments_test
