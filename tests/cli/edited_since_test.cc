// An edit of somebody else is told from a change by hand that the file has already.
#include "cli/edited_since.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/replace_file.h"

namespace fairlead::cli::edited_since_test {
namespace {

using Keys = std::vector<std::string>;

std::string Reals(const std::string& items) {
  return "services:\n  - name: web\n    quorum: 1\n    reals: [" + items + "]\n";
}
std::string Real(int last, int weight) {
  return "{ address: 10.0.0." + std::to_string(last) +
         ", port: 80, weight: " + std::to_string(weight) + " }";
}

TEST(EditedSince, AValueOfNeitherIsAnEdit) {
  const Keys weight{"services: web: reals: 10.0.0.1:80: weight"};
  EXPECT_EQ(EditedSince(Reals(Real(1, 1)), Reals(Real(1, 7)), Reals(Real(1, 5)), {}), weight);
  EXPECT_EQ(EditedSince(Reals(Real(1, 1)), Reals(Real(1, 7)), Reals(Real(1, 1)), {}), weight);
  EXPECT_EQ(EditedSince(Reals(Real(1, 1)), Reals(Real(1, 1)), Reals(Real(1, 5)), {}), Keys{});
  EXPECT_EQ(EditedSince(Reals(Real(1, 1)), Reals(Real(1, 5)), Reals(Real(1, 5)), {}), Keys{});
}

TEST(EditedSince, EachItemCountsForItself) {
  const std::string read = Reals(Real(1, 1) + "," + Real(2, 1));
  const std::string wanted = Reals(Real(1, 5) + "," + Real(2, 5) + "," + Real(3, 1));
  EXPECT_EQ(EditedSince(read, Reals(Real(1, 5) + "," + Real(2, 1)), wanted, {}), Keys{});
  EXPECT_EQ(EditedSince(read, Reals(Real(1, 1) + "," + Real(2, 1) + "," + Real(3, 1)), wanted, {}),
            Keys{});
  EXPECT_EQ(EditedSince(read, Reals(Real(1, 1)), wanted, {}),
            Keys{"services: web: reals: 10.0.0.2:80"});
  EXPECT_EQ(EditedSince(read, Reals(Real(1, 1) + "," + Real(2, 1) + "," + Real(4, 1)), wanted, {}),
            Keys{"services: web: reals: 10.0.0.4:80"});
  EXPECT_EQ(EditedSince(read, Reals(Real(2, 1) + "," + Real(1, 1)), wanted, {}),
            Keys{"services: web: reals"})
      << "another order";
}

TEST(EditedSince, WhatWasRemovedByHandAndEditedIsAnEdit) {
  EXPECT_EQ(EditedSince(Reals(Real(1, 1) + "," + Real(2, 1)), Reals(Real(1, 1) + "," + Real(2, 9)),
                        Reals(Real(1, 1)), {}),
            Keys{"services: web: reals: 10.0.0.2:80"});
}

TEST(EditedSince, SectionsAreNamedAsInMessages) {
  const std::string read = "director: { name: a, workers: 1 }\nports: []\n";
  const std::string now = "director: { name: a, workers: 2 }\nports: []\n";
  EXPECT_EQ(EditedSince(read, now, read, {}), Keys{"director.workers"});
  EXPECT_EQ(EditedSince(read, now, read, {"director.workers"}), Keys{});
  EXPECT_EQ(EditedSince("a: 1\n", "", "a: 2\n", {}).size(), 1u);
}

class ReplaceFileTest : public ::testing::Test {
 protected:
  ReplaceFileTest() {
    std::filesystem::create_directories(directory_);
    std::ofstream(path_) << "was";
  }
  ~ReplaceFileTest() override { std::filesystem::remove_all(directory_); }
  std::string Text() {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  ptrdiff_t Files() { return std::distance(std::filesystem::directory_iterator(directory_), {}); }

  const std::string directory_ = ::testing::TempDir() + "replace-" + std::to_string(getpid());
  const std::string path_ = directory_ + "/file.yaml";
};

TEST_F(ReplaceFileTest, KeepsTheModeAndLeavesNothingBeside) {
  ASSERT_EQ(::chmod(path_.c_str(), 0640), 0);
  ASSERT_TRUE(ReplaceFile(path_, "was", "is"));
  EXPECT_EQ(Text(), "is");
  struct stat is {};
  ASSERT_EQ(::stat(path_.c_str(), &is), 0);
  EXPECT_EQ(is.st_mode & 07777, 0640u);
  EXPECT_EQ(Files(), 1);
}

TEST_F(ReplaceFileTest, AnEditOfTheLastMomentIsKept) {
  std::ofstream(path_) << "edited";
  const Status refused = ReplaceFile(path_, "was", "is");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("has been edited just now"), std::string::npos);
  EXPECT_EQ(Text(), "edited");
  EXPECT_EQ(Files(), 1);
}

}  // namespace
}  // namespace fairlead::cli::edited_since_test
