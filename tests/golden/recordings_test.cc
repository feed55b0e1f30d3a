// What a real kernel did (data/), against what the director does.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>

#include "fragment_exceptions.h"
#include "replay.h"
#include "wire_replay.h"

namespace fairlead::golden::recordings_test {
namespace {

class Recordings : public ::testing::TestWithParam<std::string> {};

TEST_P(Recordings, AreReproduced) {
  const std::string path = std::string(FAIRLEAD_SOURCE) + "/tests/golden/data/" + GetParam();
  const Report report = Replay(ReadRecording(path), {});
  for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
  EXPECT_GT(report.observations, 100u);
  std::cout << GetParam() << ": " << report.observations << " observations compared, "
            << report.failures.size() << " differ\n";
  for (const auto& [exception, count] : report.exceptions) {
    std::cout << "exception " << TextOf(exception).name << " used " << count
              << " times: " << TextOf(exception).reason << '\n';
  }
}

std::vector<std::string> DataFiles() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(FAIRLEAD_SOURCE) + "/tests/golden/data")) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Recordings, ::testing::ValuesIn(DataFiles()), [](const auto& file) {
  std::string name = file.param.substr(0, file.param.find('.'));
  std::ranges::replace(name, '-', '_');
  return name;
});

// Said as Debian's ipvsadm says it to a kernel, everything is the same.
TEST(RecordingsThroughNetlink, AreReproduced) {
  for (const char* name : {"listing_formats.json", "quiesce_remove_edit.json"}) {
    const Recording recording =
        ReadRecording(std::string(FAIRLEAD_SOURCE) + "/tests/golden/data/" + name);
    const Report report = Replay(recording, {.is_through_netlink = true, .only = {}});
    for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
    EXPECT_GT(report.observations, 100u);
  }
}

// Where no scheduler has to choose among several, many workers must do the same as one.
TEST(RecordingsWithWorkers, StatesAreTheSame) {
  const Recording recording =
      ReadRecording(std::string(FAIRLEAD_SOURCE) + "/tests/golden/data/observed_states.json");
  for (const size_t workers : {2u, 3u, 8u}) {
    const Report report = Replay(recording, {.workers = workers, .only = {}});
    for (const std::string& failure : report.failures) {
      ADD_FAILURE() << workers << " workers: " << failure;
    }
    EXPECT_GT(report.observations, 300u);
  }
}

// "cuts 12, sooner 3"
std::string UsedOf(const wire::WireReport& report) {
  std::map<std::string, size_t> left = report.exceptions;
  std::string text;
  const auto add = [&text](const std::string& name, size_t count) {
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  };
  for (const auto& [name, reason] : wire::fragment_exceptions::kAll) {
    const auto used = left.extract(reason);
    if (!used.empty()) add(name, used.mapped());
  }
  for (const auto& [reason, count] : left) add("unnamed: " + reason, count);
  return text;
}

// What differs on purpose is named, and no more often than it is needed: an exception must not
// excuse what is lost.
TEST(WireRecordings, FragmentsComeOutAsTheyDidThere) {
  const std::string path = std::string(FAIRLEAD_SOURCE) + "/tests/golden/data/wire/fragments.json";
  const std::string used =
      "cuts 33, sooner 10, never whole 3, no time exceeded 2, shorter time 2, fits 2, quote 7, "
      "error source 3, rate limit 1, tiny 3";
  for (const size_t workers : {1u, 2u, 3u}) {
    const wire::WireReport report = wire::ReplayWire(path, {.workers = workers, .only = {}});
    for (const std::string& failure : report.failures) {
      ADD_FAILURE() << workers << " workers: " << failure;
    }
    EXPECT_EQ(report.cases, 14u);
    EXPECT_GT(report.observations, 100u);
    EXPECT_EQ(UsedOf(report), workers == 1 ? used : used + ", cursors 45") << workers << " workers";
  }
}

// What differs on purpose is named in tunnel_replay.cc.
TEST(WireRecordings, TunnelsAndMixedFamiliesComeOutAsTheyDidThere) {
  struct Expected {
    const char* name;
    size_t cases, observations;
  };
  for (const Expected& expected :
       {Expected{"tunnels", 22, 700}, Expected{"mixed_families", 2, 60}}) {
    const std::string path =
        std::string(FAIRLEAD_SOURCE) + "/tests/golden/data/wire/" + expected.name + ".json";
    ASSERT_TRUE(wire::IsWireRecording(path));
    for (const size_t workers : {1u, 2u, 3u}) {
      const wire::WireReport report = wire::ReplayWire(path, {.workers = workers, .only = {}});
      for (const std::string& failure : report.failures) {
        ADD_FAILURE() << workers << " workers: " << failure;
      }
      EXPECT_EQ(report.cases, expected.cases);
      EXPECT_GT(report.observations, expected.observations);
    }
  }
}

// What differs on purpose is named in local_replay.cc.
TEST(WireRecordings, ALocalNodeIsRefusedWhereTheKernelTakesOne) {
  const std::string path =
      std::string(FAIRLEAD_SOURCE) + "/tests/golden/data/wire/local_node6.json";
  ASSERT_TRUE(wire::IsWireRecording(path));
  for (const size_t workers : {1u, 2u, 3u}) {
    const wire::WireReport report = wire::ReplayWire(path, {.workers = workers, .only = {}});
    for (const std::string& failure : report.failures) {
      ADD_FAILURE() << workers << " workers: " << failure;
    }
    EXPECT_EQ(report.cases, 1u);
    EXPECT_GT(report.observations, 35u);
    EXPECT_EQ(report.exceptions.size(), 2u);
  }
}

}  // namespace
}  // namespace fairlead::golden::recordings_test
