// The text of /metrics, and that docs/counters.md, drop_reason.h and the emitted names say the
// same.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "api_test.h"
#include "fake_fleet.h"

namespace fairlead::testing::metrics_test {
namespace {

const std::string kSource = FAIRLEAD_SOURCE;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class MetricsTest : public ApiTest {
 protected:
  MetricsTest() { fleet = &own_fleet_; }
  std::string Scrape() {
    Start([](PortId port) -> std::optional<api::PortStats> {
      return api::PortStats{100u + port.value(), 2, 3, 4, 5, 6, 7};
    });
    const Answer answer = peer->Ask("GET /metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    return answer.body;
  }

 private:
  const FakeFleet own_fleet_;
};

// To renew after an intended change: FAIRLEAD_RENEW_GOLDEN=1 build/…/api_test.
TEST_F(MetricsTest, TextIsTheGoldenOne) {
  std::string text = std::regex_replace(
      Scrape(), std::regex(R"((fairlead_build_info\{version)="[^"]+")"), "$1=\"VERSION\"");
  // Of the process: those of other tests count too.
  text = std::regex_replace(text, std::regex("(fairlead_faults_total.*) [0-9]+"), "$1 0");
  text = std::regex_replace(text, std::regex("(fairlead_start_time_seconds) [0-9]+"), "$1 1");
  const std::string path = kSource + "/tests/api/golden/metrics.txt";
  if (std::getenv("FAIRLEAD_RENEW_GOLDEN") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(text, ReadFile(path));
}

// Planned work is not failure: only checks speak in `up`, only the operator in `admin_state`.
TEST_F(MetricsTest, HealthAndTheOperatorsWillAreApart) {
  using control::AdminState;
  using control::HealthState;
  control::ControlView view = MakeView();
  const control::RealInfo like = view.services[0].reals[0];
  control::ServiceInfo& web = view.services.Edit(0);
  web.reals.clear();
  const auto add = [&](const char* name, AdminState admin, HealthState health, bool is_ghost) {
    control::RealInfo real = like;
    real.name = name;
    real.admin = admin;
    real.health = health;
    real.is_ghost = is_ghost;
    web.reals.push_back(real);
  };
  add("fine", AdminState::kUp, HealthState::kUp, false);
  add("unchecked", AdminState::kUp, HealthState::kUnchecked, false);
  add("dead", AdminState::kUp, HealthState::kDown, false);
  add("disabled", AdminState::kDown, HealthState::kUp, false);
  add("disabled-dead", AdminState::kDown, HealthState::kDown, false);
  add("drained", AdminState::kDrain, HealthState::kDown, false);
  add("quiesced", AdminState::kQuiesce, HealthState::kUp, false);
  add("removed", AdminState::kUp, HealthState::kDown, true);
  director.SetView(view);
  std::istringstream text(Scrape());
  std::map<std::string, std::string> states;  // of each real: up, state, admin state
  const std::regex line(
      R"re(fairlead_real_(up|state|admin_state)\{service="web",real="([^"]+)"(,state="([^"]+)")?\} (\d))re");
  for (std::string row; std::getline(text, row);) {
    std::smatch match;
    if (!std::regex_match(row, match, line)) continue;
    states[match[2]] += (match[1] == "up" ? match[5].str() : match[4].str()) + " ";
    if (match[1] != "up") {
      EXPECT_EQ(match[5], "1");
    }
  }
  const std::map<std::string, std::string> expected{{"fine", "1 up up "},
                                                    {"unchecked", "1 up up "},
                                                    {"dead", "0 failed up "},
                                                    {"disabled", "1 disabled down "},
                                                    {"disabled-dead", "0 disabled down "},
                                                    {"drained", "0 drain drain "},
                                                    {"quiesced", "1 quiesce quiesce "}};
  EXPECT_EQ(states, expected);
}

// Who waits for an alarm compares with what was configured: the scheduler's weight of a dead one is
// 0 as well.
TEST_F(MetricsTest, AConfiguredWeightOutlivesAFailure) {
  control::ControlView view = MakeView();
  control::ServiceInfo& web = view.services.Edit(0);
  web.reals[0].weight = 7;
  web.reals[0].effective_weight = 0;
  web.reals[1].is_fallback = true;
  director.SetView(view);
  const std::string text = Scrape();
  const std::string name = "fairlead_real_configured_weight{service=\"web\",real=\"";
  EXPECT_NE(text.find(name + web.reals[0].name + "\"} 7\n"), std::string::npos);
  EXPECT_EQ(text.find(name + web.reals[1].name), std::string::npos);
}

TEST_F(MetricsTest, ReadyIsWhatReadyzSays) {
  EXPECT_NE(Scrape().find("\nfairlead_ready 1\n"), std::string::npos);
  control::ControlView view = MakeView();
  view.is_ready = false;
  director.SetView(view);
  EXPECT_NE(peer->Ask("GET /metrics").body.find("\nfairlead_ready 0\n"), std::string::npos);
}

TEST_F(MetricsTest, PeersSayWhetherTheyAreInSync) {
  control::ControlView view = MakeView();
  view.peers.clear();
  director.SetView(view);
  EXPECT_EQ(Scrape().find("fairlead_in_sync"), std::string::npos) << "there are none";
  view.peers = {{"edge-2", true, false}, {"edge-3", false, true}};
  director.SetView(view);
  const std::string text = peer->Ask("GET /metrics").body;
  for (const char* line :
       {"fairlead_in_sync{peer=\"edge-2\"} 1\n", "fairlead_in_sync{peer=\"edge-3\"} 0\n",
        "fairlead_peer_given_up{peer=\"edge-2\"} 0\n",
        "fairlead_peer_given_up{peer=\"edge-3\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST_F(MetricsTest, PromtoolIsContent) {
  const std::string path = director.directory() + "/metrics.txt";
  std::ofstream(path) << Scrape();
  const std::string command = "promtool check metrics < " + path + " > " + path + ".out 2>&1";
  ASSERT_EQ(std::system("promtool --version > /dev/null 2>&1"), 0) << "apt install prometheus";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(ReadFile(path + ".out"), "");
}

TEST_F(MetricsTest, CountersNeverFallWhenARealIsRetired) {
  Start();
  const std::regex line(R"re(fairlead_service_connections_total\{service="shop"\} (\d+))re");
  const auto connections = [&] {
    std::smatch match;
    const std::string text = peer->Ask("GET /metrics").body;
    return std::regex_search(text, match, line) ? std::stoul(match[1]) : 0;
  };
  const auto before = connections();
  control::ControlView view = MakeView();
  control::ServiceInfo& shop = view.services.Edit(1);
  shop.retired += director.fabric().stats.SumTraffic(RealId{4});
  shop.reals.pop_back();  // the removed one has gone for good
  director.SetView(view);
  EXPECT_EQ(connections(), before);
}

// One real under one name twice (fallback and listed): one series, or Prometheus refuses all.
TEST_F(MetricsTest, NoSeriesComesTwice) {
  control::ControlView view = MakeView();
  control::ServiceInfo& shop = view.services.Edit(1);
  shop.reals[1].name = shop.reals[0].name;
  director.SetView(view);
  std::set<std::string> seen;
  std::istringstream lines(Scrape());
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
}

// "| `name` | … |" rows of a section of docs/counters.md: name → rest of the row.
std::map<std::string, std::string> DocumentedRows(const std::string& heading) {
  const std::string text = ReadFile(kSource + "/docs/counters.md");
  const size_t begin = text.find("## " + heading);
  EXPECT_NE(begin, std::string::npos) << heading;
  const std::string section = text.substr(begin, text.find("\n## ", begin + 3) - begin);
  std::map<std::string, std::string> rows;
  const std::regex row(R"(\n\| `([a-z0-9_]+)`[^|]*\| ([^\n]+) \|)");
  for (std::sregex_iterator it(section.begin(), section.end(), row), end; it != end; ++it) {
    EXPECT_TRUE(rows.emplace((*it)[1], (*it)[2]).second) << "twice: " << (*it)[1];
  }
  return rows;
}

TEST_F(MetricsTest, EveryMetricIsDocumentedAndEveryDocumentedOneEmitted) {
  std::set<std::string> emitted, documented;
  const std::string text = Scrape();
  const std::regex type(R"(# TYPE (\S+) )");
  for (std::sregex_iterator it(text.begin(), text.end(), type), end; it != end; ++it) {
    emitted.insert((*it)[1]);
  }
  for (const auto& [name, rest] : DocumentedRows("Metrics")) documented.insert(name);
  EXPECT_EQ(emitted, documented);
}

TEST_F(MetricsTest, EveryDropReasonHasItsSentenceAndARemedy) {
  const auto rows = DocumentedRows("Drop reasons");
  for (const auto& reason : dataplane::kDropReasonText) {
    const auto row = rows.find(std::string(reason.label));
    ASSERT_NE(row, rows.end()) << reason.label << " is missing in docs/counters.md";
    const std::string& rest = row->second;
    const size_t bar = rest.find(" | ");
    ASSERT_NE(bar, std::string::npos) << reason.label << ": no remedy";
    EXPECT_EQ(rest.substr(0, bar), reason.sentence) << reason.label;
    EXPECT_GT(rest.size(), bar + 10) << reason.label << ": no remedy";
  }
  EXPECT_EQ(rows.size(), dataplane::kDropReasonCount) << "a reason that is no more";
}

}  // namespace
}  // namespace fairlead::testing::metrics_test
