// What a real kernel sent and made of what it was sent (data/), against what this director does.
#include <gtest/gtest.h>

#include <iostream>
#include <iterator>
#include <set>

#include "sync_exceptions.h"
#include "sync_replay.h"

namespace fairlead::sync::recordings_test {
namespace {

class SyncRecordings : public testing::TestWithParam<std::string> {};

SyncReport Replayed(const std::string& name, size_t workers) {
  return ReplaySync(std::string(FAIRLEAD_SYNC_DATA) + "/" + name, {.workers = workers});
}

void ExpectReproduced(const std::string& name, size_t workers) {
  const SyncReport report = Replayed(name, workers);
  for (const std::string& failure : report.failures) ADD_FAILURE() << failure;
  EXPECT_GT(report.observations, 20u);
  std::cout << name << ": " << report.observations << " observations compared, "
            << report.failures.size() << " differ\n";
  for (const auto& [reason, count] : report.exceptions) {
    std::cout << "exception used " << count << " times: " << reason << '\n';
  }
}

TEST_P(SyncRecordings, AreReproduced) { ExpectReproduced(GetParam(), 1); }
// Where no scheduler has to choose among several, many workers must do the same as one.
TEST(SyncRecordingsWithWorkers, AreReproduced) {
  for (const char* name : {"sync_refresh.json", "sync_timing.json", "sync_backup.json",
                           "sync_backup_more.json", "sync_crafted.json"}) {
    ExpectReproduced(name, 3);
  }
}

// One that no recording meets any more is to go.
TEST(SyncRecordingsOfAll, NeedEveryException) {
  std::set<std::string> used;
  for (const char* name : {"sync_master.json", "sync_refresh.json", "sync_timing.json",
                           "sync_backup.json", "sync_backup_more.json", "sync_crafted.json"}) {
    for (const auto& [reason, count] : Replayed(name, 1).exceptions) used.insert(reason);
  }
  for (const auto& [reason, count] : Replayed("sync_backup.json", 3).exceptions) {
    used.insert(reason);
  }
  for (const char* reason : kAllExceptions) EXPECT_TRUE(used.contains(reason)) << reason;
  EXPECT_EQ(used.size(), std::size(kAllExceptions)) << "kAllExceptions lacks one";
}

INSTANTIATE_TEST_SUITE_P(All, SyncRecordings,
                         testing::Values("sync_master.json", "sync_refresh.json",
                                         "sync_timing.json", "sync_backup.json",
                                         "sync_backup_more.json", "sync_crafted.json"),
                         [](const auto& file) {
                           return file.param.substr(0, file.param.find('.'));
                         });

}  // namespace
}  // namespace fairlead::sync::recordings_test
