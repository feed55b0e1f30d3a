// Replays what a real IPVS director did: data/linux_6_1.txt, whose head explains its lines.
#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <sstream>

#include "fake_service.h"

namespace fairlead::sched::recordings_test {
namespace {

class Replay {
 public:
  void Line(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "service") return MakeService(words);
    if (verb == "add") return Weighted(words, &FakeService::Add);
    if (verb == "edit") return Weighted(words, &FakeService::Edit);
    if (verb == "delete") return service_->Delete(Name(words));
    if (verb == "hold") return Connections(words, {}, true);
    if (verb == "short") return Connections(words, {}, false);
    if (verb == "from") return From(words);
    if (verb == "close") return Close(Name(words));
    if (verb == "counts") return Counts(words);
    ADD_FAILURE() << "unknown verb";
  }

  [[nodiscard]] int choices() const { return choices_; }

 private:
  static char Name(std::istringstream& words) {
    std::string word;
    words >> word;
    return word == "none" ? '-' : word[0];
  }

  void MakeService(std::istringstream& words) {
    std::string scheduler;
    std::string flags;
    words >> scheduler >> flags;
    service_.emplace(*KindFromName(scheduler),
                     Flags{.fallback = flags.find("-fallback") != std::string::npos,
                           .port = flags.find("-port") != std::string::npos});
  }
  void Weighted(std::istringstream& words, void (FakeService::*change)(char, int32_t)) {
    const char name = Name(words);
    int32_t weight = 0;
    words >> weight;
    ((*service_).*change)(name, weight);
  }
  void From(std::istringstream& words) {
    std::string text;
    words >> text;
    const Endpoint client = *Endpoint::Parse(text);
    Connections(words, {.client_fold = client.address.Fold(), .client_port = client.port.host()},
                false);
  }
  void Connections(std::istringstream& words, Request request, bool stay_open) {
    std::string expected;
    std::string chosen;
    for (char name = Name(words); words; name = Name(words), ++request.client_port) {
      expected += name;
      chosen += service_->PickOne(request);
      ++choices_;
      if (chosen.back() == '-') continue;
      if (stay_open) {
        service_->SetActive(chosen.back(), +1);
      } else {
        service_->SetInactive(chosen.back(), +1);
      }
    }
    EXPECT_EQ(chosen, expected);
  }
  void Close(char name) {
    const auto active = static_cast<int32_t>(service_->load(name).active);
    service_->SetActive(name, -active);
    service_->SetInactive(name, active);
  }
  void Counts(std::istringstream& words) {
    for (char name = Name(words); words; name = Name(words)) {
      Load load;
      words >> load.active >> load.inactive;
      EXPECT_EQ(service_->load(name), load) << "real " << name;
    }
  }

  std::optional<FakeService> service_;
  int choices_ = 0;
};

TEST(Recordings, Linux61) {
  std::ifstream file(FAIRLEAD_SCHED_DATA "/linux_6_1.txt");
  ASSERT_TRUE(file);
  Replay replay;
  int cases = 0;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("case ")) {
      ++cases;
      continue;
    }
    SCOPED_TRACE("line " + std::to_string(number) + ": " + line);
    replay.Line(line);
  }
  EXPECT_EQ(cases, 56);
  EXPECT_GT(replay.choices(), 1000);
}

}  // namespace
}  // namespace fairlead::sched::recordings_test
