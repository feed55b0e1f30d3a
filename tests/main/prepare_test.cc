#include "main/prepare.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace fairlead::prepare_test {
namespace {

namespace fs = std::filesystem;

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() : top_(testing::TempDir() + "prepare-" + std::to_string(getpid())) {
    fs::create_directories(top_);
    model_.director.name = "edge-1";
    model_.director.hugepages = control::AutoOnOff::kOn;
  }
  ~PrepareTest() override { fs::remove_all(top_); }

  // A machine whose only hugetlbfs is at `top_`.
  Status Prepare(const std::string& user) {
    return PrepareFor(user, model_,
                      "30 25 0:27 / " + top_ + " rw - hugetlbfs hugetlbfs rw,pagesize=2M\n");
  }

  const std::string top_;
  const std::string me_ = getpwuid(getuid())->pw_name;
  control::ConfigModel model_;
};

TEST_F(PrepareTest, TheDirectoryHasTheNameOfTheDirector) {
  ASSERT_TRUE(Prepare(me_));
  ASSERT_TRUE(Prepare(me_)) << "it is there already";
  struct stat status {};
  ASSERT_EQ(lstat((top_ + "/fairlead-edge-1").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFDIR | 0700u);
  EXPECT_EQ(status.st_uid, getuid());
  EXPECT_EQ(std::distance(fs::directory_iterator(top_), {}), 1);
}

TEST_F(PrepareTest, WithoutReservedHugePagesThereIsNothingToDo) {
  model_.director.hugepages = control::AutoOnOff::kAuto;
  EXPECT_TRUE(Prepare("nobody-here"));
  model_.director.hugepages = control::AutoOnOff::kOn;
  model_.director.arena = "none";
  EXPECT_TRUE(Prepare("nobody-here"));
  EXPECT_TRUE(fs::is_empty(top_));
}

TEST_F(PrepareTest, AnUnknownUserIsRefused) {
  const Status done = Prepare("nobody-here");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "there is no user \"nobody-here\" on this machine");
  EXPECT_TRUE(fs::is_empty(top_));
}

TEST_F(PrepareTest, WithoutHugetlbfsItSaysHowToMountIt) {
  const Status done = PrepareFor(me_, model_, "");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("mount -t hugetlbfs"), std::string::npos);
}

// Else whoever may write there would be given any directory of the machine.
TEST_F(PrepareTest, ALinkInItsPlaceIsNotFollowed) {
  fs::create_directory(top_ + "/elsewhere");
  fs::permissions(top_ + "/elsewhere", fs::perms{0755});
  fs::create_directory_symlink("elsewhere", top_ + "/fairlead-edge-1");
  EXPECT_FALSE(Prepare(me_));
  EXPECT_EQ(fs::status(top_ + "/elsewhere").permissions(), fs::perms{0755});
}

}  // namespace
}  // namespace fairlead::prepare_test
