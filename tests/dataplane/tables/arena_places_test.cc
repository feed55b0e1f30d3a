#include "dataplane/tables/arena_places.h"

#include <gtest/gtest.h>

namespace fairlead::dataplane::arena_places_test {
namespace {

constexpr char kMounts[] =
    "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "22 21 0:20 / /sys/hugetlbfs rw - sysfs hugetlbfs rw,pagesize=2M\n"
    "23 21 0:40 / /dev/giant rw - hugetlbfs none rw,pagesize=1024M\n"
    "24 21 0:41 / /mnt/huge\\040pages rw,relatime shared:9 master:1 - hugetlbfs none "
    "rw,pagesize=2M,size=4194304\n"
    "25 21 0:42 / /dev/hugepages rw - hugetlbfs none rw,pagesize=2M\n";

TEST(ArenaPlaces, AutoIsNamedAfterTheDirector) {
  const auto places = FindArenaPlaces("auto", "edge-1", false, kMounts);
  ASSERT_TRUE(places.ok());
  EXPECT_EQ(places->directory, "/dev/shm/fairlead-edge-1");
  EXPECT_EQ(places->sections_directory, "/dev/shm/fairlead-edge-1");
}

TEST(ArenaPlaces, RecordsAreOnHugetlbfsWithReservedHugePages) {
  const auto places = FindArenaPlaces("auto", "edge-1", true, kMounts);
  ASSERT_TRUE(places.ok());
  EXPECT_EQ(places->directory, "/dev/shm/fairlead-edge-1");
  EXPECT_EQ(places->sections_directory, "/mnt/huge pages/fairlead-edge-1");
  const auto named = FindArenaPlaces("/srv/arena", "edge-1", true, kMounts);
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(named->directory, "/srv/arena");
  EXPECT_EQ(named->sections_directory, "/mnt/huge pages/fairlead-edge-1");
}

TEST(ArenaPlaces, APathLosesItsLastSlashes) {
  // O_NOFOLLOW would follow a symbolic link with one.
  EXPECT_EQ(FindArenaPlaces("/srv/arena//", "x", false, "")->directory, "/srv/arena");
  EXPECT_EQ(FindArenaPlaces("/", "x", false, "")->directory, "/");
}

TEST(ArenaPlaces, NamesMakeOneDirectoryEach) {
  EXPECT_EQ(ArenaDirectoryName("edge-1.example:a_b"), "fairlead-edge-1.example:a_b");
  EXPECT_EQ(ArenaDirectoryName("../x/y z"), "fairlead-.._x_y_z");
}

TEST(ArenaPlaces, WithoutHugetlbfsSaysHowToMountIt) {
  for (const char* mounts :
       {"", "junk", "1 2 3 4 /x rw - hugetlbfs", "23 21 0:40 / /x rw - hugetlbfs none rw"}) {
    const auto places = FindArenaPlaces("auto", "edge-1", true, mounts);
    ASSERT_FALSE(places.ok()) << mounts;
    EXPECT_EQ(places.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(places.error().message.find("mount -t hugetlbfs -o pagesize=2M"), std::string::npos);
  }
}

TEST(ArenaPlaces, RefusesWhatIsNoPlace) {
  for (const char* setting : {"none", "", "here", "./x"}) {
    const auto places = FindArenaPlaces(setting, "edge-1", false, kMounts);
    ASSERT_FALSE(places.ok()) << setting;
    EXPECT_EQ(places.error().code, ErrorCode::kInvalid);
  }
}

}  // namespace
}  // namespace fairlead::dataplane::arena_places_test
